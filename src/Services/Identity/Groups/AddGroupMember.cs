using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

using Npgsql;

namespace EnvPlatform.Identity.Groups;

/// <summary>An administrator puts a member or a service account into a group. Who is in it stays in it, without an event.</summary>
internal static class AddGroupMember
{
    internal static void MapAddGroupMember(this IEndpointRouteBuilder groups) =>
        groups.MapPut("/{id}/members/{user_id}", HandleAsync).RequireAuthorization(Permission.GroupsWrite).WithName(nameof(AddGroupMember))
            .WithSummary("Put a member or a service account into a group.")
            .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict);

    private static async Task<Results<Ok<GroupMembers.Person>, ProblemHttpResult>> HandleAsync(
        GroupId id, [FromRoute(Name = "user_id")] SubjectId userId, Caller caller, NpgsqlDataSource db, TimeProvider clock,
        CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        if (await GroupRow.LockAsync(tx, caller.OrgId, id) is not { } group
            || (await GroupMembers.FindAsync(tx, caller.OrgId, [userId])).FirstOrDefault() is not { } person)
        {
            return Problems.NotFound();
        }

        if (group.RefuseWrite() is { } refusal)
        {
            return refusal;
        }

        await GroupMembers.AddAsync(tx, caller, group, [person], clock.GetUtcNow());
        await tx.CommitAsync();
        return TypedResults.Ok(person);
    }
}
