using System.ComponentModel.DataAnnotations;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

using Npgsql;

namespace EnvPlatform.Policy.Exceptions;

/// <summary>The exceptions that the caller may see, the latest first.</summary>
internal static class ListExceptions
{
    // Ids sort by time.
    private static readonly Dictionary<string, string> Sorts = new(StringComparer.Ordinal) { ["requested_at"] = "x.exception_id" };

    /// <param name="State">Only those of this state, or of one of several, separated by commas.</param>
    /// <param name="Environment">Only those of this environment alone.</param>
    /// <param name="RequestedBy">Only those that this subject asked for.</param>
    public sealed record Filter(
        [property: MaxLength(100)] string? State = null, EnvironmentId? Environment = null,
        [property: FromQuery(Name = "requested_by")] SubjectId? RequestedBy = null);

    public static void MapListExceptions(this IEndpointRouteBuilder exceptions) =>
        exceptions.MapGet("", HandleAsync).RequireAuthorization(Permission.PoliciesRead).WithName(nameof(ListExceptions))
            .WithSummary("Exceptions from policies: all, or for a member its own and those of its environments.")
            .ProducesProblem(StatusCodes.Status400BadRequest);

    private static async Task<Results<Ok<Page<ExceptionView>>, ProblemHttpResult>> HandleAsync(
        [AsParameters] Filter filter, PageQuery page, Caller caller, NpgsqlDataSource db, CancellationToken ct)
    {
        page.SortBy(Sorts, "requested_at");
        var states = filter.State?.Split(',');
        if (states?.Except(ExceptionRow.States).Any() == true)
        {
            return Problems.Invalid("state", $"Must be among {string.Join(", ", ExceptionRow.States)}.");
        }

        var descending = page.Sort is null || page.Descending;
        const string asked =
            $"""
            {ExceptionRow.From}
            where x.org_id = @OrgId and {ExceptionRow.IsVisible} and (@States::text[] is null or x.state = any(@States))
                and (@Environment::uuid is null or (x.scope_type = 'environment' and x.scope_id = @Environment))
                and (@RequestedBy::uuid is null or x.requested_by = @RequestedBy)
            """;
        var parameters = new
        {
            caller.OrgId,
            Only = ExceptionRow.OnlyOf(caller),
            States = states,
            Environment = filter.Environment?.Value,
            RequestedBy = filter.RequestedBy?.Value,
            After = page.After is [{ } id] && Guid.TryParse(id, out var after) ? after : (Guid?)null,
            Take = page.Limit + 1,
        };
        var rows = await db.QueryAsync<ExceptionRow>(
            $"""
            {ExceptionRow.Columns}
            {asked} and (@After::uuid is null or x.exception_id {(descending ? "<" : ">")} @After::uuid)
            order by x.exception_id {(descending ? "desc" : "asc")} limit @Take
            """, parameters, ct);
        var total = await db.QuerySingleAsync<long>("select count(*) " + asked, parameters, ct);
        return TypedResults.Ok(new Page<ExceptionView>(
            [.. rows.Take(page.Limit).Select(row => row.ToView())], total,
            rows.Count > page.Limit ? page.Next(rows[page.Limit - 1].ExceptionId.ToString()) : null));
    }
}
