using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.OAuth;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Tokens;

/// <summary>
/// An administrator ends all sessions of a member, and what it lets programs do in this organization; every gateway forgets them at once.
/// They were good for the member's other organizations, too: it signs in again and loses nothing there.
/// </summary>
internal static class RevokeMemberSessions
{
    /// <param name="Revoked">Sessions.</param>
    /// <param name="GrantsRevoked">Programs that acted for the member here, by what it granted them.</param>
    public sealed record Response(int Revoked, int GrantsRevoked);

    internal static void MapRevokeMemberSessions(this IEndpointRouteBuilder sessions) =>
        sessions.MapDelete("", HandleAsync).RequireAuthorization(Permission.SessionsRevoke).WithName(nameof(RevokeMemberSessions))
            .WithSummary("End all sessions of a member, and those of programs that act for it.")
            .ProducesProblem(StatusCodes.Status404NotFound);

    private static async Task<Results<Ok<Response>, ProblemHttpResult>> HandleAsync(
        SubjectId id, Caller caller, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        await using var tx = await db.BeginAsync(ct);
        var member = await tx.QuerySingleOrDefaultAsync<Row>(
            """
            select s.email, s.display_name
            from present_memberships m
            join subjects s on s.id = m.subject_id
            where m.org_id = @OrgId and m.subject_id = @id and s.type = 'user'
            """, new { caller.OrgId, id });
        if (member is null)
        {
            return Problems.NotFound();
        }

        var revoked = await tx.QueryAsync<TokenId>(
            $"update tokens t set revoked_at = @Now where {ListMemberSessions.Good} returning t.id",
            new { Now = now, Owner = id, Org = caller.OrgId });
        TokenStore.Publish(tx, revoked, now);
        foreach (var session in revoked)
        {
            tx.Audit(
                caller, now, "session_revoked", new AuditTarget(session.ToString(), member.Email, "token"),
                $"{caller.DisplayName} ended a session of {member.DisplayName}.", new { Owner = id, member.DisplayName });
        }

        var grants = await OAuthGrants.RevokeOpeningAsync(tx, id, caller.OrgId, now);
        foreach (var grant in grants)
        {
            tx.Audit(
                caller, now, "token_revoked", grant.Target, $"{caller.DisplayName} signed {member.DisplayName} out of {grant.ClientName}.",
                new { name = grant.ClientName, grant.ClientId, kind = "grant", Owner = id });
        }

        await tx.CommitAsync();
        return TypedResults.Ok(new Response(revoked.Count, grants.Count));
    }

    private sealed record Row(string Email, string DisplayName);
}
