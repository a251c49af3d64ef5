using EnvPlatform.Contracts.Events;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Callers;

using MassTransit;

using Npgsql;

namespace EnvPlatform.Identity.Channels;

/// <summary>
/// Stores how much of each channel the environments of an organization hold, and makes a channel of each name that means none. A part of an
/// older count than the latest is dropped; what a whole count does not name is held by none.
/// </summary>
internal sealed class StoreChannelCounts(NpgsqlDataSource db, TimeProvider clock) : IConsumer<ChannelsCounted>
{
    public Task Consume(ConsumeContext<ChannelsCounted> context) => db.HandleOnceAsync(this, context, async (tx, counted) =>
    {
        var organization = await tx.QuerySingleOrDefaultAsync<Row>(
            "select slug, name from organizations where id = @OrganizationId and erased_at is null for no key update",
            new { counted.OrganizationId });
        if (organization is null || await ArriveAsync(tx, counted) is not { } arrived)
        {
            return;
        }

        await StoreAsync(tx, counted);
        if (arrived == counted.Parts)
        {
            await CompleteAsync(tx, counted);
        }

        await ChannelNames.DiscoverAsync(
            tx, new Membership(counted.OrganizationId, organization.Slug, organization.Name, ""), clock.GetUtcNow());
    });

    /// <summary>How many parts of this count are here now; null where a later count has begun.</summary>
    private static Task<int?> ArriveAsync(Tx tx, ChannelsCounted counted) => tx.QuerySingleOrDefaultAsync<int?>(
        """
        insert into channel_counts (org_id, turn, arrived) values (@OrganizationId, @Turn, 1)
        on conflict (org_id) do update set
            turn = excluded.turn, arrived = case when channel_counts.turn = excluded.turn then channel_counts.arrived + 1 else 1 end
        where channel_counts.turn <= excluded.turn
        returning arrived
        """, new { counted.OrganizationId, counted.Turn });

    private static Task<int> StoreAsync(Tx tx, ChannelsCounted counted) => tx.ExecuteAsync(
        """
        insert into channel_usage (org_id, name, environments, packages, first_seen_at, turn)
        select @OrganizationId, name, environments, packages, first_seen_at, @Turn
        from unnest(@Names::text[], @Environments::bigint[], @Packages::bigint[], @Times::timestamptz[])
            as given (name, environments, packages, first_seen_at)
        on conflict (org_id, name) do update set
            environments = excluded.environments, packages = excluded.packages, turn = excluded.turn
        """,
        new
        {
            counted.OrganizationId,
            counted.Turn,
            Names = counted.Channels.Select(channel => channel.Name).ToArray(),
            Environments = counted.Channels.Select(channel => channel.Environments).ToArray(),
            Packages = counted.Channels.Select(channel => channel.Packages).ToArray(),
            Times = counted.Channels.Select(channel => channel.FirstSeenAt.ToUniversalTime()).ToArray(),
        });

    private static async Task CompleteAsync(Tx tx, ChannelsCounted counted)
    {
        await tx.ExecuteAsync(
            """
            update channel_usage set environments = 0, packages = 0, turn = @Turn
            where org_id = @OrganizationId and turn < @Turn
            """, new { counted.OrganizationId, counted.Turn });
        await tx.ExecuteAsync(
            "update channel_counts set whole_at = @CountedAt where org_id = @OrganizationId",
            new { counted.OrganizationId, counted.CountedAt });
    }

    private sealed record Row(string Slug, string Name);
}
