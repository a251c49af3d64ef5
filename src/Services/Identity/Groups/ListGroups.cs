using System.ComponentModel.DataAnnotations;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Groups;

/// <summary>The organization's groups, or a member's own.</summary>
internal static class ListGroups
{
    /// <param name="Search">Part of the name or of the description, ignoring case.</param>
    public sealed record Filter([property: MaxLength(255)] string? Search = null);

    /// <summary>A sort field, its expression and the type of its value in a cursor.</summary>
    private static readonly Dictionary<string, string> Sorts = new(StringComparer.Ordinal)
    {
        ["name"] = GroupView.FoldedName + "|text",
        ["created_at"] = "g.id|uuid",
        ["members"] = "g.members|int",
    };

    internal static void MapListGroups(this IEndpointRouteBuilder groups) =>
        groups.MapGet("", HandleAsync).RequireAuthorization(Permission.GroupsRead).WithName(nameof(ListGroups))
            .WithSummary("Groups: all, or for a member its own.").ProducesProblem(StatusCodes.Status400BadRequest);

    private static async Task<Ok<Page<GroupView>>> HandleAsync(
        [AsParameters] Filter filter, PageQuery page, Caller caller, NpgsqlDataSource db, CancellationToken ct)
    {
        var sort = page.SortBy(Sorts, "name").Split('|');
        var parameters = new
        {
            caller.OrgId,
            OnlyOf = GroupRow.OnlyOf(caller),
            IsSearch = !string.IsNullOrEmpty(filter.Search),
            Search = LikePattern.Containing(filter.Search ?? ""),
            AfterKey = page.After?[0],
            AfterId = page.After is null ? (Guid?)null : Guid.Parse(page.After[1]!),
            Take = page.Limit + 1,
        };
        var total = await db.QuerySingleAsync<long>($"select count(*) {GroupView.Visible} {Found}", parameters, ct);
        var rows = await db.QueryAsync<Row>(PageSql(page, sort[0], sort[1]), parameters, ct);
        return TypedResults.Ok(new Page<GroupView>(
            [.. rows.Take(page.Limit).Select(row => row.ToView())], total,
            rows.Count > page.Limit ? page.Next(rows[page.Limit - 1].SortKey, rows[page.Limit - 1].Id.ToString()) : null));
    }

    private static string Found =>
        $"""
        and (not @IsSearch or g.folded like {Folded.Of("@Search")})
        """;

    private static string PageSql(PageQuery page, string key, string type)
    {
        var (direction, beyond) = page.Descending ? ("desc", "<") : ("asc", ">");
        return $"""
            select {GroupView.Columns}, {key}::text as sort_key {GroupView.Visible} {Found}
              {(page.After is null ? "" : $"and ({key}, g.id) {beyond} (@AfterKey::{type}, @AfterId)")}
            order by {key} {direction}, g.id {direction}
            limit @Take
            """;
    }

    private sealed record Row(
        GroupId Id, string Name, string Description, string Source, int Members, int Channels, long Version, DateTimeOffset CreatedAt,
        DateTimeOffset UpdatedAt, string SortKey)
    {
        public GroupView ToView() => new(Id, Name, Description, Source, Members, Channels, Version, CreatedAt, UpdatedAt);
    }
}
