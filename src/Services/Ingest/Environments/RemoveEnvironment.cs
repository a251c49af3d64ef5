using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Ingest.Environments;

/// <summary>
/// An environment was removed from its machine, so its owner or an administrator removes it here. A new log at its prefix is a new
/// environment.
/// </summary>
internal static class RemoveEnvironment
{
    public static void MapRemoveEnvironment(this IEndpointRouteBuilder environments) =>
        environments.MapDelete("/{id}", HandleAsync).RequireAuthorization(Permission.EnvironmentsLog).WithName(nameof(RemoveEnvironment))
            .WithSummary("Remove an environment").ProducesProblem(StatusCodes.Status404NotFound);

    private static async Task<Results<NoContent, ProblemHttpResult>> HandleAsync(
        EnvironmentId id, Caller caller, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        var now = clock.GetUtcNow();
        var row = await tx.QuerySingleOrDefaultAsync<Row>(
            """
            update environments e set removed_at = @now, version = e.version + 1
            from package_sets s
            where org_id = @OrgId and environment_id = @id and removed_at is null and s.package_set_id = e.package_set_id
                and (@OnlyOwner::uuid is null or owner_id = @OnlyOwner)
                and (@OnlyMachine::uuid is null or machine_id = @OnlyMachine)
            returning e.name, e.prefix, e.machine_id, s.digest, e.version
            """,
            new
            {
                caller.OrgId,
                id,
                OnlyOwner = caller.OnlyOwnWithout(Permission.EnvironmentsRemoveAll)?.Value,
                OnlyMachine = caller.MachineId?.Value,
                now,
            });
        if (row is null)
        {
            return Problems.NotFound();
        }

        tx.Publish(new EnvironmentRemoved(caller.OrgId, id, row.Version, now));
        tx.Audit(
            caller, now, "environment_removed", new(id.ToString(), null, "environment"),
            $"Removed the environment {row.Name} ({row.Prefix}).",
            new { Before = new { row.Name, row.Prefix, row.MachineId, row.Digest } });
        await tx.CommitAsync();
        return TypedResults.NoContent();
    }

    private sealed record Row(string Name, string Prefix, MachineId MachineId, string Digest, long Version);
}
