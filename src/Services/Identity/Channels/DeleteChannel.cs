using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Channels;

/// <summary>
/// An administrator deletes what is known of a channel. Packages keep its name: while environments hold some it is there again, discovered.
/// One that groups have access to is in use: it is refused, or with <c>cascade</c> the access is taken away first.
/// </summary>
internal static class DeleteChannel
{
    internal static void MapDeleteChannel(this IEndpointRouteBuilder channels) =>
        channels.MapDelete("/{id}", HandleAsync).RequireAuthorization(Permission.ChannelsWrite).WithName(nameof(DeleteChannel))
            .WithSummary("Delete what is known of a channel; cascade=true takes the access of groups away first.")
            .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict)
            .ProducesProblem(StatusCodes.Status412PreconditionFailed);

    private static async Task<Results<NoContent, ProblemHttpResult>> HandleAsync(
        ChannelId id, IfMatch ifMatch, Caller caller, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct, bool cascade = false)
    {
        await using var tx = await db.BeginAsync(ct);
        await ChannelNames.LockAsync(tx, caller.OrgId);
        if (await ChannelFields.LockAsync(tx, caller.OrgId, id) is not { } row)
        {
            return Problems.NotFound();
        }

        if (ifMatch.Refuse(row.Version) is { } refusal)
        {
            return refusal;
        }

        var grants = await ChannelGrant.OfChannelAsync(tx, caller.OrgId, id);
        if (grants.Count > 0 && !cascade)
        {
            return InUse.Refuse("Groups have access to the channel.", [.. grants.Select(grant => grant.UseByGroup)]);
        }

        var now = clock.GetUtcNow();
        await ChannelGrant.RemoveAllAsync(tx, caller, grants, now);
        await ChannelNames.DropAsync(tx, caller.OrgId, [id.Value]);
        tx.Audit(
            caller, now, "channel_deleted", new(id.ToString(), null, "channel"), $"{caller.DisplayName} deleted the channel {row.Name}.",
            new { before = row.Fields, row.Environments, groups = grants.Count });
        await ChannelNames.DiscoverAsync(tx, caller.Organization!, now);
        await tx.CommitAsync();
        return TypedResults.NoContent();
    }
}
