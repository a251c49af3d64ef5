using EnvPlatform.Contracts;
using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Policy.Statuses;
using EnvPlatform.Postgres;

using MassTransit;

using Npgsql;

namespace EnvPlatform.Policy.Scans;

/// <summary>
/// Keeps what a scan found in a set for an organization. The time of the scan drops what is stale or comes twice, so what was handled is not remembered.
/// </summary>
internal sealed class StoreScanResults(NpgsqlDataSource db) : IConsumer<Batch<EnvironmentScanned>>
{
    public async Task Consume(ConsumeContext<Batch<EnvironmentScanned>> context)
    {
        // In the order of the keys, so that two instances wait for each other and never in a circle.
        var latest = context.Message.Select(message => message.Message)
            .SelectMany(scanned => scanned.Sets, (scanned, set) => new Scan(scanned.OrganizationId, set))
            .GroupBy(scan => (scan.Organization, scan.Set.PackageSetId)).Select(scans => scans.MaxBy(scan => scan.Set.ScannedAt)!)
            .OrderBy(scan => scan.Organization.Value).ThenBy(scan => scan.Set.PackageSetId).ToArray();
        await using var tx = await db.BeginAsync(context.CancellationToken);
        await tx.ExecuteAsync(
            """
            insert into scan_facts as f (
                org_id, package_set_id, total, critical, high, medium, low, unknown, max_cvss, known_exploited, not_checked, scanned_at)
            select * from unnest(
                @Orgs, @Sets, @Totals, @Criticals, @Highs, @Mediums, @Lows, @Unknowns, @Scores::numeric[], @KnownExploited, @NotChecked, @Times)
            on conflict (org_id, package_set_id) do update set
                total = excluded.total, critical = excluded.critical, high = excluded.high, medium = excluded.medium, low = excluded.low,
                unknown = excluded.unknown, max_cvss = excluded.max_cvss, known_exploited = excluded.known_exploited,
                not_checked = excluded.not_checked, scanned_at = excluded.scanned_at
            where f.scanned_at < excluded.scanned_at
            """,
            new
            {
                Orgs = latest.Select(scan => scan.Organization.Value).ToArray(),
                Sets = latest.Select(scan => scan.Set.PackageSetId).ToArray(),
                Totals = latest.Select(scan => scan.Set.Vulnerabilities.Total).ToArray(),
                Criticals = latest.Select(scan => scan.Set.Vulnerabilities.Critical).ToArray(),
                Highs = latest.Select(scan => scan.Set.Vulnerabilities.High).ToArray(),
                Mediums = latest.Select(scan => scan.Set.Vulnerabilities.Medium).ToArray(),
                Lows = latest.Select(scan => scan.Set.Vulnerabilities.Low).ToArray(),
                Unknowns = latest.Select(scan => scan.Set.Vulnerabilities.Unknown).ToArray(),
                Scores = latest.Select(scan => scan.Set.MaxCvss).ToArray(),
                KnownExploited = latest.Select(scan => scan.Set.KnownExploited).ToArray(),
                NotChecked = latest.Select(scan => scan.Set.NotChecked).ToArray(),
                Times = latest.Select(scan => scan.Set.ScannedAt.ToUniversalTime()).ToArray(),
            });
        await tx.CommitAsync();
    }

    private sealed record Scan(OrganizationId Organization, ScannedSet Set);

    internal sealed class Definition : BatchDefinition<StoreScanResults>;
}
