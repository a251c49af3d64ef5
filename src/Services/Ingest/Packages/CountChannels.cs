using System.Diagnostics;

using EnvPlatform.Contracts;
using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.Postgres.Background;

using Npgsql;

namespace EnvPlatform.Ingest.Packages;

/// <summary>
/// Counts how many environments of an organization hold packages of which channel, when that may have changed, and tells. A count is exact
/// at one moment: the marks that it takes away are of changes that it sees, and a change that it does not see leaves its mark. One instance
/// counts an organization at a time, in at most a twentieth of the time.
/// </summary>
internal sealed partial class CountChannels(NpgsqlDataSource db, TimeProvider clock, ILogger<CountChannels> log) : IPeriodicWork
{
    private const int RestPerWork = 20;
    private const int SetsAtOnce = 500;

    public static TimeSpan Interval { get; } = TimeSpan.FromSeconds(2);

    public async Task RunAsync(CancellationToken ct)
    {
        var marked = await db.QueryAsync<OrganizationId>(
            """
            select distinct m.org_id from channel_marks m
            where not exists (select from channel_counts c where c.org_id = m.org_id and c.not_before > @Now)
            """, new { Now = clock.GetUtcNow() }, ct);
        // One whose count fails every time must not keep the same others waiting.
        foreach (var organization in marked.Shuffle())
        {
            await CountAsync(organization, ct);
        }
    }

    private async Task CountAsync(OrganizationId organization, CancellationToken ct)
    {
        var started = Stopwatch.GetTimestamp();
        await LearnAsync(organization, ct);
        await using var tx = await db.BeginAsync(ct);
        var now = clock.GetUtcNow();
        await tx.ExecuteAsync(
            "insert into channel_counts (org_id, turn, not_before) values (@organization, 0, @now) on conflict do nothing",
            new { organization, now });
        var turn = await tx.QuerySingleOrDefaultAsync<long?>(
            "select turn + 1 from channel_counts where org_id = @organization and not_before <= @now for update skip locked",
            new { organization, now });
        if (turn is null || await tx.ExecuteAsync("delete from channel_marks where org_id = @organization", new { organization }) == 0)
        {
            return;
        }

        if (!await tx.QuerySingleAsync<bool>(
            "select exists (select from organization_package_sets where org_id = @organization)", new { organization }))
        {
            // It was erased, and nobody wants to hear of it.
            await tx.ExecuteAsync("delete from channel_counts where org_id = @organization", new { organization });
            await tx.CommitAsync();
            return;
        }

        var channels = await ReadAsync(tx, organization, now);
        Tell(tx, organization, turn.Value, channels, now);
        var took = Stopwatch.GetElapsedTime(started);
        await tx.ExecuteAsync(
            "update channel_counts set turn = @turn, not_before = @NotBefore where org_id = @organization",
            new { organization, turn, NotBefore = now + (took * RestPerWork) });
        await tx.CommitAsync();
        LogCounted(channels.Count, organization.Value, (long)took.TotalMilliseconds);
    }

    /// <summary>Looks up the channels of the sets that nobody has looked up, some at a time.</summary>
    private async Task LearnAsync(OrganizationId organization, CancellationToken ct)
    {
        int learned;
        do
        {
            await using var tx = await db.BeginAsync(ct);
            learned = await LearnAsync(tx, organization);
            await tx.CommitAsync();
        }
        while (learned == SetsAtOnce);
    }

    private static Task<int> LearnAsync(Tx tx, OrganizationId organization) => tx.ExecuteAsync(
        $"""
        insert into package_set_channels (package_set_id, channels)
        select s.package_set_id, {ChannelsOfSet}
        from package_sets s
        where s.package_set_id in (
            select o.package_set_id from organization_package_sets o
            where o.org_id = @organization and o.living
              and not exists (select from package_set_channels c where c.package_set_id = o.package_set_id)
            order by o.package_set_id limit @SetsAtOnce)
        order by s.package_set_id
        on conflict do nothing
        """, new { organization, SetsAtOnce });

    private const string ChannelsOfSet =
        """
        array(
            select distinct p.channel from packages p
            where p.package_id = any(s.package_ids) and p.manager = 'conda' and p.channel <> '' order by 1)
        """;

    /// <remarks>
    /// A statement sees what was committed before it began, and with that every change whose mark was taken away. It looks up the channels
    /// of the few sets that came since.
    /// </remarks>
    private static Task<List<CountedChannel>> ReadAsync(Tx tx, OrganizationId organization, DateTimeOffset now) =>
        tx.QueryAsync<CountedChannel>(
            $"""
            with held as materialized (
                select s.package_set_id, o.environments, s.package_ids, coalesce(c.channels, {ChannelsOfSet}) as channels
                from organization_package_sets o
                join package_sets s using (package_set_id)
                left join package_set_channels c using (package_set_id)
                where o.org_id = @organization and o.living),
            counted as (
                select e.channel, e.environments, n.packages
                from (
                    select channel, sum(environments)::bigint as environments
                    from held cross join unnest(held.channels) as channel group by channel) e
                join (
                    select p.channel, count(*) as packages
                    from (select distinct unnest(package_ids) as package_id from held) d
                    join packages p using (package_id)
                    where p.manager = 'conda'
                    group by p.channel) n using (channel)),
            added as (
                insert into organization_channels (org_id, channel, first_seen_at)
                select @organization, channel, @now from counted order by channel
                on conflict do nothing
                returning channel, first_seen_at)
            select c.channel as name, c.environments, c.packages, coalesce(a.first_seen_at, o.first_seen_at) as first_seen_at
            from counted c
            left join added a using (channel)
            left join organization_channels o on o.org_id = @organization and o.channel = c.channel
            order by c.channel
            """, new { organization, now });

    private static void Tell(Tx tx, OrganizationId organization, long turn, List<CountedChannel> channels, DateTimeOffset now)
    {
        var parts = channels.Chunk(ChannelsCounted.Most).DefaultIfEmpty([]).ToArray();
        for (var i = 0; i < parts.Length; i++)
        {
            tx.Publish(new ChannelsCounted(organization, turn, i + 1, parts.Length, parts[i], now));
        }
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "Counted {Channels} channels of organization {Organization} in {Milliseconds} ms")]
    private partial void LogCounted(int channels, Guid organization, long milliseconds);
}
