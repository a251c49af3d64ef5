using System.Text.Json;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.Postgres.Background;
using EnvPlatform.Scanner.Advisories.Feeds;
using EnvPlatform.Scanner.Advisories.Osv;
using EnvPlatform.Scanner.Repodata;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Scanner.Advisories.Imports;

/// <summary>
/// Runs the pending imports, one at a time across all instances, oldest first. Each import is one transaction. One whose process dies is
/// restarted by the first instance that sees it, and fails after a few attempts.
/// </summary>
internal sealed partial class RunImports(
    NpgsqlDataSource db, ChangeAdvisories change, TimeProvider clock, IOptions<ScannerOptions> options, ILogger<RunImports> log)
    : IListeningWork
{
    public const string Channel = "imports";
    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(1);

    static string IListeningWork.Channel => Channel;

    private OsvLimits Limits => OsvLimits.Default with { TotalBytes = options.Value.MaxUnpackedBytes };

    public async Task<TimeSpan> RunAsync(CancellationToken ct)
    {
        while (await RunNextAsync(ct))
        {
        }

        return TimeSpan.FromSeconds(options.Value.PollSeconds);
    }

    /// <returns>Whether there was an import that this instance could take.</returns>
    private async Task<bool> RunNextAsync(CancellationToken ct)
    {
        await using var turn = await ImportTurn.TryAsync(db, ct);
        if (turn is null || await NextAsync(ct) is not { } next)
        {
            return false;
        }

        if (next.Attempts > options.Value.MaxImportAttempts)
        {
            await FailAsync(next, "The import was given up: it was begun several times and never ended.", ct);
            return true;
        }

        try
        {
            await RunAsync(next, ct);
        }
        catch (Exception exception) when (exception is OsvArchiveException or InvalidDataException or JsonException)
        {
            await FailAsync(next, exception.Message, ct);
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            // The database became unavailable, or there is a bug: it is restarted, and fails when that does not help.
            LogFault(next.Id, next.Attempts, exception);
            await Task.Delay(RetryDelay, clock, ct);
        }

        return true;
    }

    private Task<Waiting?> NextAsync(CancellationToken ct) => db.QuerySingleOrDefaultAsync<Waiting>(
        """
        update imports set attempts = attempts + 1, phase = 'reading', advisories = 0, rejected = 0, packages_matched = 0,
            packages_total = 0, sets_counted = 0, sets_total = 0
        where id = (select id from imports where status = 'running' order by id limit 1)
        returning id, format, channel, subdir, complete, shrunk, attempts, requested_by::text as requested_by, trace_parent
        """, null, ct);

    private async Task RunAsync(Waiting import, CancellationToken ct)
    {
        LogBegun(import.Id, import.Format, import.Attempts);
        await using var file = await UnpackFileAsync(import.Id, ct);
        var progress = new ImportProgress(db, import.Id, clock, log);
        if (import.Format == ImportAdvisories.Repodata && import.Channel is { } channel)
        {
            await RunRepodataAsync(import, channel, file, progress, ct);
            return;
        }

        AdvisoryChange content;
        try
        {
            content = await ReadAsync(import, file, progress, ct);
        }
        finally
        {
            // Whether it continues or fails: the rejections can be read.
            await progress.ShowAsync(ct);
        }

        if (!import.Shrunk)
        {
            await CompleteSources.RequireNoLossAsync(db, content, ct);
        }

        await progress.MatchingAsync(ct);
        var outcome = await change.ApplyAsync(
            content, renewal => progress.RenewAsync(renewal, ct),
            (tx, outcome) => CompleteAsync(tx, import, content, outcome, progress), ct);
        LogCompleted(import.Id, progress.Read, outcome.Added, outcome.Changed, outcome.Withdrawn, progress.Rejected);
    }

    /// <summary>What a channel holds concerns no finding, and is written as it is read.</summary>
    private async Task RunRepodataAsync(Waiting import, string channel, Stream file, ImportProgress progress, CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        AdvisoryChange.Outcome outcome;
        string subdir;
        try
        {
            using var reader = RepodataReader.Open(file, options.Value.MaxUnpackedBytes);
            (subdir, outcome) = await WriteRepodata.RunAsync(
                tx, reader, channel, import.Subdir, import.Shrunk, progress, clock.GetUtcNow(), ct);
        }
        finally
        {
            await progress.ShowAsync(ct);
        }

        await CompleteAsync(tx, import with { Subdir = subdir }, null, outcome, progress);
        await tx.CommitAsync();
        LogCompleted(import.Id, progress.Read, outcome.Added, outcome.Changed, outcome.Withdrawn, progress.Rejected);
    }

    private async Task<AdvisoryChange> ReadAsync(Waiting import, Stream file, ImportProgress progress, CancellationToken ct) =>
        import.Format switch
        {
            ImportAdvisories.Osv => await ReadOsv.RunAsync(file, import.Complete, Limits, progress, ct),
            ImportAdvisories.Nvd => await ReadNvd.RunAsync(file, await KnownNvdAsync(ct), import.Complete, Limits, progress, ct),
            ImportAdvisories.Kev => await ReadExploits.KevAsync(file, options.Value.MaxUnpackedBytes, progress, ct),
            ImportAdvisories.Epss => await ReadExploits.EpssAsync(file, options.Value.MaxUnpackedBytes, progress, ct),
            ImportAdvisories.Parselmouth or ImportAdvisories.Grayskull when import.Channel is { } channel =>
                await ReadMapping.RunAsync(file, import.Format, channel, progress, ct),
            _ => throw new InvalidDataException($"The format {import.Format} is not known."),
        };

    private async Task<HashSet<string>> KnownNvdAsync(CancellationToken ct) =>
        [.. await db.QueryAsync<string>("select id from advisories where source = @Nvd", new { AdvisoryChange.Nvd }, ct)];

    /// <summary>A file that is deleted when it is closed, or when the process ends.</summary>
    private async Task<FileStream> UnpackFileAsync(ImportId id, CancellationToken ct)
    {
        var file = new FileStream(
            Path.Combine(Path.GetTempPath(), Path.GetRandomFileName()), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 64 << 10,
            FileOptions.DeleteOnClose);
        try
        {
            for (var part = 0; ; part++)
            {
                var data = await db.QuerySingleOrDefaultAsync<byte[]>(
                    "select data from import_files where import_id = @id and part = @part", new { id, part }, ct);
                if (data is null)
                {
                    file.Position = 0;
                    return file;
                }

                await file.WriteAsync(data, ct);
            }
        }
        catch
        {
            await file.DisposeAsync();
            throw;
        }
    }

    private async Task CompleteAsync(
        Tx tx, Waiting import, AdvisoryChange? content, AdvisoryChange.Outcome outcome, ImportProgress progress)
    {
        var written = await tx.ExecuteAsync(
            """
            update imports
            set status = 'completed', phase = 'done', advisories = @Read, rejected = @Rejected, added = @Added, changed = @Changed,
                withdrawn = @Withdrawn, packages_matched = @Packages, packages_total = @PackagesTotal, sets_counted = @Sets,
                    sets_total = @SetsTotal,
                not_evaluable = @NotEvaluable, subdir = @Subdir, finished_at = @Now
            where id = @Id and status = 'running'
            """,
            new
            {
                import.Id,
                import.Subdir,
                progress.Read,
                progress.Rejected,
                outcome.Added,
                outcome.Changed,
                outcome.Withdrawn,
                NotEvaluable = outcome.NotEvaluable.Count,
                progress.Renewal.Packages,
                progress.Renewal.PackagesTotal,
                progress.Renewal.Sets,
                progress.Renewal.SetsTotal,
                Now = clock.GetUtcNow(),
            });
        if (written == 0)
        {
            throw new InvalidOperationException("The import was ended by another process although this one has the turn.");
        }

        await tx.ExecuteAsync("delete from import_files where import_id = @Id", new { import.Id });
        var basis = !import.Complete ? "export" : import.Caller.SubjectType == Caller.SystemSubject ? "feed" : "stated";
        if (content is not null)
        {
            await CompleteSources.ConfirmAsync(tx, content, basis, clock.GetUtcNow());
        }

        await progress.KeepNotEvaluableAsync(tx, outcome.NotEvaluable);
        await ImportRejections.ForgetAsync(tx, clock.GetUtcNow());
        tx.FollowTrace(import.TraceParent);
        var now = clock.GetUtcNow();
        tx.Audit(
            import.Caller, now, "advisories_imported", new AuditTarget(import.Id.ToString(), null, "import"),
            $"{progress.Read} {import.What} ({import.Format}) were imported: {outcome.Added} added, {outcome.Changed} changed, "
            + $"{outcome.Withdrawn} withdrawn, {progress.Rejected} rejected.",
            new
            {
                import.Format,
                import.Channel,
                import.Subdir,
                Status = "completed",
                Advisories = progress.Read,
                outcome.Added,
                outcome.Changed,
                outcome.Withdrawn,
                progress.Rejected,
                NotEvaluable = outcome.NotEvaluable.Count,
            });
        await FeedImports.CompletedAsync(tx, import.Id.Value, outcome, progress, now);
    }

    private async Task FailAsync(Waiting import, string error, CancellationToken ct)
    {
        LogFailed(import.Id, error);
        await using var tx = await db.BeginAsync(ct);
        await tx.ExecuteAsync(
            """
            update imports set status = 'failed', phase = 'done', error = @error, finished_at = @Now where id = @Id and status = 'running';
            delete from import_files where import_id = @Id;
            """, new { import.Id, error, Now = clock.GetUtcNow() });
        tx.FollowTrace(import.TraceParent);
        var now = clock.GetUtcNow();
        tx.Audit(
            import.Caller, now, "advisories_imported", new AuditTarget(import.Id.ToString(), null, "import"),
            $"An import of {import.What} ({import.Format}) failed.",
            new { import.Format, import.Channel, import.Subdir, Status = "failed", error });
        await FeedImports.FailedAsync(tx, import.Id.Value, error, now);
        await tx.CommitAsync();
    }

    private sealed record Waiting(
        ImportId Id, string Format, string? Channel, string? Subdir, bool Complete, bool Shrunk, int Attempts, string RequestedBy,
        string? TraceParent)
    {
        public string What => Format == ImportAdvisories.Repodata
            ? $"packages of {Channel}{(Subdir is null ? "" : $" for {Subdir}")}"
            : Channel is null ? "advisories" : $"names of {Channel}";

        public Caller Caller => JsonSerializer.Deserialize<Caller>(RequestedBy, Json.Options)!;
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Import {Import} ({Format}) begins, attempt {Attempt}")]
    private partial void LogBegun(ImportId import, string format, int attempt);

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "Import {Import} completed: {Read} read, {Added} added, {Changed} changed, {Withdrawn} withdrawn, {Rejected} rejected")]
    private partial void LogCompleted(ImportId import, int read, int added, int changed, int withdrawn, int rejected);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Import {Import} failed: {Reason}")]
    private partial void LogFailed(ImportId import, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "Import {Import} ended in a fault, attempt {Attempt}")]
    private partial void LogFault(ImportId import, int attempt, Exception exception);
}
