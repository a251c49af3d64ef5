using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

using Npgsql;

namespace EnvPlatform.Identity.Groups;

/// <summary>An administrator takes somebody out of a group.</summary>
internal static class RemoveGroupMember
{
    internal static void MapRemoveGroupMember(this IEndpointRouteBuilder groups) =>
        groups.MapDelete("/{id}/members/{user_id}", HandleAsync).RequireAuthorization(Permission.GroupsWrite)
            .WithName(nameof(RemoveGroupMember)).WithSummary("Take somebody out of a group.")
            .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict);

    private static async Task<Results<NoContent, ProblemHttpResult>> HandleAsync(
        GroupId id, [FromRoute(Name = "user_id")] SubjectId userId, Caller caller, NpgsqlDataSource db, TimeProvider clock,
        CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        if (await GroupRow.LockAsync(tx, caller.OrgId, id) is not { } group)
        {
            return Problems.NotFound();
        }

        if (group.RefuseWrite() is { } refusal)
        {
            return refusal;
        }

        var people = await GroupMembers.FindAsync(tx, caller.OrgId, [userId]);
        if (await GroupMembers.RemoveAsync(tx, caller, group, people, clock.GetUtcNow()) is { Count: 0 })
        {
            return Problems.NotFound();
        }

        await tx.CommitAsync();
        return TypedResults.NoContent();
    }
}
