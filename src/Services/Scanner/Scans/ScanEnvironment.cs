using EnvPlatform.Contracts.Events;
using EnvPlatform.Postgres;
using EnvPlatform.Scanner.Advisories;
using EnvPlatform.Scanner.Curations;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using MassTransit;

using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Scanner.Scans;

/// <summary>
/// An environment was logged: its package set is matched, unless that is done already, and the environment is notified of the result. Takes
/// events in batches; environments share sets and sets share packages, so a batch is little more work than a single event.
/// </summary>
internal sealed class ScanEnvironment(
    NpgsqlDataSource db, CurrentIndex current, PackageSetSource source, ScannerMetrics metrics, TimeProvider clock)
    : IConsumer<Batch<EnvironmentLogged>>
{
    /// <summary>Packages of sets that are fetched and stored in one transaction, at most; one set may have more.</summary>
    private const int MaxPackages = 100_000;

    public async Task Consume(ConsumeContext<Batch<EnvironmentLogged>> context)
    {
        var ct = context.CancellationToken;
        var sets = context.Message.Select(message => message.Message.PackageSetId).Distinct().ToArray();
        var stored = (await db.QueryAsync<long>("select id from package_sets where id = any(@sets)", new { sets }, ct)).ToHashSet();
        foreach (var part in Parts(context.Message, stored))
        {
            await ScanAsync(part, stored, ct);
        }
    }

    /// <summary>
    /// What is in one transaction: a batch of large sets that are new would hold the lock of the findings, and memory, for too long.
    /// </summary>
    private static IEnumerable<ConsumeContext<EnvironmentLogged>[]> Parts(
        IEnumerable<ConsumeContext<EnvironmentLogged>> batch, HashSet<long> stored)
    {
        var part = new List<ConsumeContext<EnvironmentLogged>>();
        var packages = 0;
        foreach (var set in batch.GroupBy(message => message.Message.PackageSetId))
        {
            var news = stored.Contains(set.Key) ? 0 : set.First().Message.PackageCount;
            if (packages > 0 && packages + news > MaxPackages)
            {
                yield return [.. part];
                part.Clear();
                packages = 0;
            }

            part.AddRange(set);
            packages += news;
        }

        yield return [.. part];
    }

    private async Task ScanAsync(ConsumeContext<EnvironmentLogged>[] part, HashSet<long> stored, CancellationToken ct)
    {
        var fetched = await source.FetchAsync(part.Select(message => message.Message.PackageSetId).Where(set => !stored.Contains(set)), ct);
        var scanned = 0;
        await db.HandleBatchOnceAsync(this, part, async (tx, events) =>
        {
            var generation = await FindingsLock.ShareAsync(tx);
            await CurationsLock.ShareAsync(tx, events.Select(logged => logged.OrganizationId));
            var index = await current.AtLeastAsync(generation, ct);
            metrics.Matched(await StoreSets.RunAsync(tx, index.Index, generation, fetched, clock.GetUtcNow()));
            var environments = events.Where(logged => stored.Contains(logged.PackageSetId) || fetched.ContainsKey(logged.PackageSetId))
                .Select(PlacedEnvironment.Of).ToArray();
            await PlaceAsync(tx, environments, clock.GetUtcNow());
            scanned = environments.Length;
        }, ct);
        metrics.Scanned(scanned);
    }

    /// <summary>Stores where the environments are, notifies them and writes the audit log.</summary>
    private static async Task PlaceAsync(Tx tx, PlacedEnvironment[] environments, DateTimeOffset now)
    {
        var placed = await EnvironmentRows.PlaceAsync(tx, environments);
        await OrganizationCounts.RefreshAsync(
            tx, [.. environments.Select(one => one.OrgId).Distinct()], [.. environments.Select(one => one.SetId).Distinct()], now);
        var counts = await SetCounts.ReadAsync(tx, [.. environments.Select(one => (one.OrgId, one.SetId)).Distinct()]);
        var latest = environments.Where(one => placed.Contains((one.OrgId, one.EnvironmentId)))
            .NewestBy(one => one.EnvironmentId.Value, one => one.Version);
        foreach (var group in latest.GroupBy(one => (one.OrgId, one.SetId)))
        {
            tx.Publish(new EnvironmentScanned(group.Key.OrgId, [counts[group.Key].For([.. group.Select(one => one.EnvironmentId)])]));
            var system = Caller.OfSystem("scanner", group.Key.OrgId);
            foreach (var one in group)
            {
                ScanAudit.Record(tx, system, one, counts[group.Key], now);
            }
        }
    }

    /// <summary>At most two batches at a time: one waits for the database while the other waits for Ingest.</summary>
    internal sealed class Definition(IOptions<ScannerOptions> options)
        : BatchDefinition<ScanEnvironment>(options.Value.ScanBatch, milliseconds: 30, concurrency: 2);
}
