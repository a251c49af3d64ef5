using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.Tokens;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Members;

/// <summary>An administrator lets a suspended user back in, with all that it had.</summary>
internal static class ResumeMember
{
    internal static void MapResumeMember(this IEndpointRouteBuilder members) =>
        members.MapPost("/{id}/resume", HandleAsync).RequireAuthorization(Permission.MembersWrite).WithName(nameof(ResumeMember))
            .WithSummary("Let a suspended user back in.").ProducesProblem(StatusCodes.Status403Forbidden)
            .ProducesProblem(StatusCodes.Status404NotFound);

    private static async Task<Results<Ok<MemberView>, ProblemHttpResult>> HandleAsync(
        SubjectId id, Caller caller, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        if (await Member.LockAsync(tx, caller.OrgId, id, caller.SubjectId) is not { State: not Member.Removed } member)
        {
            return Problems.NotFound();
        }

        if (!member.IsManaged)
        {
            return Member.NotAllowed();
        }

        if (member.State == Member.Suspended)
        {
            var now = clock.GetUtcNow();
            await tx.ExecuteAsync(
                "update memberships set suspended_at = null, version = version + 1 where org_id = @OrgId and subject_id = @id",
                new { caller.OrgId, id });
            await TokenStore.ForgetAsync(tx, id, now);
            tx.Audit(
                caller, now, "organization_user_resumed", member.Target, $"{member.DisplayName} was resumed as {member.Role}.",
                Changes.Between(new { member.State }, new { State = Member.Active }));
        }

        var resumed = await GetMember.ReadAsync(tx, caller.OrgId, id);
        await tx.CommitAsync();
        return TypedResults.Ok(resumed);
    }
}
