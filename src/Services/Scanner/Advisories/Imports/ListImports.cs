using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Scanner.Advisories.Imports;

/// <summary>All imports, the latest first.</summary>
internal static class ListImports
{
    // Ids sort by time.
    private static readonly Dictionary<string, string> Sorts = new(StringComparer.Ordinal) { ["created_at"] = "id" };

    public static void MapListImports(this IEndpointRouteBuilder imports) =>
        imports.MapGet("", HandleAsync).WithName(nameof(ListImports)).WithSummary("The imports, the latest first.");

    private static async Task<Ok<Page<ImportView>>> HandleAsync(PageQuery page, NpgsqlDataSource db, CancellationToken ct)
    {
        page.SortBy(Sorts, "created_at");
        var descending = page.Sort is null || page.Descending;
        var items = await db.QueryAsync<ImportView>(
            $"""
            select {ImportView.Columns} from imports
            where @After::uuid is null or id {(descending ? "<" : ">")} @After::uuid
            order by id {(descending ? "desc" : "asc")} limit @Take
            """, new { After = page.After?[0], Take = page.Limit + 1 }, ct);
        var total = await db.QuerySingleAsync<long>("select count(*) from imports", null, ct);
        var more = items.Count > page.Limit;
        return TypedResults.Ok(new Page<ImportView>(
            more ? items[..page.Limit] : items, total, more ? page.Next(items[page.Limit - 1].Id.ToString()) : null));
    }
}
