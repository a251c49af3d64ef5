using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.Mail;
using EnvPlatform.Identity.Organizations;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Invitations;

/// <summary>
/// An administrator gives an open invitation another token and a new expiry, and sends it again where mail is sent; the token before is
/// void at once.
/// </summary>
internal static class ResendInvitation
{
    internal static void MapResendInvitation(this IEndpointRouteBuilder invitations) =>
        invitations.MapPost("/{id}/resend", HandleAsync).RequireAuthorization(Access.Person).WithName(nameof(ResendInvitation))
            .WithSummary("Give an open invitation another token and a new expiry; the token is mailed, or shown once.")
            .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status429TooManyRequests);

    /// <returns>Null when there is no such open invitation.</returns>
    internal static async Task<InviteMember.Response?> ResendAsync(
        Tx tx, Caller caller, InvitationId id, MailSender mail, InvitationLinks links, DateTimeOffset now)
    {
        var token = SecretFormat.New(SecretFormat.InvitationPrefix);
        var settings = await OrganizationSettings.FindAsync(tx, caller.OrgId);
        var row = await tx.QuerySingleOrDefaultAsync<Row>(
            """
            update invitations set sha256 = @Sha256, expires_at = @ExpiresAt, invited_by = @SubjectId, sends = sends + 1, sent_at = @now,
                mail_state = case when @ByMail and email is not null then 'queued' end,
                mail_due_at = case when @ByMail and email is not null then @now::timestamptz end, mail_tries = 0, mail_error = null
            where id = @id and org_id = @OrgId and ended_at is null
            returning email, display_name, role, created_at, expires_at, mail_state is not null as is_mailed
            """,
            new
            {
                id,
                caller.OrgId,
                Sha256 = SecretFormat.Sha256(token),
                ExpiresAt = now.AddDays(settings.InvitationDays),
                caller.SubjectId,
                now,
                ByMail = mail.IsOn,
            });
        if (row is null)
        {
            return null;
        }

        if (row.IsMailed)
        {
            await tx.ExecuteAsync("select pg_notify(@Channel, '')", new { SendInvitationMails.Channel });
        }

        tx.Audit(
            caller, now, "invitation_resent", Invitation.TargetOf(id, row.Email),
            $"{caller.DisplayName} resent the {Invitation.NameOf(row.Email)}.",
            new { row.Role, expires_at = row.ExpiresAt, by_mail = row.IsMailed });
        return new(
            id, row.Email, row.DisplayName, row.Role, row.CreatedAt, row.ExpiresAt, row.IsMailed ? null : token,
            row.IsMailed ? null : links.Of(token));
    }

    private static async Task<Results<Ok<InviteMember.Response>, ProblemHttpResult>> HandleAsync(
        InvitationId id, Caller caller, HttpResponse http, NpgsqlDataSource db, MailSender mail, InvitationLinks links, TimeProvider clock,
        CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        await using var tx = await db.BeginAsync(ct);
        if (await NewInvitation.CountAsync(tx, caller.OrgId, 1, http, now) is { } tooMany)
        {
            return tooMany;
        }

        if (await ResendAsync(tx, caller, id, mail, links, now) is not { } resent)
        {
            return Problems.NotFound();
        }

        await tx.CommitAsync();
        http.Headers.CacheControl = "no-store";
        return TypedResults.Ok(resent);
    }

    private sealed record Row(
        string? Email, string DisplayName, string Role, DateTimeOffset CreatedAt, DateTimeOffset ExpiresAt, bool IsMailed);
}
