using EnvPlatform.Contracts.Events;
using EnvPlatform.Postgres;

using MassTransit;

using Npgsql;

namespace EnvPlatform.Ingest.Packages;

/// <summary>
/// Keeps what a scan found in a set for an organization, and copies it to the environments that are on the set now. Many messages at a time:
/// one import of advisories may concern most sets.
/// </summary>
public sealed class StoreScanResults(NpgsqlDataSource db) : IConsumer<Batch<EnvironmentScanned>>
{
    public async Task Consume(ConsumeContext<Batch<EnvironmentScanned>> context)
    {
        ArgumentNullException.ThrowIfNull(context);
        await using var tx = await db.BeginAsync(context.CancellationToken);
        var fresh = await tx.ReceiveAsync([.. context.Message.Select(message => message.MessageId!.Value)], nameof(StoreScanResults));
        var latest = context.Message.Where(message => fresh.Contains(message.MessageId!.Value)).Select(message => message.Message)
            .GroupBy(scan => (scan.OrganizationId, scan.PackageSetId)).Select(scans => scans.MaxBy(scan => scan.ScannedAt)!)
            .OrderBy(scan => scan.OrganizationId.Value).ThenBy(scan => scan.PackageSetId).ToArray();
        if (latest.Length > 0)
        {
            // The sets' rows first, each locked in one order: a log that puts an environment on a set holds the set's row until it commits,
            // so either it reads these counts or the second statement sees its environment.
            await tx.ExecuteAsync(LockSql, Parameters(latest));
            await tx.ExecuteAsync(SetSql, Parameters(latest));
            await tx.ExecuteAsync(EnvironmentSql, Parameters(latest));
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

    private const string EnvironmentSql =
        $"""
        update environments e set
            total = given.total, critical = given.critical, high = given.high, medium = given.medium, low = given.low, unknown = given.unknown,
            max_cvss = given.max_cvss, kev = given.kev, not_checked = given.not_checked, scanned_at = given.scanned_at
        from {Given}
        where e.org_id = given.org_id and e.package_set_id = given.package_set_id and (e.scanned_at is null or e.scanned_at < given.scanned_at)
            and e.removed_at is null
        """;

    private static object Parameters(EnvironmentScanned[] scans) => new
    {
        Orgs = scans.Select(scan => scan.OrganizationId.Value).ToArray(),
        Sets = scans.Select(scan => scan.PackageSetId).ToArray(),
        Totals = scans.Select(scan => scan.Vulnerabilities.Total).ToArray(),
        Criticals = scans.Select(scan => scan.Vulnerabilities.Critical).ToArray(),
        Highs = scans.Select(scan => scan.Vulnerabilities.High).ToArray(),
        Mediums = scans.Select(scan => scan.Vulnerabilities.Medium).ToArray(),
        Lows = scans.Select(scan => scan.Vulnerabilities.Low).ToArray(),
        Unknowns = scans.Select(scan => scan.Vulnerabilities.Unknown).ToArray(),
        Scores = scans.Select(scan => scan.MaxCvss).ToArray(),
        Kevs = scans.Select(scan => scan.KnownExploited).ToArray(),
        NotChecked = scans.Select(scan => scan.NotChecked).ToArray(),
        Times = scans.Select(scan => scan.ScannedAt.ToUniversalTime()).ToArray(),
    };
}

/// <summary>Takes up to 200 messages at a time and waits at most 50 ms for them.</summary>
public sealed class StoreScanResultsDefinition : ConsumerDefinition<StoreScanResults>
{
    private const int MessageLimit = 200;

    protected override void ConfigureConsumer(
        IReceiveEndpointConfigurator endpointConfigurator, IConsumerConfigurator<StoreScanResults> consumerConfigurator, IRegistrationContext context)
    {
        ArgumentNullException.ThrowIfNull(endpointConfigurator);
        ArgumentNullException.ThrowIfNull(consumerConfigurator);
        endpointConfigurator.PrefetchCount = 2 * MessageLimit;
        consumerConfigurator.Options<BatchOptions>(options => options.SetMessageLimit(MessageLimit).SetTimeLimit(ms: 50).SetConcurrencyLimit(1));
    }
}
