using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.Channels;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Groups;

/// <summary>
/// An administrator deletes a group. One that has access to channels is in use: it is refused, or with <c>cascade</c> the access is taken
/// away first, with an event for each channel.
/// </summary>
internal static class DeleteGroup
{
    internal static void MapDeleteGroup(this IEndpointRouteBuilder groups) =>
        groups.MapDelete("/{id}", HandleAsync).RequireAuthorization(Permission.GroupsWrite).WithName(nameof(DeleteGroup))
            .WithSummary("Delete a group; cascade=true takes its access to channels away first.")
            .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict)
            .ProducesProblem(StatusCodes.Status412PreconditionFailed);

    private static async Task<Results<NoContent, ProblemHttpResult>> HandleAsync(
        GroupId id, IfMatch ifMatch, Caller caller, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct, bool cascade = false)
    {
        await using var tx = await db.BeginAsync(ct);

        // Before the group, as everybody does who changes which group has access to which channel.
        await ChannelNames.LockAsync(tx, caller.OrgId);
        if (await GroupRow.LockAsync(tx, caller.OrgId, id) is not { } group)
        {
            return Problems.NotFound();
        }

        if ((ifMatch.Refuse(group.Version) ?? group.RefuseWrite()) is { } refusal)
        {
            return refusal;
        }

        var grants = await ChannelGrant.OfGroupAsync(tx, caller.OrgId, id);
        if (grants.Count > 0 && !cascade)
        {
            return InUse.Refuse("The group has access to channels.", [.. grants.Select(grant => grant.UseByChannel)]);
        }

        var now = clock.GetUtcNow();
        await ChannelGrant.RemoveAllAsync(tx, caller, grants, now);
        var members = await tx.ExecuteAsync(
            "delete from group_members where org_id = @OrgId and group_id = @id", new { caller.OrgId, id });
        await tx.ExecuteAsync("delete from user_groups where org_id = @OrgId and id = @id", new { caller.OrgId, id });
        tx.Audit(
            caller, now, "user_group_deleted", group.Target, $"{caller.DisplayName} deleted the group {group.Name}.",
            new { before = new { group.Name, group.Description, group.Source, members, channels = grants.Count } });
        await tx.CommitAsync();
        return TypedResults.NoContent();
    }
}
