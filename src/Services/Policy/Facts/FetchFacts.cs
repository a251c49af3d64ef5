using EnvPlatform.Postgres;
using EnvPlatform.Postgres.Background;

using Grpc.Core;

using Npgsql;

namespace EnvPlatform.Policy.Facts;

/// <summary>
/// Fetches the facts that wait to be fetched, in batches, one at a time across all instances: so each batch sees at Scanner at least what
/// the one before has seen, and nothing that is older ever takes the place of what is newer. While Scanner or Ingest is away everything
/// waits where it is, and what was known stands.
/// </summary>
internal sealed partial class FetchFacts(NpgsqlDataSource db, FactsSource source, TimeProvider clock, ILogger<FetchFacts> log)
    : IListeningWork
{
    /// <summary>Sets in one batch, at most: what they share is fetched once.</summary>
    private const int Batch = 2_000;
    private static readonly TimeSpan Poll = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Away = TimeSpan.FromSeconds(1);
    private bool _isAway;

    static string IListeningWork.Channel => FactsToFetch.Channel;

    public async Task<TimeSpan> RunAsync(CancellationToken ct)
    {
        try
        {
            while (await FetchAsync(ct))
            {
            }

            return Poll;
        }
        catch (RpcException exception) when (IsAway(exception) && !ct.IsCancellationRequested)
        {
            if (!_isAway)
            {
                LogAway(exception.Status.Detail, exception.StatusCode);
            }

            _isAway = true;
            return Away;
        }
    }

    /// <summary>Unimplemented is an older version, which is about to be replaced.</summary>
    private static bool IsAway(RpcException exception) =>
        exception.StatusCode is StatusCode.Unavailable or StatusCode.DeadlineExceeded or StatusCode.Unimplemented
            or StatusCode.Cancelled or StatusCode.Internal or StatusCode.Unknown or StatusCode.Unauthenticated;

    /// <returns>Whether there may be more.</returns>
    private async Task<bool> FetchAsync(CancellationToken ct)
    {
        var began = clock.GetTimestamp();
        await using var tx = await db.BeginAsync(ct);
        if (!await FactsLock.TryAsync(tx))
        {
            return false;
        }

        var sets = await tx.QueryAsync<WaitingSet>(
            """
            select t.org_id, t.package_set_id, t.request, f.facts_at is null as is_new
            from facts_to_fetch t left join scan_facts f using (org_id, package_set_id)
            order by t.is_mass, t.package_set_id, t.org_id limit @Batch
            """, new { Batch });
        if (sets.Count == 0)
        {
            return false;
        }

        var known = (await tx.QueryAsync<KnownSet>(
            "select package_set_id, package_ids from package_sets where package_set_id = any(@Ids)",
            new { Ids = sets.Select(set => set.PackageSetId).Distinct().ToArray() })).ToDictionary(set => set.PackageSetId);
        var told = await source.AskScannerAsync(
            sets, sets.Select(set => set.PackageSetId).Distinct().Where(set => !known.ContainsKey(set)), ct);
        foreach (var set in told.Sets)
        {
            known[set.PackageSetId] = new(set.PackageSetId, [.. set.PackageIds]);
        }

        var missing = sets.Where(set => !known.ContainsKey(set.PackageSetId)).ToArray();
        if (missing.Length > 0)
        {
            LogMissing(missing.Length, missing[0].PackageSetId);
        }

        var licenses = await AskLicensesAsync(sets, known, ct);
        var marked = await WriteFacts.RunAsync(tx, sets, [.. missing], told, licenses);
        await tx.CommitAsync();
        var took = clock.GetElapsedTime(began);
        LogFetched(sets.Count, told.Packages.Count, marked, took);
        if (_isAway)
        {
            _isAway = false;
            LogBack();
        }

        return true;
    }

    /// <summary>Of the sets that are new for their organization: what it once said of a package stays.</summary>
    private async Task<List<ToldLicense>> AskLicensesAsync(
        List<WaitingSet> sets, Dictionary<long, KnownSet> known, CancellationToken ct)
    {
        var licenses = new List<ToldLicense>();
        foreach (var organization in sets.Where(set => set.IsNew).GroupBy(set => set.OrgId))
        {
            var packages = organization.SelectMany(set => known.GetValueOrDefault(set.PackageSetId)?.PackageIds ?? []).Distinct();
            licenses.AddRange(await source.AskIngestAsync(organization.Key, packages, ct));
        }

        return licenses;
    }

    private sealed record KnownSet(long PackageSetId, int[] PackageIds);

    [LoggerMessage(Level = LogLevel.Information,
        Message = "Facts of {Sets} sets with {Packages} packages fetched, {Marked} sets have changed, in {Took}")]
    private partial void LogFetched(int sets, int packages, int marked, TimeSpan took);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Scanner does not know {Sets} sets that were scanned, {PackageSetId} among them")]
    private partial void LogMissing(int sets, long packageSetId);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Waiting for Scanner and Ingest to tell the facts of sets: {Reason} ({Status})")]
    private partial void LogAway(string reason, StatusCode status);

    [LoggerMessage(Level = LogLevel.Information, Message = "Scanner and Ingest tell the facts of sets again")]
    private partial void LogBack();
}

/// <summary>Held by whoever writes facts, until the transaction ends.</summary>
internal static class FactsLock
{
    private const long Key = 0x656e_7670_6661_6374; // "envpfact"

    public static Task<bool> TryAsync(Tx tx) => tx.QuerySingleAsync<bool>("select pg_try_advisory_xact_lock(@Key)", new { Key });

    public static Task TakeAsync(Tx tx) => tx.ExecuteAsync("select pg_advisory_xact_lock(@Key)", new { Key });
}
