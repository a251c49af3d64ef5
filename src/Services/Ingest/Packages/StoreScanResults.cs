using EnvPlatform.Contracts;
using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;

using MassTransit;

using Npgsql;

namespace EnvPlatform.Ingest.Packages;

/// <summary>
/// Keeps what a scan found in a set for an organization; the environments on it show it. Many messages at a time: one import of advisories may concern
/// most sets.
/// </summary>
public sealed class StoreScanResults(NpgsqlDataSource db) : IConsumer<Batch<EnvironmentScanned>>
{
    public async Task Consume(ConsumeContext<Batch<EnvironmentScanned>> context)
    {
        ArgumentNullException.ThrowIfNull(context);
        await using var tx = await db.BeginAsync(context.CancellationToken);
        var fresh = await tx.ReceiveAsync([.. context.Message.Select(message => message.MessageId!.Value)], nameof(StoreScanResults));
        var latest = context.Message.Where(message => fresh.Contains(message.MessageId!.Value)).Select(message => message.Message)
            .SelectMany(scanned => scanned.Sets, (scanned, set) => new Scan(scanned.OrganizationId, set))
            .GroupBy(scan => (scan.Organization, scan.Set.PackageSetId)).Select(scans => scans.MaxBy(scan => scan.Set.ScannedAt)!)
            .OrderBy(scan => scan.Organization.Value).ThenBy(scan => scan.Set.PackageSetId).ToArray();
        if (latest.Length > 0)
        {
            // Each row locked in one order, so that nobody waits in a circle.
            await tx.ExecuteAsync(LockSql, Parameters(latest));
            await tx.ExecuteAsync(SetSql, Parameters(latest));
        }

        await tx.CommitAsync();
    }

    private const string Given =
        """
        unnest(@Orgs::uuid[], @Sets::bigint[], @Totals::int[], @Criticals::int[], @Highs::int[], @Mediums::int[], @Lows::int[], @Unknowns::int[],
               @Scores::numeric[], @Kevs::int[], @NotChecked::int[], @Times::timestamptz[])
            as given (org_id, package_set_id, total, critical, high, medium, low, unknown, max_cvss, kev, not_checked, scanned_at)
        """;

    private const string LockSql =
        """
        select from organization_package_sets
        where (org_id, package_set_id) in (select * from unnest(@Orgs::uuid[], @Sets::bigint[]))
        order by org_id, package_set_id for update
        """;

    private const string SetSql =
        $"""
        update organization_package_sets s set
            total = given.total, critical = given.critical, high = given.high, medium = given.medium, low = given.low, unknown = given.unknown,
            max_cvss = given.max_cvss, kev = given.kev, not_checked = given.not_checked, scanned_at = given.scanned_at
        from {Given}
        where s.org_id = given.org_id and s.package_set_id = given.package_set_id and (s.scanned_at is null or s.scanned_at < given.scanned_at)
        """;

    private static object Parameters(Scan[] scans) => new
    {
        Orgs = scans.Select(scan => scan.Organization.Value).ToArray(),
        Sets = scans.Select(scan => scan.Set.PackageSetId).ToArray(),
        Totals = scans.Select(scan => scan.Set.Vulnerabilities.Total).ToArray(),
        Criticals = scans.Select(scan => scan.Set.Vulnerabilities.Critical).ToArray(),
        Highs = scans.Select(scan => scan.Set.Vulnerabilities.High).ToArray(),
        Mediums = scans.Select(scan => scan.Set.Vulnerabilities.Medium).ToArray(),
        Lows = scans.Select(scan => scan.Set.Vulnerabilities.Low).ToArray(),
        Unknowns = scans.Select(scan => scan.Set.Vulnerabilities.Unknown).ToArray(),
        Scores = scans.Select(scan => scan.Set.MaxCvss).ToArray(),
        Kevs = scans.Select(scan => scan.Set.KnownExploited).ToArray(),
        NotChecked = scans.Select(scan => scan.Set.NotChecked).ToArray(),
        Times = scans.Select(scan => scan.Set.ScannedAt.ToUniversalTime()).ToArray(),
    };

    private sealed record Scan(OrganizationId Organization, ScannedSet Set);

    /// <summary>Takes up to 50 messages, of hundreds of sets each, at a time and waits at most 50 ms for them.</summary>
    internal sealed class Definition : ConsumerDefinition<StoreScanResults>
    {
        private const int MessageLimit = 50;

        protected override void ConfigureConsumer(
            IReceiveEndpointConfigurator endpointConfigurator, IConsumerConfigurator<StoreScanResults> consumerConfigurator, IRegistrationContext context)
        {
            ArgumentNullException.ThrowIfNull(endpointConfigurator);
            ArgumentNullException.ThrowIfNull(consumerConfigurator);
            endpointConfigurator.PrefetchCount = 2 * MessageLimit;
            consumerConfigurator.Options<BatchOptions>(options => options.SetMessageLimit(MessageLimit).SetTimeLimit(ms: 50).SetConcurrencyLimit(1));
        }
    }
}
