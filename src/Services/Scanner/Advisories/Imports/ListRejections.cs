using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Scanner.Advisories.Imports;

/// <summary>
/// The records that an import left out, in the order of its file, and after them the entries that cannot be compared with any version. Only
/// the first thousand are kept; the import counts them all.
/// </summary>
internal static class ListRejections
{
    private static readonly Dictionary<string, string> Sorts = new(StringComparer.Ordinal) { ["number"] = "number" };

    /// <param name="Record">Its id, as far as it could be read.</param>
    /// <param name="File">The entry of the archive that it is in; null for a file that is no archive.</param>
    /// <param name="Kind">rejected (left out), or not_evaluable (kept, and it cannot be compared with any version).</param>
    public sealed record RejectionView(int Number, string? Record, string? File, string Reason, string Kind);

    public static void MapListRejections(this IEndpointRouteBuilder imports) =>
        imports.MapGet("/{id}/rejections", HandleAsync).WithName(nameof(ListRejections))
            .WithSummary("The records that an import left out or that cannot be compared, and why: the first 1,000.");

    private static async Task<Results<Ok<Page<RejectionView>>, ProblemHttpResult>> HandleAsync(
        ImportId id, PageQuery page, NpgsqlDataSource db, CancellationToken ct)
    {
        page.SortBy(Sorts, "number");
        if (await db.QuerySingleOrDefaultAsync<int?>("select 1 from imports where id = @id", new { id }, ct) is null)
        {
            return Problems.NotFound();
        }

        var items = await db.QueryAsync<RejectionView>(
            $"""
            select number, record, file, reason, kind from import_rejections
            where import_id = @id and (@After::int is null or number {(page.Descending ? "<" : ">")} @After::int)
            order by number {(page.Descending ? "desc" : "asc")} limit @Take
            """, new { id, After = page.After?[0], Take = page.Limit + 1 }, ct);
        var total = await db.QuerySingleAsync<long>("select count(*) from import_rejections where import_id = @id", new { id }, ct);
        var more = items.Count > page.Limit;
        return TypedResults.Ok(new Page<RejectionView>(
            more ? items[..page.Limit] : items, total, more ? page.Next(items[page.Limit - 1].Number.ToString()) : null));
    }
}
