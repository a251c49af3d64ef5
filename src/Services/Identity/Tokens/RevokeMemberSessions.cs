using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Tokens;

/// <summary>
/// An administrator ends all sessions of a member; every gateway forgets them at once. They were good for the member's other organizations,
/// too: it signs in again and loses nothing there.
/// </summary>
internal static class RevokeMemberSessions
{
    public sealed record Response(int Revoked);

    internal static void MapRevokeMemberSessions(this IEndpointRouteBuilder sessions) =>
        sessions.MapDelete("", HandleAsync).RequireAuthorization(Permission.SessionsRevoke).WithName(nameof(RevokeMemberSessions))
            .WithSummary("End all sessions of a member.").ProducesProblem(StatusCodes.Status404NotFound);

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

        await tx.CommitAsync();
        return TypedResults.Ok(new Response(revoked.Count));
    }

    private sealed record Row(string Email, string DisplayName);
}
