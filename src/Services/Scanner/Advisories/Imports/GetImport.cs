using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Scanner.Advisories.Imports;

/// <summary>The progress of an import.</summary>
/// <param name="Channel">For a published mapping or repodata: its channel.</param>
/// <param name="Status">running, completed or failed.</param>
/// <param name="Phase">queued, reading, matching (packages to the new advisories), counting (the sets that hold them) or done.</param>
/// <param name="Advisories">Records that were read so far.</param>
/// <param name="Added">New records; of repodata: names of packages, likewise below.</param>
/// <param name="Changed">Known records that changed.</param>
/// <param name="Withdrawn">Of those added or changed: newly withdrawn by the source; of repodata: names that it no longer has.</param>
/// <param name="Rejected">Records that could not be read; see the import's rejections.</param>
/// <param name="NotEvaluable">
/// Entries of its records that cannot be compared with any version, which are listed with the rejections; known when it is completed.
/// </param>
/// <param name="Subdir">For repodata: the platform that it was said to be of, or is of; null while it is not known.</param>
/// <param name="PackagesMatched">Of <paramref name="PackagesTotal"/>, the packages that the import affects.</param>
/// <param name="SetsCounted">Of <paramref name="SetsTotal"/>, the package sets that the import affects.</param>
public sealed record ImportView(
    ImportId Id, string Format, string? Channel, string Status, string Phase, long Bytes, int Advisories, int Added, int Changed,
    int Withdrawn, int Rejected, int PackagesMatched, int PackagesTotal, int SetsCounted, int SetsTotal, string? Error,
    DateTimeOffset CreatedAt, DateTimeOffset? FinishedAt, int NotEvaluable, string? Subdir)
{
    internal const string Columns =
        """
        id, format, channel, status, phase, bytes, advisories, added, changed, withdrawn, rejected, packages_matched, packages_total,
            sets_counted, sets_total, error,
        created_at, finished_at, not_evaluable, subdir
        """;
}

/// <summary>One import.</summary>
internal static class GetImport
{
    public static void MapGetImport(this IEndpointRouteBuilder imports) =>
        imports.MapGet("/{id}", HandleAsync).WithName(nameof(GetImport)).WithSummary("How an import is doing.");

    private static async Task<Results<Ok<ImportView>, ProblemHttpResult>> HandleAsync(
        ImportId id, NpgsqlDataSource db, CancellationToken ct) =>
        await db.QuerySingleOrDefaultAsync<ImportView>($"select {ImportView.Columns} from imports where id = @id", new { id }, ct)
            is { } found
            ? TypedResults.Ok(found)
            : Problems.NotFound();
}
