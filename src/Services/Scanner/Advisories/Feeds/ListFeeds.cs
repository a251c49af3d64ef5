using EnvPlatform.Contracts.Ids;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Identity;

using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Scanner.Advisories.Feeds;

/// <summary>A feed and how it is doing.</summary>
/// <param name="Url">Without what may be secret in it.</param>
/// <param name="Enabled">Whether it is fetched.</param>
/// <param name="LastSuccessAt">When what is imported was last known to be what is published; null for never.</param>
/// <param name="AgeSeconds">Since then.</param>
/// <param name="Stale">Fetched, and not known to be current for longer than <c>Feeds:StaleHours</c>.</param>
/// <param name="NextAt">When it is looked at next.</param>
/// <param name="Failures">In a row.</param>
/// <param name="Error">What went wrong last; null when nothing did.</param>
/// <param name="ImportId">The import of the file that was fetched last.</param>
public sealed record FeedView(
    string Name, string Url, string Format, bool Enabled, DateTimeOffset? LastSuccessAt, long? AgeSeconds, bool Stale, DateTimeOffset? LastAttemptAt,
    DateTimeOffset? NextAt, int Failures, string? Error, ImportId? ImportId);

/// <summary>The feeds that the platform knows, and how current they are.</summary>
public static class ListFeeds
{
    public static void MapFeeds(this IEndpointRouteBuilder app) =>
        app.MapGet("/api/v1/advisories/feeds", HandleAsync).RequireAuthorization(Roles.Operator).WithTags("Advisories")
            .WithName(nameof(ListFeeds)).WithSummary("The feeds of advisories, and how current they are.");

    private static async Task<Ok<Page<FeedView>>> HandleAsync(NpgsqlDataSource db, IOptions<FeedOptions> options, TimeProvider clock, CancellationToken ct)
    {
        var rows = (await FeedRow.AllAsync(db, ct)).ToDictionary(row => row.Name, StringComparer.Ordinal);
        var feeds = options.Value.Sources.Where(pair => pair.Value.IsFetched).OrderBy(pair => pair.Key, StringComparer.Ordinal)
            .Select(pair => View(pair.Key, pair.Value, rows.GetValueOrDefault(pair.Key), options.Value, clock.GetUtcNow())).ToList();
        return TypedResults.Ok(new Page<FeedView>(feeds, feeds.Count, null));
    }

    private static FeedView View(string name, FeedSource source, FeedRow? row, FeedOptions options, DateTimeOffset now) => new(
        name, new Uri(source.Url).GetComponents(UriComponents.Scheme | UriComponents.HostAndPort | UriComponents.Path, UriFormat.UriEscaped), source.Format, options.Enabled,
        row?.SucceededAt, row?.SucceededAt is { } success ? (long)(now - success).TotalSeconds : null,
        options.Enabled && row is not null && row.AgeAt(now) > TimeSpan.FromHours(options.StaleHours),
        row?.AttemptedAt, options.Enabled ? row?.DueAt : null, row?.Failures ?? 0, row?.Error, row?.ImportId is { } import ? new ImportId(import) : null);
}
