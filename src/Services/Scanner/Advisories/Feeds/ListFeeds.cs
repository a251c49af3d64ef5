using EnvPlatform.ServiceDefaults;

using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Scanner.Advisories.Feeds;

/// <summary>The configured feeds, and how current they are.</summary>
internal static class ListFeeds
{
    public static void MapListFeeds(this IEndpointRouteBuilder feeds) =>
        feeds.MapGet("", HandleAsync).WithName(nameof(ListFeeds))
            .WithSummary("The feeds of advisories, how current they are, and how far they are fetched.");

    public static async Task<List<FeedView>> ReadAsync(NpgsqlDataSource db, FeedOptions options, TimeProvider clock, CancellationToken ct)
    {
        var rows = (await FeedRow.AllAsync(db, ct)).ToDictionary(row => row.Name, StringComparer.Ordinal);
        var now = clock.GetUtcNow();
        return [.. options.At(now).Select(feed => FeedView.Of(feed, rows.GetValueOrDefault(feed.Name), options, now))];
    }

    private static async Task<Ok<Page<FeedView>>> HandleAsync(
        NpgsqlDataSource db, IOptions<FeedOptions> options, TimeProvider clock, CancellationToken ct)
    {
        var feeds = await ReadAsync(db, options.Value, clock, ct);
        return TypedResults.Ok(new Page<FeedView>(feeds, feeds.Count, null));
    }
}
