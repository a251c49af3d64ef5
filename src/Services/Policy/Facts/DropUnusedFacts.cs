using EnvPlatform.Postgres;
using EnvPlatform.Postgres.Background;

using Npgsql;

namespace EnvPlatform.Policy.Facts;

/// <summary>
/// Drops what nobody holds any more, a week after the last environment has left it: a set that comes back is scanned, and told, anew. Also
/// has facts fetched that an older version of this service left out.
/// </summary>
internal sealed partial class DropUnusedFacts(NpgsqlDataSource db, TimeProvider clock, ILogger<DropUnusedFacts> log) : IPeriodicWork
{
    private const int Batch = 2_000;

    /// <summary>Longer than a log's event and its scan's are on the way, whichever comes first.</summary>
    private static readonly TimeSpan Kept = TimeSpan.FromDays(7);

    public static TimeSpan Interval { get; } = TimeSpan.FromHours(1);

    public async Task RunAsync(CancellationToken ct)
    {
        await AddMissingAsync(ct);
        await MarkAsync(ct);
        var dropped = 0;
        await db.EraseAsync(
            async tx =>
            {
                var some = await DropSetsAsync(tx);
                dropped += some;
                return some;
            }, ct);
        if (dropped > 0)
        {
            await DropPackagesAsync(ct);
            LogDropped(dropped);
        }

        await db.EraseAsync(
            tx => tx.ExecuteAsync(
                """
                delete from package_findings where (package_id, vulnerability_id) in (
                    select package_id, vulnerability_id from package_findings where gone_at < @Before limit 10000)
                """, new { Before = Before() }), ct);
    }

    private async Task AddMissingAsync(CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        var added = await FactsToFetch.AddMissingAsync(tx);
        await tx.CommitAsync();
        if (added > 0)
        {
            LogMissing(added);
        }
    }

    /// <summary>Only rows that change are written.</summary>
    private async Task MarkAsync(CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        await FactsLock.TakeAsync(tx);
        await tx.ExecuteAsync(
            """
            with held as materialized (
                select distinct org_id, package_set_id from environment_status where not removed and package_set_id is not null),
            seen as (
                select f.org_id, f.package_set_id, h.org_id is not null as is_held
                from scan_facts f left join held h using (org_id, package_set_id)
                where (h.org_id is null) <> (f.unused_since is not null)
                order by f.org_id, f.package_set_id for no key update of f)
            update scan_facts f set unused_since = case when seen.is_held then null else @Now end
            from seen where f.org_id = seen.org_id and f.package_set_id = seen.package_set_id
            """, new { Now = clock.GetUtcNow() });
        await tx.CommitAsync();
    }

    private async Task<int> DropSetsAsync(Tx tx)
    {
        await FactsLock.TakeAsync(tx);
        return await tx.QuerySingleAsync<int>(
            """
            with unused as (
                select org_id, package_set_id from scan_facts where unused_since < @Before
                order by org_id, package_set_id limit @Batch for update),
            dropped as (
                delete from scan_facts f using unused u where f.org_id = u.org_id and f.package_set_id = u.package_set_id
                    and not exists (
                        select from environment_status e
                        where e.org_id = u.org_id and e.package_set_id = u.package_set_id and not e.removed)
                returning f.org_id, f.package_set_id),
            statuses as (
                delete from finding_statuses s using dropped d where s.org_id = d.org_id and s.package_set_id = d.package_set_id),
            waiting as (
                delete from facts_to_fetch t using dropped d where t.org_id = d.org_id and t.package_set_id = d.package_set_id)
            select count(*)::int from dropped
            """, new { Before = Before(), Batch });
    }

    private async Task DropPackagesAsync(CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        await FactsLock.TakeAsync(tx);
        await tx.ExecuteAsync(
            """
            delete from package_sets s where not exists (select from scan_facts f where f.package_set_id = s.package_set_id);

            create temporary table held_packages on commit drop as select distinct unnest(package_ids) as package_id from package_sets;
            delete from packages p where not exists (select from held_packages h where h.package_id = p.package_id);
            delete from package_findings f where not exists (select from packages p where p.package_id = f.package_id);
            delete from vulnerabilities v
            where not exists (select from package_findings f where f.vulnerability_id = v.vulnerability_id);
            delete from organization_packages o where not exists (select from packages p where p.package_id = o.package_id)
                or not exists (select from scan_facts f where f.org_id = o.org_id)
            """);
        await tx.CommitAsync();
    }

    private DateTimeOffset Before() => clock.GetUtcNow() - Kept;

    [LoggerMessage(Level = LogLevel.Information, Message = "Facts of {Sets} sets that nobody holds any more were dropped")]
    private partial void LogDropped(int sets);

    [LoggerMessage(Level = LogLevel.Information, Message = "Facts of {Sets} sets that were scanned before are fetched in the background")]
    private partial void LogMissing(int sets);
}
