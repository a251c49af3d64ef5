using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.Tokens;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Members;

/// <summary>
/// An administrator suspends a user: its tokens open nothing in the organization from now on, and do again when it is resumed.
/// </summary>
internal static class SuspendMember
{
    internal static void MapSuspendMember(this IEndpointRouteBuilder members) =>
        members.MapPost("/{id}/suspend", HandleAsync).RequireAuthorization(Permission.MembersWrite).WithName(nameof(SuspendMember))
            .WithSummary("Suspend a user.").ProducesProblem(StatusCodes.Status403Forbidden)
            .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict);

    private static async Task<Results<Ok<MemberView>, ProblemHttpResult>> HandleAsync(
        SubjectId id, Caller caller, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        if (await Member.LockAsync(tx, caller.OrgId, id, caller.SubjectId) is not { State: not Member.Removed } member)
        {
            return Problems.NotFound();
        }

        if (member.IsLastAdministrator)
        {
            return Member.LastAdministrator();
        }

        if (!member.IsManaged)
        {
            return Member.NotAllowed();
        }

        if (member.State == Member.Active)
        {
            var now = clock.GetUtcNow();
            await tx.ExecuteAsync(
                "update memberships set suspended_at = @now, version = version + 1 where org_id = @OrgId and subject_id = @id",
                new { caller.OrgId, id, now });
            await TokenStore.ForgetAsync(tx, id, now);
            tx.Audit(
                caller, now, "organization_user_suspended", member.Target, $"{member.DisplayName} was suspended.",
                Changes.Between(new { member.State }, new { State = Member.Suspended }));
        }

        var suspended = await GetMember.ReadAsync(tx, caller.OrgId, id);
        await tx.CommitAsync();
        return TypedResults.Ok(suspended);
    }
}
