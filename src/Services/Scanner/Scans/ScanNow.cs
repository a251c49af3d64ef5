using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Contracts.Ingest;
using EnvPlatform.Postgres;
using EnvPlatform.Scanner.Advisories;
using EnvPlatform.Scanner.Curations;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Grpc.Core;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

using IngestEnvironments = EnvPlatform.Contracts.Ingest.Environments;

namespace EnvPlatform.Scanner.Scans;

/// <summary>A caller requests a scan of an environment: all of its packages, as Ingest has them now, are matched again.</summary>
internal static class ScanNow
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    /// <param name="Kev">
    /// How many are known to be exploited; null where no catalogue was imported and no record says that one is.
    /// </param>
    public sealed record Summary(
        EnvironmentId EnvironmentId, int Packages, int Total, int Critical, int High, int Medium, int Low, int Unknown, decimal? MaxCvss,
        int? Kev, int NotChecked, DateTimeOffset ScannedAt);

    public static void MapScanNow(this IEndpointRouteBuilder environments) =>
        environments.MapPost("/environments/{id}/scan", HandleAsync).WithName(nameof(ScanNow)).WithSummary("Scan an environment now.");

    private static async Task<Results<Ok<Summary>, ProblemHttpResult>> HandleAsync(
        EnvironmentId id, Caller caller, NpgsqlDataSource db, CurrentIndex current, PackageSetSource source,
        IngestEnvironments.EnvironmentsClient ingest, ScannerMetrics metrics, TimeProvider clock, CancellationToken ct)
    {
        PlacedEnvironment environment;
        try
        {
            environment = await AskAsync(ingest, caller.OrgId, id, clock, ct);
        }
        catch (RpcException exception) when (exception.StatusCode is StatusCode.NotFound)
        {
            return Problems.NotFound();
        }
        catch (RpcException exception) when (exception.StatusCode is StatusCode.Unavailable or StatusCode.DeadlineExceeded)
        {
            return Problems.Of(
                StatusCodes.Status503ServiceUnavailable, "ingest_unavailable", "Not now.",
                "The environments cannot be reached at the moment. Try again.");
        }

        if (!caller.MaySee(environment.Owner))
        {
            return Problems.NotFound();
        }

        var sets = new[] { environment.SetId };
        var isStored =
            await db.QuerySingleOrDefaultAsync<long?>("select id from package_sets where id = any(@sets)", new { sets }, ct) is not null;
        var fetched = isStored ? [] : await source.FetchAsync(sets, ct);

        await using var tx = await db.BeginAsync(ct);
        var generation = await FindingsLock.ShareAsync(tx);
        await CurationsLock.ShareAsync(tx, [caller.OrgId]);
        var index = await current.AtLeastAsync(generation, ct);
        metrics.Matched(await StoreSets.RunAsync(tx, index.Index, generation, fetched, clock.GetUtcNow()));
        await EnvironmentRows.PlaceAsync(tx, [environment]);
        var renewal = new RenewFindings(tx, index.Index, generation, clock.GetUtcNow());
        await renewal.MatchAsync(await tx.QueryAsync<int>(
            "select unnest(package_ids) from package_sets where id = @SetId", new { environment.SetId }) is var ids ? [.. ids] : []);
        await renewal.CountAsync([]);
        await CountSets.RunAsync(tx, sets, generation, clock.GetUtcNow());
        await OrganizationCounts.RefreshAsync(tx, [caller.OrgId], sets, clock.GetUtcNow());
        var counts = (await SetCounts.ReadAsync(tx, [(caller.OrgId, environment.SetId)])).Values.Single();
        tx.Publish(new EnvironmentScanned(caller.OrgId, [counts.For([id])]));
        ScanAudit.Record(tx, caller, environment, counts, clock.GetUtcNow());
        await tx.CommitAsync();
        metrics.Scanned(1);
        var found = counts.Vulnerabilities;
        return TypedResults.Ok(new Summary(
            id, counts.Packages, found.Total, found.Critical, found.High, found.Medium, found.Low, found.Unknown,
            counts.MaxCvss, counts.Kev, counts.NotChecked, counts.ScannedAt));
    }

    private static async Task<PlacedEnvironment> AskAsync(
        IngestEnvironments.EnvironmentsClient ingest, OrganizationId organization, EnvironmentId id,
        TimeProvider clock, CancellationToken ct)
    {
        var found = await ingest.GetEnvironmentAsync(
            new GetEnvironmentRequest { OrganizationId = organization.ToString(), EnvironmentId = id.ToString() },
            deadline: clock.GetUtcNow().UtcDateTime + Deadline, cancellationToken: ct);
        return new(
            organization, id, new(Guid.Parse(found.MachineId)), new(Guid.Parse(found.OwnerId)), found.Prefix, found.Name, found.Platform,
            found.PackageSetId, found.Version);
    }
}
