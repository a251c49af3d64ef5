using System.Security.Cryptography;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.Scanner.Advisories.Imports;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Scanner.Advisories.Feeds;

/// <summary>What is known of a feed when its fetch begins.</summary>
/// <param name="Id">While it is the feed's <c>fetch_id</c>, this fetch may write.</param>
internal sealed record Fetch(
    Guid Id, DateTimeOffset BegunAt, string? Etag, DateTimeOffset? LastModified, int Failures, string? PartialEtag,
    DateTimeOffset? PartialLastModified, string? PartialHash, long? TotalBytes)
{
    public Validators Known => new(Etag, LastModified);

    public Validators Begun => new(PartialEtag, PartialLastModified, PartialHash);
}

/// <summary>
/// Checks a feed. A new file becomes an import as if an operator had sent it, in one transaction with the feed's validators; a failure
/// changes nothing but the recorded reason.
/// </summary>
internal sealed partial class SyncFeed(
    NpgsqlDataSource db, FetchFeed fetch, TimeProvider clock, IOptions<FeedOptions> options, IOptions<ScannerOptions> scanner,
    ILogger<SyncFeed> log)
{
    // What was requested since the fetch began may be newer than what it found.
    private const string Next = "due_at = case when requested_at > @BegunAt then @Now else @DueAt end";

    public async Task RunAsync(Feed feed, Fetch begun, CancellationToken ct)
    {
        try
        {
            FeedStates.Fetched(feed.Name, await TryAsync(feed, begun, ct));
        }
        catch (FeedTakenException)
        {
            LogTaken(feed.Name);
        }
    }

    private async Task<string> TryAsync(Feed feed, Fetch begun, CancellationToken ct)
    {
        try
        {
            await using var file = await FeedDownload.OpenAsync(db, feed.Name, begun.Id, begun.Begun, begun.TotalBytes, ct);
            if (await fetch.RunAsync(feed, begun.Known, file, ct) is { } fetched)
            {
                await ImportAsync(feed, begun, fetched, file.File, ct);
                return "fetched";
            }

            await UnchangedAsync(feed, begun, ct);
            return "unchanged";
        }
        catch (FeedException exception)
        {
            LogFailed(feed.Name, exception.Message);
            await FailedAsync(feed, begun, exception, ct);
            return "failed";
        }
    }

    private async Task UnchangedAsync(Feed feed, Fetch begun, CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        await OwnAsync(tx.ExecuteAsync(
            $"""
            update feeds set fetch_id = null, attempted_at = @Now, succeeded_at = @Now, {Next}, failures = 0, error = null
            where name = @Name and fetch_id = @Id
            """, new { feed.Name, begun.Id, begun.BegunAt, Now = clock.GetUtcNow(), DueAt = clock.GetUtcNow() + Jittered(feed.Interval) }));
        FeedAudit.Completed(tx, feed.Name, clock.GetUtcNow(), "unchanged", new { Outcome = "unchanged" });
        await tx.CommitAsync();
        LogUnchanged(feed.Name);
    }

    private async Task ImportAsync(Feed feed, Fetch begun, Validators fetched, FileStream file, CancellationToken ct)
    {
        var id = ImportId.New(clock.GetUtcNow());
        await using var tx = await db.BeginAsync(ct);
        var refused = await ImportAdvisories.AcceptAsync(
            tx, id, feed.Kind, Caller.OfSystem("scanner", null), file, scanner.Value.MaxImportBytes, clock.GetUtcNow(), ct);
        if (refused is not null)
        {
            throw new FeedException(refused.ProblemDetails is HttpValidationProblemDetails { Errors: var errors }
                ? "The file: " + string.Join(' ', errors.Values.SelectMany(messages => messages))
                : refused.ProblemDetails.Detail ?? "The file was refused.");
        }

        await OwnAsync(tx.ExecuteAsync(
            $"""
            update feeds set fetch_id = null, attempted_at = @Now, {Next}, import_id = @Import, fetched_etag = @ETag,
                fetched_last_modified = @LastModified
            where name = @Name and fetch_id = @Id
            """,
            new
            {
                feed.Name,
                begun.Id,
                begun.BegunAt,
                Import = id.Value,
                fetched.ETag,
                fetched.LastModified,
                Now = clock.GetUtcNow(),
                DueAt = clock.GetUtcNow() + Jittered(feed.Interval),
            }));
        await FeedDownload.ForgetAsync(tx, feed.Name);
        await tx.CommitAsync();
        LogFetched(feed.Name, file.Length, id);
    }

    private async Task FailedAsync(Feed feed, Fetch begun, FeedException failure, CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        await OwnAsync(tx.ExecuteAsync(
            $"""
            update feeds set fetch_id = null, attempted_at = @Now, {Next}, failures = failures + 1, error = @Message
            where name = @Name and fetch_id = @Id
            """, new
            {
                feed.Name,
                begun.Id,
                begun.BegunAt,
                failure.Message,
                Now = clock.GetUtcNow(),
                DueAt = clock.GetUtcNow() + PauseAfter(begun.Failures, feed)
            }));
        if (!failure.IsUsable)
        {
            await FeedDownload.ForgetAsync(tx, feed.Name);
        }

        FeedAudit.Failed(tx, feed.Name, clock.GetUtcNow(), failure.Message, begun.Failures + 1);
        await tx.CommitAsync();
    }

    private static async Task OwnAsync(Task<int> written)
    {
        if (await written == 0)
        {
            throw new FeedTakenException();
        }
    }

    private TimeSpan PauseAfter(int failures, Feed feed)
    {
        var pause = TimeSpan.FromMinutes(options.Value.RetryMinutes) * Math.Pow(2, Math.Min(failures, 10));
        return Jittered(pause < feed.Interval ? pause : feed.Interval);
    }

    // Platforms that were started together must not keep polling the publisher at the same time.
    private static TimeSpan Jittered(TimeSpan interval) => interval * (RandomNumberGenerator.GetInt32(900, 1_101) / 1_000.0);

    [LoggerMessage(Level = LogLevel.Information, Message = "Feed {Feed} is unchanged")]
    private partial void LogUnchanged(string feed);

    [LoggerMessage(Level = LogLevel.Information, Message = "Feed {Feed}: {Bytes} bytes, import {Import}")]
    private partial void LogFetched(string feed, long bytes, ImportId import);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Feed {Feed} could not be fetched: {Reason}")]
    private partial void LogFailed(string feed, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "Feed {Feed} is fetched by another process now")]
    private partial void LogTaken(string feed);
}
