using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Scanner.Advisories.Feeds;

/// <summary>
/// An operator requests that a feed, or all of them, be checked now rather than when it is due. One that is being fetched or imported is
/// checked again afterwards.
/// </summary>
internal static class RequestSync
{
    public static void MapRequestSync(this IEndpointRouteBuilder feeds)
    {
        feeds.MapPost("/sync", HandleAllAsync).WithName("RequestSyncOfAll")
            .WithSummary("Look at every feed now. The sync is done when last_attempt_at is past requested_at and state is waiting.");
        feeds.MapPost("/{name}/sync", HandleOneAsync).WithName(nameof(RequestSync))
            .WithSummary("Look at a feed now. The sync is done when last_attempt_at is past requested_at and state is waiting.");
    }

    private static async Task<Results<Accepted<Page<FeedView>>, ProblemHttpResult>> HandleAllAsync(
        Caller caller, NpgsqlDataSource db, IOptions<FeedOptions> options, TimeProvider clock, CancellationToken ct)
    {
        if (Off(options.Value) is { } off)
        {
            return off;
        }

        await RequestAsync(db, caller, "all", options.Value.At(clock.GetUtcNow()), clock, ct);
        var feeds = await ListFeeds.ReadAsync(db, options.Value, clock, ct);
        return TypedResults.Accepted("/api/v1/advisories/feeds", new Page<FeedView>(feeds, feeds.Count, null));
    }

    private static async Task<Results<Accepted<FeedView>, ProblemHttpResult>> HandleOneAsync(
        string name, Caller caller, NpgsqlDataSource db, IOptions<FeedOptions> options, TimeProvider clock, CancellationToken ct)
    {
        if (Off(options.Value) is { } off)
        {
            return off;
        }

        if (options.Value.At(clock.GetUtcNow()).FirstOrDefault(feed => feed.Name == name) is not { } feed)
        {
            return Problems.NotFound();
        }

        await RequestAsync(db, caller, name, [feed], clock, ct);
        return TypedResults.Accepted(
            "/api/v1/advisories/feeds", (await ListFeeds.ReadAsync(db, options.Value, clock, ct)).First(view => view.Name == name));
    }

    private static ProblemHttpResult? Off(FeedOptions options) => options.Enabled
        ? null
        : Problems.Of(
            StatusCodes.Status409Conflict, "feeds_off", "Feeds are off.",
            "This platform fetches no feeds (Feeds:Enabled). Import their files.");

    private static async Task RequestAsync(
        NpgsqlDataSource db, Caller caller, string target, IReadOnlyList<Feed> feeds, TimeProvider clock, CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        await tx.ExecuteAsync(
            """
            insert into feeds as f (name, url, created_at, due_at, requested_at)
            select name, url, @Now, @Now, @Now from unnest(@Names, @Urls) as u(name, url)
            on conflict (name) do update set due_at = least(f.due_at, excluded.due_at), requested_at = excluded.requested_at
            """,
            new
            {
                Names = feeds.Select(feed => feed.Name).ToArray(),
                Urls = feeds.Select(feed => feed.Url.OriginalString).ToArray(),
                Now = clock.GetUtcNow()
            });
        tx.Audit(
            caller with { Organization = null }, clock.GetUtcNow(), "feed_sync_requested", FeedAudit.TargetOf(target),
            target == "all" ? "A sync of all feeds was requested." : $"A sync of the feed {target} was requested.",
            new { Feeds = feeds.Select(feed => feed.Name) });
        await tx.CommitAsync();
    }
}
