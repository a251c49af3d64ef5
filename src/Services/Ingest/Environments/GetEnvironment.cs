using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Ingest.Environments;

/// <summary>One environment with its counts, status and last scan.</summary>
internal static class GetEnvironment
{
    public static void MapGetEnvironment(this IEndpointRouteBuilder environments) =>
        environments.MapGet("/{id}", HandleAsync).WithName(nameof(GetEnvironment)).WithSummary("Get one environment")
            .ProducesProblem(StatusCodes.Status404NotFound);

    private static async Task<Results<Ok<EnvironmentView>, ProblemHttpResult>> HandleAsync(
        EnvironmentId id, Caller caller, NpgsqlDataSource db, CancellationToken ct)
    {
        var row = await db.QuerySingleOrDefaultAsync<EnvironmentRow>(
            $"""
            {EnvironmentRow.SelectWhole}, null::text as sort_key
            {EnvironmentRow.From}
            where e.org_id = @OrgId and e.environment_id = @id and e.removed_at is null
            """, new { caller.OrgId, id }, ct);
        return row is not null && caller.MaySee(row.OwnerId) ? TypedResults.Ok(row.ToView()) : Problems.NotFound();
    }
}
