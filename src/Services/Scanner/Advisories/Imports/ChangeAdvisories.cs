using EnvPlatform.Postgres;
using EnvPlatform.Scanner.Advisories.Nvd;
using EnvPlatform.Scanner.Curations;
using EnvPlatform.Scanner.Mapping;
using EnvPlatform.Scanner.Matching;
using EnvPlatform.Scanner.Scans;

using Npgsql;

namespace EnvPlatform.Scanner.Advisories.Imports;

/// <summary>
/// Changes the advisories, or the data related to them, and every finding that this affects, in one transaction: the change is planned
/// before it and written under the exclusive <see cref="FindingsLock"/>, so that scans wait for the writing only. The caller holds the
/// <see cref="ImportTurn"/>.
/// </summary>
internal sealed partial class ChangeAdvisories(
    NpgsqlDataSource db, CurrentIndex current, CondaChannels channels, ScannerMetrics metrics, TimeProvider clock,
    ILogger<ChangeAdvisories> log)
{
    /// <param name="tell">Receives the progress; null for none.</param>
    /// <param name="finish">Further work in the transaction, given the outcome.</param>
    public async Task<AdvisoryChange.Outcome> ApplyAsync(
        AdvisoryChange change, Func<RenewalProgress, Task>? tell, Func<Tx, AdvisoryChange.Outcome, Task> finish,
        CancellationToken ct) => change switch
        {
            AdvisoryChange.Records records => await ApplyRecordsAsync(records, tell, finish, ct),
            AdvisoryChange.Exploited exploited =>
                await ApplyBesideAsync(tx => ExploitedAsync(tx, exploited.AddedOn), tell, finish, ct),
            AdvisoryChange.Predictions predictions =>
                await ApplyBesideAsync(tx => PredictionsAsync(tx, predictions.Epss), tell, finish, ct),
            AdvisoryChange.Mapping mapping => await ApplyMappingAsync(mapping, tell, finish, ct),
            _ => throw new ArgumentOutOfRangeException(nameof(change), change, null),
        };

    private async Task<AdvisoryChange.Outcome> ExploitedAsync(Tx tx, IReadOnlyDictionary<string, DateOnly> addedOn)
    {
        await WriteExploits.KevImportedAsync(tx, clock.GetUtcNow());
        return await WriteExploits.ExploitedAsync(tx, addedOn);
    }

    private async Task<AdvisoryChange.Outcome> PredictionsAsync(Tx tx, IReadOnlyDictionary<string, decimal> epss)
    {
        await WriteExploits.EpssImportedAsync(tx, clock.GetUtcNow());
        return await WriteExploits.PredictionsAsync(tx, epss);
    }

    private async Task<AdvisoryChange.Outcome> ApplyRecordsAsync(
        AdvisoryChange.Records records, Func<RenewalProgress, Task>? tell,
        Func<Tx, AdvisoryChange.Outcome, Task> finish, CancellationToken ct)
    {
        var plan = await AdvisoryPlan.MakeAsync(db, channels, records, clock.GetUtcNow(), ct);
        await using var tx = await db.BeginAsync(ct);
        if (plan.IsEmpty && !records.MatchAll)
        {
            await finish(tx, plan.Outcome);
            await tx.CommitAsync();
            return plan.Outcome;
        }

        await WriteAdvisories.StageAsync(tx, plan, records.Source);
        var generation = await NextGenerationAsync(tx, plan.Generation);
        await WriteAdvisories.WriteAsync(tx, plan);
        await WriteAdvisories.NotComparedAsync(tx, plan.Index);
        var isMoreExploited = records.ExploitedSince is { Count: > 0 } since
            && await WriteExploits.AddExploitedAsync(tx, since) > 0;
        var known = await WriteExploits.RefreshAsync(
            tx, isMoreExploited ? null : [.. plan.Vulnerabilities.Select(pair => pair.Vulnerability.Id)]);
        var recurated = await FollowAliases.RunAsync(tx, plan.Gone);
        var renewal = new RenewFindings(tx, plan.Index, generation, clock.GetUtcNow(), tell);
        await (records.MatchAll ? renewal.MatchAllAsync() : renewal.MatchAsync(plan.Projects, NvdYears.Covered(plan.NewlyComplete)));
        string[] exploited = [.. known.Where(one => one.IsFlag).Select(one => one.Id)];
        await (records.MatchAll ? renewal.CountAllAsync() : renewal.CountAsync([.. plan.Rescored, .. exploited, .. recurated]));
        await renewal.SayChangedAsync(
            records.MatchAll ? null
                : [.. plan.Vulnerabilities.Select(pair => pair.Vulnerability.Id), .. known.Select(one => one.Id), .. recurated]);
        await WriteAdvisories.RemoveAsync(tx, plan);
        await FinishAsync(tx, renewal, plan.Index, generation, plan.Outcome, finish);
        return plan.Outcome;
    }

    private async Task<AdvisoryChange.Outcome> ApplyMappingAsync(
        AdvisoryChange.Mapping change, Func<RenewalProgress, Task>? tell,
        Func<Tx, AdvisoryChange.Outcome, Task> finish, CancellationToken ct)
    {
        var before = await current.AtLeastAsync(await db.QuerySingleAsync<long>("select generation from advisory_state", null, ct), ct);
        var plan = MappingPlan.Make(change, await StoredMapping.ReadAsync(db, ct));
        await using var tx = await db.BeginAsync(ct);
        if (plan.IsEmpty)
        {
            await finish(tx, plan.Outcome);
            await tx.CommitAsync();
            return plan.Outcome;
        }

        var index = before.Index.With(StoredMapping.With(channels, plan.All));
        var generation = await NextGenerationAsync(tx, before.Generation);
        await plan.WriteAsync(tx);
        var renewal = new RenewFindings(tx, index, generation, clock.GetUtcNow(), tell);
        await renewal.MatchNamesAsync(plan.Names);
        await renewal.CountAsync([]);
        await renewal.SayChangedAsync([]);
        await FinishAsync(tx, renewal, index, generation, plan.Outcome, finish);
        return plan.Outcome;
    }

    private static async Task<long> NextGenerationAsync(Tx tx, long planned) =>
        await FindingsLock.TakeAsync(tx) == planned
            ? planned + 1
            : throw new InvalidOperationException("The advisories were changed by another process although this one has the turn.");

    private async Task FinishAsync(
        Tx tx, RenewFindings renewal, AdvisoryIndex index, long generation, AdvisoryChange.Outcome outcome,
        Func<Tx, AdvisoryChange.Outcome, Task> finish)
    {
        await WriteFindings.ForgetUnusedAsync(tx);
        await tx.ExecuteAsync(
            "update advisory_state set generation = @generation, changed_at = now(); notify " + KeepIndexCurrent.Channel,
            new { generation });
        await finish(tx, outcome);
        await tx.CommitAsync();
        current.Offer(new IndexGeneration(generation, index, clock.GetUtcNow()));
        Report(renewal, generation);
    }

    private async Task<AdvisoryChange.Outcome> ApplyBesideAsync(
        Func<Tx, Task<AdvisoryChange.Outcome>> write, Func<RenewalProgress, Task>? tell,
        Func<Tx, AdvisoryChange.Outcome, Task> finish, CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        var knew = await KnowsExploitedAsync(tx);
        var outcome = await write(tx);
        var generation = await FindingsLock.TakeAsync(tx);
        var index = await current.AtLeastAsync(generation, ct);
        var changed = await WriteExploits.RefreshAsync(tx, null);
        var renewal = new RenewFindings(tx, index.Index, generation, clock.GetUtcNow(), tell);
        // What was unknown of every set is known with the first catalogue.
        var knows = await KnowsExploitedAsync(tx);
        await (knew == knows
            ? renewal.CountAsync([.. changed.Where(one => one.IsFlag).Select(one => one.Id)]) : renewal.CountAllAsync());
        await renewal.SayChangedAsync(knew == knows ? [.. changed.Select(one => one.Id)] : null);
        await finish(tx, outcome);
        await tx.CommitAsync();
        Report(renewal, generation);
        return outcome;
    }

    private static Task<bool> KnowsExploitedAsync(Tx tx) =>
        tx.QuerySingleAsync<bool>("select kev_imported_at is not null from advisory_state");

    private void Report(RenewFindings renewal, long generation)
    {
        metrics.Matched(renewal.Matched);
        metrics.Recounted(renewal.Recounted);
        LogChanged(generation, renewal.Matched, renewal.Recounted, renewal.Told);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Advisories of generation {Generation}: {Packages} packages matched again, "
        + "{Sets} sets counted again, {Environments} environments told")]
    private partial void LogChanged(long generation, int packages, int sets, int environments);
}
