using EnvPlatform.Contracts.Ids;

namespace EnvPlatform.Scanner.Advisories.Feeds;

/// <summary>A feed and its state.</summary>
/// <param name="Url">Without secrets.</param>
/// <param name="Channel">For a published mapping or repodata: its channel.</param>
/// <param name="Enabled">Whether it is fetched.</param>
/// <param name="State">off, waiting (until <paramref name="NextAt"/>), due, fetching or importing.</param>
/// <param name="LastSuccessAt">When the imported data were last known to be what is published; null for never.</param>
/// <param name="AgeSeconds">Since then.</param>
/// <param name="Stale">Fetched, and not known to be current for longer than <c>Feeds:StaleHours</c>.</param>
/// <param name="RequestedAt">When an operator last requested a check.</param>
/// <param name="NextAt">When it is checked next.</param>
/// <param name="BytesFetched">
/// Of the file that is being fetched, or whose download was interrupted: the next attempt resumes there. Null when there is none.
/// </param>
/// <param name="BytesTotal">Of that file, where the publisher states it.</param>
/// <param name="Failures">In a row.</param>
/// <param name="Error">The last error; null when there was none.</param>
/// <param name="ImportId">The import of the file that was fetched last.</param>
/// <param name="Subdir">For repodata by platforms: its platform.</param>
public sealed record FeedView(
    string Name, string Url, string Format, string? Channel, bool Enabled, string State, DateTimeOffset? LastSuccessAt, long? AgeSeconds,
    bool Stale, DateTimeOffset? RequestedAt, DateTimeOffset? LastAttemptAt, DateTimeOffset? NextAt, long? BytesFetched, long? BytesTotal,
    int Failures, string? Error, ImportId? ImportId, string? Subdir)
{
    internal static FeedView Of(Feed feed, FeedRow? row, FeedOptions options, DateTimeOffset now) => new(
        feed.Name, feed.Url.GetComponents(UriComponents.Scheme | UriComponents.HostAndPort | UriComponents.Path, UriFormat.UriEscaped),
        feed.Kind.Format, feed.Kind.Channel, options.Enabled,
        StateOf(row, options, now), row?.SucceededAt, row?.SucceededAt is { } success ? (long)(now - success).TotalSeconds : null,
        options.Enabled && row is not null && row.AgeAt(now) > TimeSpan.FromHours(options.StaleHours), row?.RequestedAt, row?.AttemptedAt,
        options.Enabled ? row?.DueAt : null, row is { FetchedBytes: > 0 } or { TotalBytes: not null } ? row.FetchedBytes : null,
        row?.TotalBytes, row?.Failures ?? 0, row?.Error, row?.ImportId is { } import ? new ImportId(import) : null,
        feed.Kind.Subdir);

    private static string StateOf(FeedRow? row, FeedOptions options, DateTimeOffset now) => row switch
    {
        _ when !options.Enabled => "off",
        { IsFetched: true } => "fetching",
        { IsImported: true } => "importing",
        null => "due",
        _ => row.DueAt <= now ? "due" : "waiting",
    };
}
