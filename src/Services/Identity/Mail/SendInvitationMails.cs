using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.Invitations;
using EnvPlatform.Identity.SignIn;
using EnvPlatform.Postgres;
using EnvPlatform.Postgres.Background;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Identity.Mail;

/// <summary>
/// Sends the invitations that wait for it, woken when there is one. A try makes a new token, stores its hash and lets go of the database
/// before it talks to the mail server: the token is nowhere but in the mail, and that of a try which failed, or whose end nobody saw,
/// opens nothing. Of several instances one takes a mail; one that ended meanwhile leaves it to be tried again later.
/// </summary>
internal sealed partial class SendInvitationMails(
    NpgsqlDataSource db, TimeProvider clock, MailSender sender, InvitationLinks links, IOptions<MailOptions> options,
    ILogger<SendInvitationMails> log) : IListeningWork
{
    public const string Channel = "invitation_mails";
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(100);

    static string IListeningWork.Channel => Channel;

    public async Task<TimeSpan> RunAsync(CancellationToken ct)
    {
        if (!sender.IsOn)
        {
            return Longest;
        }

        while (await TakeAsync(ct) is { } due)
        {
            var message = InvitationMail.Of(
                due.Email, due.Organization, due.Inviter, due.Role, due.Message, links.Of(due.Token), due.ExpiresAt);
            await StoreAsync(due, await sender.SendAsync(message, ct), ct);
        }

        var next = await db.QueryAsync<DateTimeOffset>(
            """
            select q.mail_due_at from invitations q join organizations d on d.id = q.org_id and d.deleted_at is null
            where q.mail_due_at is not null and q.ended_at is null and q.expires_at > @Now
            order by q.mail_due_at limit 1
            """, new { Now = clock.GetUtcNow() }, ct);
        var pause = next.Count == 0 ? Longest : next[0] - clock.GetUtcNow();
        return pause < Shortest ? Shortest : pause > Longest ? Longest : pause;
    }

    /// <summary>The next mail that is due, with a token of its own; nobody else takes it while it may be on its way.</summary>
    private async Task<Due?> TakeAsync(CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        var now = clock.GetUtcNow();
        var token = SecretFormat.New(SecretFormat.InvitationPrefix);
        var due = await tx.QuerySingleOrDefaultAsync<Due>(
            """
            update invitations i set sha256 = @Sha256, mail_tries = i.mail_tries + 1, mail_due_at = @Again
            from organizations o, subjects s
            where o.id = i.org_id and s.id = i.invited_by and i.id = (
                select q.id from invitations q join organizations d on d.id = q.org_id and d.deleted_at is null
                where q.mail_due_at <= @now and q.ended_at is null and q.expires_at > @now
                order by q.mail_due_at limit 1 for update of q skip locked)
            returning i.id, i.org_id, i.email, i.role, i.message, i.expires_at, i.mail_tries as tries, o.name as organization,
                s.display_name as inviter
            """,
            new
            {
                now,
                Sha256 = SecretFormat.Sha256(token),
                Again = now.AddSeconds(options.Value.TimeoutSeconds + RetrySeconds(1)),
            });
        await tx.CommitAsync();
        return due is null ? null : due with { Token = token };
    }

    /// <summary>Unless somebody resent or ended the invitation meanwhile.</summary>
    private async Task StoreAsync(Due due, MailFailure? failure, CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        var now = clock.GetUtcNow();
        var isOver = failure is null || failure.IsFinal || due.Tries >= options.Value.Tries;
        var stored = await tx.ExecuteAsync(
            """
            update invitations set mail_state = @State, mail_error = @Reason, mail_due_at = @Next
            where id = @Id and sha256 = @Sha256 and ended_at is null
            """,
            new
            {
                due.Id,
                Sha256 = SecretFormat.Sha256(due.Token),
                State = failure is null ? "sent" : isOver ? "failed" : "queued",
                failure?.Reason,
                Next = isOver ? (DateTimeOffset?)null : now.AddSeconds(RetrySeconds(due.Tries)),
            });
        if (stored == 1 && failure is not null && isOver)
        {
            tx.Audit(
                Caller.OfSystem(AuthenticationFailures.Service, due.OrgId), now, "invitation_failed",
                new AuditTarget(due.Id.ToString(), due.Email, "invitation"), $"The invitation of {due.Email} could not be sent by mail.",
                new { due.Role, failure.Reason, due.Tries });
        }

        await tx.CommitAsync();
        if (failure is null)
        {
            LogSent(due.Id, due.Tries);
        }
        else
        {
            LogFailed(due.Id, due.Tries, failure.Reason);
        }
    }

    /// <summary>Seconds to wait after a number of tries.</summary>
    private double RetrySeconds(int tries) => Math.Min(3_600, options.Value.RetrySeconds * Math.Pow(2, tries - 1));

    private sealed record Due(
        InvitationId Id, OrganizationId OrgId, string Email, string Role, string? Message, DateTimeOffset ExpiresAt, int Tries,
        string Organization, string Inviter)
    {
        public string Token { get; init; } = "";
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Sent the invitation {Id} by mail, at try {Tries}")]
    private partial void LogSent(InvitationId id, int tries);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Could not send the invitation {Id} by mail at try {Tries}: {Reason}")]
    private partial void LogFailed(InvitationId id, int tries, string reason);
}
