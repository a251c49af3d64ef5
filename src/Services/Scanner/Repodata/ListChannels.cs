using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Scanner.Repodata;

/// <summary>The channels of which repodata was imported, from a feed or by hand.</summary>
internal static class ListChannels
{
    /// <param name="Subdir">The platform, or noarch.</param>
    /// <param name="Names">Packages of different names.</param>
    /// <param name="Builds">Packages of different name, version or build.</param>
    public sealed record View(string Channel, string Subdir, int Names, int Builds, DateTimeOffset ImportedAt);

    public static void MapListChannels(this IEndpointRouteBuilder app) =>
        app.MapGet("/api/v1/advisories/channels", HandleAsync).RequireAuthorization(Access.Operator).WithTags("Advisories")
            .WithName(nameof(ListChannels)).WithSummary("The channels and platforms of which repodata was imported, and when.");

    private static async Task<Ok<Page<View>>> HandleAsync(NpgsqlDataSource db, CancellationToken ct)
    {
        var items = await db.QueryAsync<View>(
            "select channel, subdir, names, builds, imported_at from channel_subdirs order by channel, subdir", null, ct);
        return TypedResults.Ok(new Page<View>(items, items.Count, null));
    }
}
