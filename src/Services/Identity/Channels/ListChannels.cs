using System.ComponentModel.DataAnnotations;

using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Channels;

/// <summary>The channels that the caller may know of; those that were discovered in the logs with <c>kind=discovered</c>.</summary>
internal static class ListChannels
{
    /// <param name="Search">Part of the name, of an alias or of the address, ignoring case.</param>
    /// <param name="Allowed">true, false, or undecided.</param>
    public sealed record Filter(
        [property: MaxLength(255)] string? Search = null,
        [property: AllowedValues(null, "public", "private", "local", "defaults", "discovered",
            ErrorMessage = "Must be public, private, local, defaults or discovered.")]
        string? Kind = null,
        [property: AllowedValues(null, "private", "internal", "public", ErrorMessage = "Must be private, internal or public.")]
        string? Privacy = null,
        [property: AllowedValues(null, "true", "false", "undecided", ErrorMessage = "Must be true, false or undecided.")]
        string? Allowed = null);

    /// <summary>A sort field, its expression and the type of its value in a cursor.</summary>
    private static readonly Dictionary<string, string> Sorts = new(StringComparer.Ordinal)
    {
        ["name"] = ChannelView.FoldedName + "|text",
        ["created_at"] = "c.id|uuid",
        ["environments"] = "c.environments|bigint",
        ["packages"] = "c.packages|bigint",
        ["groups"] = "c.groups|int",
    };

    private static readonly string Found =
        $"""
        and (@Kind::text is null or c.kind = @Kind)
        and (@Privacy::text is null or c.privacy = @Privacy)
        and (@Allowed::text is null or coalesce(c.allowed::text, 'undecided') = @Allowed)
        and (not @IsSearch or c.folded like {Folded.Of("@Search")})
        """;

    internal static void MapListChannels(this IEndpointRouteBuilder channels) =>
        channels.MapGet("", HandleAsync).RequireAuthorization(Permission.ChannelsRead).WithName(nameof(ListChannels))
            .WithSummary("Channels, those discovered in logs too; for a member those that it may know of.")
            .ProducesProblem(StatusCodes.Status400BadRequest);

    private static async Task<Ok<Page<ChannelView>>> HandleAsync(
        [AsParameters] Filter filter, PageQuery page, Caller caller, NpgsqlDataSource db, CancellationToken ct)
    {
        var sort = page.SortBy(Sorts, "name").Split('|');
        var parameters = new
        {
            caller.OrgId,
            Self = caller.SubjectId,
            SeesAll = ChannelView.SeesAll(caller),
            SeesCounts = ChannelView.SeesCounts(caller),
            filter.Kind,
            filter.Privacy,
            filter.Allowed,
            IsSearch = !string.IsNullOrEmpty(filter.Search),
            Search = LikePattern.Containing(filter.Search ?? ""),
            AfterKey = page.After?[0],
            AfterId = page.After is null ? (Guid?)null : Guid.Parse(page.After[1]!),
            Take = page.Limit + 1,
        };
        if (sort[0] is "c.environments" or "c.packages" && !parameters.SeesCounts)
        {
            // The order would tell a member what the numbers are.
            throw new InvalidInputException("sort", "Needs the permission to read everybody's environments.");
        }

        var total = await db.QuerySingleAsync<long>($"select count(*) {ChannelView.Visible} {Found}", parameters, ct);
        var rows = await db.QueryAsync<ChannelView.Row>(PageSql(page, sort[0], sort[1]), parameters, ct);
        return TypedResults.Ok(new Page<ChannelView>(
            [.. rows.Take(page.Limit).Select(row => row.ToView())], total,
            rows.Count > page.Limit ? page.Next(rows[page.Limit - 1].SortKey, rows[page.Limit - 1].Id.ToString()) : null));
    }

    private static string PageSql(PageQuery page, string key, string type)
    {
        var (direction, beyond) = page.Descending ? ("desc", "<") : ("asc", ">");
        return $"""
            select {ChannelView.Columns}, {key}::text as sort_key {ChannelView.Visible} {Found}
              {(page.After is null ? "" : $"and ({key}, c.id) {beyond} (@AfterKey::{type}, @AfterId)")}
            order by {key} {direction}, c.id {direction}
            limit @Take
            """;
    }
}
