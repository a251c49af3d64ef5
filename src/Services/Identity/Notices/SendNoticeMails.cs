using EnvPlatform.Identity.Mail;
using EnvPlatform.Postgres;
using EnvPlatform.Postgres.Background;

using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Identity.Notices;

/// <summary>
/// Sends the notices that wait for it, woken when there is one. It takes one at a time and lets go of the database before it talks to the
/// mail server; of several instances one has it, until the time of a try is over.
/// </summary>
internal sealed partial class SendNoticeMails(
    NpgsqlDataSource db, TimeProvider clock, MailSender sender, IConfiguration configuration, IOptions<MailOptions> options,
    ILogger<SendNoticeMails> log) : IListeningWork
{
    public const string Channel = "notice_mails";
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
            var failure = await sender.SendAsync(due.ToNotice().ToMail(PlatformAddress.Of(configuration)), ct);
            await StoreAsync(due, failure, ct);
        }

        var next = await db.QueryAsync<DateTimeOffset>("select due_at from notice_mails order by due_at limit 1", null, ct);
        var pause = next.Count == 0 ? Longest : next[0] - clock.GetUtcNow();
        return pause < Shortest ? Shortest : pause > Longest ? Longest : pause;
    }

    private async Task<Due?> TakeAsync(CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        var now = clock.GetUtcNow();
        var due = await tx.QuerySingleOrDefaultAsync<Due>(
            """
            update notice_mails set tries = tries + 1, due_at = @Again
            where id = (select id from notice_mails where due_at <= @now order by due_at limit 1 for update skip locked)
            returning id, recipient, subject, lead, lines, advice, path, tries
            """, new { now, Again = now.AddSeconds(options.Value.TimeoutSeconds + RetrySeconds(1)) });
        await tx.CommitAsync();
        return due;
    }

    private async Task StoreAsync(Due due, MailFailure? failure, CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        if (failure is null || failure.IsFinal || due.Tries >= options.Value.Tries)
        {
            await tx.ExecuteAsync("delete from notice_mails where id = @Id", new { due.Id });
        }
        else
        {
            await tx.ExecuteAsync(
                "update notice_mails set due_at = @Next where id = @Id",
                new { due.Id, Next = clock.GetUtcNow().AddSeconds(RetrySeconds(due.Tries)) });
        }

        await tx.CommitAsync();
        if (failure is not null)
        {
            LogFailed(due.Id, due.Tries, failure.Reason);
        }
    }

    /// <summary>Seconds to wait after a number of tries.</summary>
    private double RetrySeconds(int tries) => Math.Min(3_600, options.Value.RetrySeconds * Math.Pow(2, tries - 1));

    private sealed record Due(
        Guid Id, string Recipient, string Subject, string Lead, string[] Lines, string Advice, string Path, int Tries)
    {
        public Notice ToNotice() => new(Recipient, Subject, Lead, Lines, Advice, Path);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Could not send the notice {Id} by mail at try {Tries}: {Reason}")]
    private partial void LogFailed(Guid id, int tries, string reason);
}
