using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Scanner.Advisories.Imports;

/// <summary>How an import is doing.</summary>
/// <param name="Status">running, completed or failed.</param>
/// <param name="Phase">queued, reading, matching or done.</param>
/// <param name="Advisories">Records that were read so far.</param>
/// <param name="Changed">Records known before that have another content now.</param>
/// <param name="Withdrawn">Of those added or changed: the source has withdrawn them, which was not known before.</param>
/// <param name="Rejected">Records that could not be read.</param>
public sealed record ImportView(
    ImportId Id, string Format, string Status, string Phase, long Bytes, int Advisories, int Added, int Changed, int Withdrawn, int Rejected,
    string? Error, DateTimeOffset CreatedAt, DateTimeOffset? FinishedAt);

/// <summary>One import.</summary>
public static class GetImport
{
    public static void MapGetImport(this IEndpointRouteBuilder imports) =>
        imports.MapGet("/{id}", HandleAsync).WithName(nameof(GetImport)).WithSummary("How an import is doing.");

    private static async Task<Results<Ok<ImportView>, ProblemHttpResult>> HandleAsync(ImportId id, NpgsqlDataSource db, CancellationToken ct) =>
        await db.QuerySingleOrDefaultAsync<ImportView>(
            """
            select id, format, status, phase, bytes, advisories, added, changed, withdrawn, rejected, error, created_at, finished_at
            from imports where id = @id
            """, new { id }, ct) is { } found
            ? TypedResults.Ok(found)
            : Problems.NotFound();
}
