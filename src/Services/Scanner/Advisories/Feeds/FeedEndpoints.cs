using EnvPlatform.ServiceDefaults.Callers;

namespace EnvPlatform.Scanner.Advisories.Feeds;

/// <summary>Feeds of advisories, for operators.</summary>
internal static class FeedEndpoints
{
    public static void MapFeeds(this IEndpointRouteBuilder app)
    {
        var feeds = app.MapGroup("/api/v1/advisories/feeds").RequireAuthorization(Access.Operator).WithTags("Advisories");
        feeds.MapListFeeds();
        feeds.MapRequestSync();
    }
}
