using Dapper;

using EnvPlatform.Contracts;
using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;

using MassTransit;

using Npgsql;

namespace EnvPlatform.Ingest.Packages;

/// <summary>
/// Stores what a scan found in a set for an organization; the set's environments show it. Many messages at a time: one import of advisories
/// may affect most sets.
/// </summary>
internal sealed class StoreScanResults(NpgsqlDataSource db) : IConsumer<Batch<EnvironmentScanned>>
{
    public Task Consume(ConsumeContext<Batch<EnvironmentScanned>> context) => db.HandleBatchOnceAsync(this, context, async (tx, messages) =>
    {
        var latest = messages.SelectMany(scanned => scanned.Sets, (scanned, set) => new Scan(scanned.OrganizationId, set))
            .NewestBy(scan => (scan.Organization.Value, scan.Set.PackageSetId), scan => scan.Set.ScannedAt);

        // The update alone would lock its rows in any order, and could deadlock with another instance's.
        await tx.ExecuteAsync(LockSql, Parameters(latest));
        await tx.ExecuteAsync(SetSql, Parameters(latest));
    });

    private const string Given =
        $"""
        unnest(@Orgs::uuid[], @Sets::bigint[], {CountColumns.Values}, @NotChecked::int[], @Times::timestamptz[])
            as given (org_id, package_set_id, {CountColumns.Names}, not_checked, scanned_at)
        """;

    private const string LockSql =
        """
        select from organization_package_sets
        where (org_id, package_set_id) in (select * from unnest(@Orgs::uuid[], @Sets::bigint[]))
        order by org_id, package_set_id for update
        """;

    private static readonly string SetSql =
        $"""
        update organization_package_sets s set
            {CountColumns.AssignFrom("given")}, not_checked = given.not_checked, scanned_at = given.scanned_at
        from {Given}
        where s.org_id = given.org_id and s.package_set_id = given.package_set_id
            and (s.scanned_at is null or s.scanned_at < given.scanned_at)
        """;

    private static DynamicParameters Parameters(Scan[] scans) => CountColumns.Parameters(
        new
        {
            Orgs = scans.Select(scan => scan.Organization.Value).ToArray(),
            Sets = scans.Select(scan => scan.Set.PackageSetId).ToArray(),
            NotChecked = scans.Select(scan => scan.Set.NotChecked).ToArray(),
            Times = scans.Select(scan => scan.Set.ScannedAt.ToUniversalTime()).ToArray(),
        }, scans, scan => scan.Set.Vulnerabilities, scan => scan.Set.MaxCvss, scan => scan.Set.Exploited());

    private sealed record Scan(OrganizationId Organization, ScannedSet Set);

    /// <summary>Few messages at a time, as each may hold hundreds of sets.</summary>
    internal sealed class Definition() : BatchDefinition<StoreScanResults>(messageLimit: 50, milliseconds: 50);
}
