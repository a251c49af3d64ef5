using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Ingest.Environments;

/// <summary>
/// An administrator moves an environment to the archive, or back. Archived environments can still be used, logged and scanned.
/// </summary>
internal static class ArchiveEnvironment
{
    public static void MapArchiveEnvironment(this IEndpointRouteBuilder environments)
    {
        environments.MapPost(
            "/{id}/archive", (EnvironmentId id, Caller caller, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct) =>
                    HandleAsync(id, true, caller, db, clock, ct))
            .RequireAuthorization(Permission.EnvironmentsArchive).WithName(nameof(ArchiveEnvironment))
            .WithSummary("Archive an environment");
        environments.MapPost(
            "/{id}/unarchive", (EnvironmentId id, Caller caller, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct) =>
                    HandleAsync(id, false, caller, db, clock, ct))
            .RequireAuthorization(Permission.EnvironmentsArchive).WithName("UnarchiveEnvironment")
            .WithSummary("Take an environment out of the archive");
    }

    private static async Task<Results<NoContent, ProblemHttpResult>> HandleAsync(
        EnvironmentId id, bool archived, Caller caller, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        var row = await tx.QuerySingleOrDefaultAsync<Row>(
            """
            select name, prefix, archived, version from environments
            where org_id = @OrgId and environment_id = @id and removed_at is null
            for update
            """, new { caller.OrgId, id });
        if (row is null)
        {
            return Problems.NotFound();
        }

        if (row.Archived == archived)
        {
            return TypedResults.NoContent();
        }

        var now = clock.GetUtcNow();
        await tx.ExecuteAsync(
            """
            update environments set
                archived = @archived, archived_at = case when @archived then @now::timestamptz end, version = version + 1, updated_at = @now
            where org_id = @OrgId and environment_id = @id
            """, new { caller.OrgId, id, archived, now });
        tx.Publish(new EnvironmentArchived(caller.OrgId, id, archived, row.Version + 1, now));
        tx.Audit(
            caller, now, archived ? "environment_archived" : "environment_unarchived", new(id.ToString(), null, "environment"),
            archived
                ? $"Archived the environment {row.Name} ({row.Prefix})."
                : $"Took the environment {row.Name} ({row.Prefix}) out of the archive.",
            new { Before = new { Archived = !archived }, After = new { Archived = archived } });
        await tx.CommitAsync();
        return TypedResults.NoContent();
    }

    private sealed record Row(string Name, string Prefix, bool Archived, long Version);
}
