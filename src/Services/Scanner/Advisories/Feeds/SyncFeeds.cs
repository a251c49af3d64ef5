using System.Security.Cryptography;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.Scanner.Advisories.Imports;
using EnvPlatform.ServiceDefaults.Identity;

using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Scanner.Advisories.Feeds;

/// <summary>
/// Fetches the feeds that are due and hands each new file to an import, as if an operator had sent it. The transaction that locks the feed's row
/// also stores the file and asks for the import: of several instances one fetches, and a process that dies leaves nothing half done.
/// </summary>
internal sealed partial class SyncFeeds(
    NpgsqlDataSource db, MigrationState migrated, FetchFeed fetch, FeedStates states, TimeProvider clock, IOptions<FeedOptions> options,
    IOptions<ScannerOptions> scanner, ILogger<SyncFeeds> log) : BackgroundService
{
    private FeedOptions Options => options.Value;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!Options.Enabled)
        {
            return;
        }

        await migrated.Ready.WaitAsync(stoppingToken);
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await RegisterAsync(stoppingToken);
                while (await SyncNextAsync(stoppingToken))
                {
                }

                states.See(await FeedRow.AllAsync(db, stoppingToken));
            }
            catch (Exception exception) when (exception is NpgsqlException or IOException or TimeoutException)
            {
                LogWaiting(exception.Message);
            }

            await Task.Delay(TimeSpan.FromSeconds(scanner.Value.PollSeconds), clock, stoppingToken);
        }
    }

    // A feed that is published elsewhere now is another: what is known of the old one says nothing of it.
    private async Task RegisterAsync(CancellationToken ct)
    {
        var fetched = Options.Sources.Where(pair => pair.Value.IsFetched).ToArray();
        await using var tx = await db.BeginAsync(ct);
        await tx.ExecuteAsync(
            """
            insert into feeds (name, url, created_at, due_at) select name, url, @Now, @Now from unnest(@Names, @Urls) as f(name, url)
            on conflict (name) do update set url = excluded.url, due_at = excluded.due_at, etag = null, last_modified = null, failures = 0, error = null
            where feeds.url <> excluded.url
            """,
            new { Names = fetched.Select(pair => pair.Key).ToArray(), Urls = fetched.Select(pair => pair.Value.Url).ToArray(), Now = clock.GetUtcNow() });
        await tx.CommitAsync();
    }

    /// <returns>Whether there was one that was due and that this instance could take.</returns>
    private async Task<bool> SyncNextAsync(CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        var due = await tx.QuerySingleOrDefaultAsync<Due>(
            """
            select name, etag, last_modified, failures from feeds f
            where due_at <= @Now and name = any(@Names) and not exists (select from imports i where i.id = f.import_id and i.status = 'running')
            order by due_at limit 1 for update skip locked
            """, new { Now = clock.GetUtcNow(), Names = Options.Sources.Where(pair => pair.Value.IsFetched).Select(pair => pair.Key).ToArray() });
        if (due is null)
        {
            return false;
        }

        var source = Options.Sources[due.Name];
        try
        {
            await using var file = TemporaryFile();
            var fetched = await fetch.RunAsync(due.Name, source, new(due.Etag, due.LastModified), file, ct);
            if (fetched is null)
            {
                await UnchangedAsync(tx, due, source);
            }
            else
            {
                await ImportAsync(tx, due, source, fetched, file, ct);
            }

            FeedStates.Fetched(due.Name, fetched is null ? "unchanged" : "fetched");
        }
        catch (FeedException exception)
        {
            FeedStates.Fetched(due.Name, "failed");
            LogFailed(due.Name, exception.Message);
            await tx.ExecuteAsync(
                "update feeds set attempted_at = @Now, due_at = @DueAt, failures = failures + 1, error = @Message where name = @Name",
                new { due.Name, Now = clock.GetUtcNow(), DueAt = clock.GetUtcNow() + PauseAfter(due.Failures, source), exception.Message });
        }

        await tx.CommitAsync();
        return true;
    }

    private async Task UnchangedAsync(Tx tx, Due due, FeedSource source)
    {
        LogUnchanged(due.Name);
        await tx.ExecuteAsync(
            "update feeds set attempted_at = @Now, succeeded_at = @Now, due_at = @DueAt, failures = 0, error = null where name = @Name",
            new { due.Name, Now = clock.GetUtcNow(), DueAt = clock.GetUtcNow() + Jittered(TimeSpan.FromMinutes(source.IntervalMinutes)) });
    }

    private async Task ImportAsync(Tx tx, Due due, FeedSource source, Validators fetched, FileStream file, CancellationToken ct)
    {
        var id = ImportId.New(clock.GetUtcNow());
        await tx.ExecuteAsync("savepoint accepting");
        var refused = await ImportAdvisories.AcceptAsync(tx, id, source.Format, Caller.OfSystem("scanner", null), file, scanner.Value.MaxImportBytes, clock.GetUtcNow(), ct);
        if (refused is not null)
        {
            await tx.ExecuteAsync("rollback to savepoint accepting");
            throw new FeedException(refused.ProblemDetails is HttpValidationProblemDetails { Errors: var errors }
                ? "The file: " + string.Join(' ', errors.Values.SelectMany(messages => messages))
                : refused.ProblemDetails.Detail ?? "The file was refused.");
        }

        LogFetched(due.Name, file.Length, id);
        await tx.ExecuteAsync(
            """
            update feeds set attempted_at = @Now, due_at = @DueAt, import_id = @Id, fetched_etag = @ETag, fetched_last_modified = @LastModified
            where name = @Name
            """,
            new
            {
                due.Name,
                Id = id.Value,
                fetched.ETag,
                fetched.LastModified,
                Now = clock.GetUtcNow(),
                DueAt = clock.GetUtcNow() + Jittered(TimeSpan.FromMinutes(source.IntervalMinutes)),
            });
    }

    private TimeSpan PauseAfter(int failures, FeedSource source)
    {
        var longest = TimeSpan.FromMinutes(source.IntervalMinutes);
        var pause = TimeSpan.FromMinutes(Options.RetryMinutes) * Math.Pow(2, Math.Min(failures, 10));
        return Jittered(pause < longest ? pause : longest);
    }

    // Platforms that were started together must not come to the publisher together for ever.
    private static TimeSpan Jittered(TimeSpan interval) => interval * (RandomNumberGenerator.GetInt32(900, 1_101) / 1_000.0);

    private static FileStream TemporaryFile() => new(
        Path.Combine(Path.GetTempPath(), Path.GetRandomFileName()), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 64 << 10, FileOptions.DeleteOnClose);

    private sealed record Due(string Name, string? Etag, DateTimeOffset? LastModified, int Failures);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Feeds wait for the database: {Reason}")]
    private partial void LogWaiting(string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "Feed {Feed} is unchanged")]
    private partial void LogUnchanged(string feed);

    [LoggerMessage(Level = LogLevel.Information, Message = "Feed {Feed}: {Bytes} bytes, import {Import}")]
    private partial void LogFetched(string feed, long bytes, ImportId import);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Feed {Feed} could not be fetched: {Reason}")]
    private partial void LogFailed(string feed, string reason);
}
