using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.SignIn;
using EnvPlatform.Identity.Tokens;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Members;

/// <summary>
/// An administrator suspends a user: its tokens open nothing in the organization from now on, and do again when it is resumed, with all
/// that it had.
/// </summary>
internal static class SuspendMember
{
    internal static void MapSuspendMember(this IEndpointRouteBuilder members)
    {
        members.MapPost(
            "/{id}/suspend", (SubjectId id, Caller caller, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct) =>
                HandleAsync(id, Member.Suspended, caller, db, clock, ct))
            .RequireAuthorization(Permission.MembersWrite).WithName(nameof(SuspendMember)).WithSummary("Suspend a user.")
            .ProducesProblem(StatusCodes.Status403Forbidden).ProducesProblem(StatusCodes.Status404NotFound)
            .ProducesProblem(StatusCodes.Status409Conflict);
        members.MapPost(
            "/{id}/resume", (SubjectId id, Caller caller, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct) =>
                HandleAsync(id, Member.Active, caller, db, clock, ct))
            .RequireAuthorization(Permission.MembersWrite).WithName("ResumeMember").WithSummary("Let a suspended user back in.")
            .ProducesProblem(StatusCodes.Status403Forbidden).ProducesProblem(StatusCodes.Status404NotFound);
    }

    private static async Task<Results<Ok<MemberView>, ProblemHttpResult>> HandleAsync(
        SubjectId id, string state, Caller caller, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        if (await Member.LockAsync(tx, caller.OrgId, id, caller.SubjectId) is not { State: not Member.Removed } member)
        {
            return Problems.NotFound();
        }

        if (state == Member.Suspended && member.IsLastAdministrator)
        {
            return Member.LastAdministrator();
        }

        if (!member.IsManaged)
        {
            return Member.NotAllowed();
        }

        if (member.State != state)
        {
            // An administrator that is back is one more, as one that is appointed.
            var now = clock.GetUtcNow();
            if (state == Member.Active && member.Role == Roles.Administrator
                && await StepUp.RefuseAsync(db, caller, now, ct) is { } older)
            {
                return older;
            }

            await StoreAsync(tx, caller, member, state, now);
        }

        var changed = await GetMember.ReadAsync(tx, caller.OrgId, id);
        await tx.CommitAsync();
        return TypedResults.Ok(changed);
    }

    private static async Task StoreAsync(Tx tx, Caller caller, Member member, string state, DateTimeOffset now)
    {
        var suspends = state == Member.Suspended;
        await tx.ExecuteAsync(
            "update memberships set suspended_at = @At, version = version + 1 where org_id = @OrgId and subject_id = @Id",
            new { caller.OrgId, member.Id, At = suspends ? now : (DateTimeOffset?)null });
        await TokenStore.ForgetAsync(tx, member.Id, now);
        tx.Audit(
            caller, now, suspends ? "organization_user_suspended" : "organization_user_resumed", member.Target,
            suspends ? $"{member.DisplayName} was suspended." : $"{member.DisplayName} was resumed as {member.Role}.",
            Changes.Between(new { member.State }, new { State = state }));
    }
}
