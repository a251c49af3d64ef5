using EnvPlatform.Contracts;
using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Policy.Facts;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;

using MassTransit;

using Npgsql;

namespace EnvPlatform.Policy.Scans;

/// <summary>
/// Stores what a scan found in a set for an organization, and has the facts behind it fetched. Stale and duplicate messages are dropped by
/// the time of the scan, so handled messages are not recorded.
/// </summary>
internal sealed class StoreScanResults(NpgsqlDataSource db) : IConsumer<Batch<EnvironmentScanned>>
{
    public async Task Consume(ConsumeContext<Batch<EnvironmentScanned>> context)
    {
        var latest = context.Message.SelectMany(
            message => message.Message.Sets, (message, set) => new Scan(message.Message.OrganizationId, set))
            .NewestBy(scan => (scan.Organization.Value, scan.Set.PackageSetId), scan => scan.Set.ScannedAt);
        await using var tx = await db.BeginAsync(context.CancellationToken);
        var newer = await tx.QueryAsync<Stored>(
            $"""
            insert into scan_facts as f (org_id, package_set_id, {CountColumns.Names}, not_checked, scanned_at)
            select * from unnest(@Orgs, @Sets, {CountColumns.Values}, @NotChecked, @Times)
            on conflict (org_id, package_set_id) do update set
                {CountColumns.AssignFrom("excluded")}, not_checked = excluded.not_checked, scanned_at = excluded.scanned_at
            where f.scanned_at < excluded.scanned_at
            returning f.org_id, f.package_set_id
            """,
            CountColumns.Parameters(
                new
                {
                    Orgs = latest.Select(scan => scan.Organization.Value).ToArray(),
                    Sets = latest.Select(scan => scan.Set.PackageSetId).ToArray(),
                    NotChecked = latest.Select(scan => scan.Set.NotChecked).ToArray(),
                    Times = latest.Select(scan => scan.Set.ScannedAt.ToUniversalTime()).ToArray(),
                }, latest, scan => scan.Set.Vulnerabilities, scan => scan.Set.MaxCvss, scan => scan.Set.Exploited()));
        await FactsToFetch.AddAsync(tx, [.. newer.Select(set => (set.OrgId, set.PackageSetId))]);
        await tx.CommitAsync();
    }

    private sealed record Scan(OrganizationId Organization, ScannedSet Set);

    private sealed record Stored(OrganizationId OrgId, long PackageSetId);

    internal sealed class Definition : BatchDefinition<StoreScanResults>;
}
