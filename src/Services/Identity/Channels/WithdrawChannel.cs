using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

using Npgsql;

namespace EnvPlatform.Identity.Channels;

/// <summary>An administrator takes a group's access to a channel away.</summary>
internal static class WithdrawChannel
{
    internal static void MapWithdrawChannel(this IEndpointRouteBuilder channels) =>
        channels.MapDelete("/{id}/groups/{group_id}", HandleAsync).RequireAuthorization(Permission.ChannelsWrite)
            .WithName(nameof(WithdrawChannel)).WithSummary("Take a group's access to a channel away.")
            .ProducesProblem(StatusCodes.Status404NotFound);

    private static async Task<Results<NoContent, ProblemHttpResult>> HandleAsync(
        ChannelId id, [FromRoute(Name = "group_id")] GroupId groupId, Caller caller, NpgsqlDataSource db, TimeProvider clock,
        CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        await ChannelNames.LockAsync(tx, caller.OrgId);
        if ((await ChannelGrant.OfChannelAsync(tx, caller.OrgId, id)).Find(grant => grant.GroupId == groupId) is not { } grant)
        {
            return Problems.NotFound();
        }

        await ChannelGrant.RemoveAllAsync(tx, caller, [grant], clock.GetUtcNow());
        await tx.CommitAsync();
        return TypedResults.NoContent();
    }
}
