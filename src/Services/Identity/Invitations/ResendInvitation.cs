using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Identity.Invitations;

/// <summary>An administrator gives an open invitation another token and a new expiry; the token before is void at once.</summary>
internal static class ResendInvitation
{
    internal static void MapResendInvitation(this IEndpointRouteBuilder invitations) =>
        invitations.MapPost("/{id}/resend", HandleAsync).RequireAuthorization(Access.Person).WithName(nameof(ResendInvitation))
            .WithSummary("Give an open invitation another token, which is shown once, and a new expiry.")
            .ProducesProblem(StatusCodes.Status404NotFound);

    private static async Task<Results<Ok<InviteMember.Response>, ProblemHttpResult>> HandleAsync(
        InvitationId id, Caller caller, HttpResponse http, NpgsqlDataSource db, IOptions<IdentityOptions> options, TimeProvider clock,
        CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var token = SecretFormat.New(SecretFormat.InvitationPrefix);
        var expiresAt = now.AddDays(options.Value.InvitationDays);
        await using var tx = await db.BeginAsync(ct);
        var row = await tx.QuerySingleOrDefaultAsync<Row>(
            """
            update invitations set sha256 = @Sha256, expires_at = @expiresAt, invited_by = @SubjectId
            where id = @id and org_id = @OrgId and ended_at is null
            returning email, display_name, role, created_at
            """, new { id, caller.OrgId, Sha256 = SecretFormat.Sha256(token), expiresAt, caller.SubjectId });
        if (row is null)
        {
            return Problems.NotFound();
        }

        tx.Audit(
            caller, now, "invitation_resent", new AuditTarget(id.ToString(), row.Email, "invitation"),
            $"{caller.DisplayName} resent the invitation of {row.Email}.", new { row.Role, expires_at = expiresAt });
        await tx.CommitAsync();
        http.Headers.CacheControl = "no-store";
        return TypedResults.Ok(new InviteMember.Response(id, row.Email, row.DisplayName, row.Role, row.CreatedAt, expiresAt, token));
    }

    private sealed record Row(string Email, string DisplayName, string Role, DateTimeOffset CreatedAt);
}
