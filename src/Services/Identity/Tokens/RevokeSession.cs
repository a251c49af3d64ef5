using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.Organizations;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Tokens;

/// <summary>
/// Somebody ends one of its sessions; every gateway forgets it at once. It is logged where the sign-in was. An administrator ends all those
/// of a member: <see cref="RevokeMemberSessions"/>.
/// </summary>
internal static class RevokeSession
{
    internal static void MapRevokeSession(this IEndpointRouteBuilder sessions) =>
        sessions.MapDelete("/{id}", HandleAsync).WithName(nameof(RevokeSession)).WithSummary("End one of one's own sessions.")
            .ProducesProblem(StatusCodes.Status403Forbidden).ProducesProblem(StatusCodes.Status404NotFound);

    private static async Task<Results<NoContent, ProblemHttpResult>> HandleAsync(
        TokenId id, Caller caller, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        if (await Credential.FindAsync(db, caller, now, ct) is not { OrgId: null })
        {
            return Credential.TooNarrow();
        }

        await using var tx = await db.BeginAsync(ct);
        if (!await RevokeAsync(tx, id, caller, now))
        {
            return Problems.NotFound();
        }

        await tx.CommitAsync();
        return TypedResults.NoContent();
    }

    /// <returns>False when it is no session of the caller's, or has been revoked.</returns>
    internal static async Task<bool> RevokeAsync(Tx tx, TokenId id, Caller caller, DateTimeOffset now)
    {
        var revoked = await tx.ExecuteAsync(
            """
            update tokens set revoked_at = @now
            where id = @id and subject_id = @SubjectId and kind = 'session' and revoked_at is null
            """, new { id, caller.SubjectId, now });
        if (revoked == 0)
        {
            return false;
        }

        var home = await tx.QuerySingleOrDefaultAsync<OrganizationRow>(
            """
            select o.id, o.slug, o.name
            from active_memberships m
            join organizations o on o.id = m.org_id
            where m.subject_id = @SubjectId
            order by m.created_at, m.org_id limit 1
            """, new { caller.SubjectId });
        TokenStore.Publish(tx, [id], now);
        tx.Audit(
            home?.Seen(caller) ?? caller with { Organization = null }, now, "session_revoked",
            new AuditTarget(id.ToString(), caller.Email, "token"),
            $"{caller.DisplayName} ended {(caller.TokenId == id ? "its own session" : "another of its sessions")}.",
            new { current = caller.TokenId == id });
        return true;
    }
}
