using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.Scanner.Vulnerabilities;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Scanner.Curations;

/// <summary>
/// The verdicts of an organization, or of one vulnerability: those in force, or all that were ever given. The latest first.
/// </summary>
internal static class ListCurations
{
    // Ids sort by time.
    private static readonly Dictionary<string, string> Sorts = new(StringComparer.Ordinal) { ["created_at"] = "id" };

    public static void MapListCurations(this IEndpointRouteBuilder vulnerabilities)
    {
        vulnerabilities.MapGet("/curations", HandleAllAsync).RequireAuthorization(Permission.EnvironmentsRead)
            .WithName(nameof(ListCurations))
            .WithSummary("The organization's curations; history=true adds those that have ended.");
        vulnerabilities.MapGet("/{id}/curations", HandleOneAsync).RequireAuthorization(Permission.EnvironmentsRead)
            .WithName("ListCurationsOfVulnerability")
            .WithSummary("The curations of a vulnerability; history=true adds those that have ended.");
    }

    private static async Task<Ok<Page<CurationView>>> HandleAllAsync(
        PageQuery page, Caller caller, NpgsqlDataSource db, CancellationToken ct, bool history = false) =>
        TypedResults.Ok(await ReadAsync(db, caller.OrgId, null, history, page, ct));

    private static async Task<Results<Ok<Page<CurationView>>, ProblemHttpResult>> HandleOneAsync(
        string id, PageQuery page, Caller caller, NpgsqlDataSource db, CancellationToken ct, bool history = false) =>
        await GetVulnerability.ResolveAsync(db, id, ct) is { } vulnerability
            ? TypedResults.Ok(await ReadAsync(db, caller.OrgId, vulnerability, history, page, ct))
            : Problems.NotFound();

    private static async Task<Page<CurationView>> ReadAsync(
        NpgsqlDataSource db, OrganizationId organization, string? vulnerability, bool history, PageQuery page, CancellationToken ct)
    {
        page.SortBy(Sorts, "created_at");
        var descending = page.Sort is null || page.Descending;
        // Ended verdicts are not moved when ids become aliases of others: they are found by the ids that they were made for.
        const string asked =
            """
            from curations c
            where c.org_id = @organization and (@history or c.ended_at is null)
                and (@vulnerability::text is null or c.vulnerability_id = @vulnerability
                    or (c.ended_at is not null
                        and c.names && array(select name from vulnerability_names where vulnerability_id = @vulnerability)))
            """;
        var parameters = new { organization, vulnerability, history, After = page.After?[0], Take = page.Limit + 1 };
        var rows = await db.QueryAsync<CurationView.Row>(
            $"""
            select {CurationView.Columns}
            {asked} and (@After::uuid is null or c.id {(descending ? "<" : ">")} @After::uuid)
            order by c.id {(descending ? "desc" : "asc")} limit @Take
            """, parameters, ct);
        var total = await db.QuerySingleAsync<long>("select count(*) " + asked, parameters, ct);
        var more = rows.Count > page.Limit;
        return new(
            [.. rows.Take(page.Limit).Select(row => row.ToView())], total, more ? page.Next(rows[page.Limit - 1].Id.ToString()) : null);
    }
}
