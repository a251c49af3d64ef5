using System.ComponentModel.DataAnnotations;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Groups;

/// <summary>Who is in a group, in the order in which people and service accounts were created.</summary>
internal static class ListGroupMembers
{
    /// <param name="Type">user or service_account.</param>
    /// <param name="Email">Null for a service account, and where the caller is a member who sees its own groups only.</param>
    public sealed record Item(SubjectId Id, string Type, string? Email, string DisplayName, string Role, DateTimeOffset AddedAt);

    /// <param name="Search">Part of the name or of the e-mail address, ignoring case.</param>
    public sealed record Filter([property: MaxLength(255)] string? Search = null);

    internal static void MapListGroupMembers(this IEndpointRouteBuilder groups) =>
        groups.MapGet("/{id}/members", HandleAsync).RequireAuthorization(Permission.GroupsRead).WithName(nameof(ListGroupMembers))
            .WithSummary("Who is in a group.").ProducesProblem(StatusCodes.Status404NotFound);

    private static async Task<Results<Ok<Page<Item>>, ProblemHttpResult>> HandleAsync(
        GroupId id, [AsParameters] Filter filter, PageQuery page, Caller caller, NpgsqlDataSource db, CancellationToken ct)
    {
        page.SortBy(IdPage.Sorts, IdPage.DefaultSort);
        if (await GetGroup.FindAsync(db, caller, id, ct) is not { } group)
        {
            return Problems.NotFound();
        }

        var seesAll = caller.Can(Permission.GroupsReadAll);
        var parameters = new
        {
            caller.OrgId,
            id,
            seesAll,
            Search = LikePattern.Containing(filter.Search ?? ""),
            After = IdPage.After(page),
            Take = page.Limit + 1,
        };
        var found = string.IsNullOrEmpty(filter.Search) ? ""
            : $"and m.folded like {Folded.Of("@Search")} {(seesAll ? "" : $"and m.folded_name like {Folded.Of("@Search")}")}";
        var items = await db.QueryAsync<Item>(PageSql(page, found), parameters, ct);
        var total = found.Length > 0
            ? await db.QuerySingleAsync<long>(
                $"select count(*) from group_members g {Members} where {InGroup} {found}", parameters, ct)
            : await db.QuerySingleAsync<long>("select members::bigint from user_groups where id = @Id", new { group.Id }, ct);
        return TypedResults.Ok(IdPage.Of(page, items, total, item => item.Id.Value));
    }

    private const string Members = "join present_memberships m on m.org_id = g.org_id and m.subject_id = g.subject_id";

    private const string InGroup = "g.org_id = @OrgId and g.group_id = @id";

    private static string PageSql(PageQuery page, string found) =>
        $"""
        select s.id, s.type, case when @seesAll then s.email end as email, s.display_name, m.role, g.added_at
        from group_members g
        {Members}
        join subjects s on s.id = g.subject_id
        where {InGroup} {found}
          {(page.After is null ? "" : page.Descending ? "and g.subject_id < @After" : "and g.subject_id > @After")}
        order by g.subject_id {(page.Descending ? "desc" : "")}
        limit @Take
        """;
}
