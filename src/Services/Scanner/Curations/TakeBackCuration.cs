using EnvPlatform.Postgres;
using EnvPlatform.Scanner.Advisories;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Scanner.Curations;

/// <summary>An administrator takes a verdict back: of exactly the scope named, with all that it overrides.</summary>
internal static class TakeBackCuration
{
    public static void MapTakeBackCuration(this IEndpointRouteBuilder vulnerabilities) =>
        vulnerabilities.MapDelete("/{id}/curation", HandleAsync).RequireAuthorization(Permission.VulnerabilitiesCurate)
            .WithName(nameof(TakeBackCuration))
            .WithSummary("Take back the curation of a vulnerability, or of it in a package, a version, a build.");

    private static async Task<Results<NoContent, ProblemHttpResult>> HandleAsync(
        string id, string? package, string? version, string? build, Caller caller, NpgsqlDataSource db,
        TimeProvider clock, CancellationToken ct)
    {
        if (package is null && (version ?? build) is not null)
        {
            return Problems.Invalid(version is null ? "build" : "version", "Needs a package.");
        }

        await using var tx = await db.BeginAsync(ct);
        await FindingsLock.ShareAsync(tx);
        await CurationsLock.TakeAsync(tx, caller.OrgId);
        if (await ChangeCurations.FindAsync(tx, id) is not { } vulnerability
            || !await ChangeCurations.TakeBackAsync(
                tx, caller, vulnerability.Id, CurationScope.Of(package, version, build), null, clock.GetUtcNow()))
        {
            return Problems.NotFound("Nothing is held of exactly this.");
        }

        await tx.CommitAsync();
        return TypedResults.NoContent();
    }
}
