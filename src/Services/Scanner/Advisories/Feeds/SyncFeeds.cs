using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Background;

using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Scanner.Advisories.Feeds;

/// <summary>
/// Looks for feeds that are due, a few at a time. Of several processes one fetches a feed, under its <see cref="FetchTurn"/>; when that
/// process dies, another resumes the same file.
/// </summary>
internal sealed class SyncFeeds(
    NpgsqlDataSource db, MigrationState migrated, SyncFeed sync, FeedStates states, TimeProvider clock, IOptions<FeedOptions> options,
    IOptions<ScannerOptions> scanner, ILogger<SyncFeeds> log) : BackgroundService
{
    /// <summary>Of the table <c>feeds f</c>.</summary>
    private const string IsDue =
        "f.due_at <= @Now and not exists (select from imports i where i.id = f.import_id and i.status = 'running')";

    private FeedOptions Options => options.Value;

    private TimeSpan UntilNextLook => Pause.Spread(TimeSpan.FromSeconds(scanner.Value.PollSeconds), Random.Shared.NextDouble());

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!Options.Enabled)
        {
            return;
        }

        await migrated.Ready.WaitAsync(stoppingToken);
        var workers = Options.Parallel + 1;
        await Parallel.ForAsync(
            0, workers, new ParallelOptions { MaxDegreeOfParallelism = workers, CancellationToken = stoppingToken },
            async (worker, ct) => await new RepeatedWork(nameof(SyncFeeds), clock, log)
                .RunAsync(worker == 0 ? WatchAsync : SyncDueAsync, ct));
    }

    private async Task<TimeSpan?> WatchAsync(CancellationToken ct)
    {
        try
        {
            await RegisterAsync(ct);
            states.See(await FeedRow.AllAsync(db, ct));
            return UntilNextLook;
        }
        finally
        {
            states.Warn();
        }
    }

    // A feed with a new address is a new feed: the state of the old one does not apply to it.
    private async Task RegisterAsync(CancellationToken ct)
    {
        var feeds = Options.At(clock.GetUtcNow());
        var names = feeds.Select(feed => feed.Name).ToArray();
        await using var tx = await db.BeginAsync(ct);
        var moved = await tx.QueryAsync<string>(
            """
            insert into feeds (name, url, created_at, due_at) select name, url, @Now, @Now from unnest(@Names, @Urls) as f(name, url)
            on conflict (name) do update set url = excluded.url, due_at = excluded.due_at, etag = null, last_modified = null,
                failures = 0, error = null,
                fetch_id = null, fetched_bytes = 0, total_bytes = null, partial_etag = null,
                    partial_last_modified = null, partial_hash = null
            where feeds.url <> excluded.url
            returning name
            """,
            new { Names = names, Urls = feeds.Select(feed => feed.Url.OriginalString).ToArray(), Now = clock.GetUtcNow() });
        await tx.ExecuteAsync(
            "delete from feed_parts where feed = any(@Moved) or feed <> all(@Names)", new { Moved = moved.ToArray(), Names = names });
        await tx.CommitAsync();
    }

    private async Task<TimeSpan?> SyncDueAsync(CancellationToken ct)
    {
        while (await SyncNextAsync(ct))
        {
        }

        return UntilNextLook;
    }

    /// <returns>Whether there was one that was due and that this worker could take.</returns>
    private async Task<bool> SyncNextAsync(CancellationToken ct)
    {
        var feeds = Options.At(clock.GetUtcNow()).ToDictionary(feed => feed.Name, StringComparer.Ordinal);
        var due = await db.QueryAsync<string>(
            $"select name from feeds f where name = any(@Names) and {IsDue} order by due_at",
            new { Names = feeds.Keys.ToArray(), Now = clock.GetUtcNow() }, ct);
        foreach (var name in due)
        {
            await using var turn = await FetchTurn.TryAsync(db, name, ct);
            if (turn is not null && await SyncAsync(feeds[name], ct))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>One trace from the beginning of a sync to the end of its import.</summary>
    private async Task<bool> SyncAsync(Feed feed, CancellationToken ct)
    {
        using var trace = Telemetry.StartWork("sync feed");
        if (await BeginAsync(feed.Name, ct) is not { } fetch)
        {
            return false;
        }

        await sync.RunAsync(feed, fetch, ct);
        return true;
    }

    /// <summary>From now on the previous holder of the turn can no longer write.</summary>
    /// <returns>Null when it was checked in the meantime.</returns>
    private async Task<Fetch?> BeginAsync(string name, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        await using var tx = await db.BeginAsync(ct);
        var fetch = await tx.QuerySingleOrDefaultAsync<Fetch>(
            $"""
            update feeds f set fetch_id = @Id where name = @name and {IsDue}
            returning fetch_id as id, @Now as begun_at, etag, last_modified, failures, partial_etag, partial_last_modified,
                partial_hash, total_bytes
            """, new { name, Id = Guid.CreateVersion7(now), Now = now });
        if (fetch is not null)
        {
            FeedAudit.Started(tx, name, now, fetch.Failures);
            await tx.CommitAsync();
        }

        return fetch;
    }
}
