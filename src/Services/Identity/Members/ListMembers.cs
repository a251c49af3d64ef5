using System.ComponentModel.DataAnnotations;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.Groups;
using EnvPlatform.Identity.Products;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Members;

/// <summary>
/// The users of the organization. Who may not read all of members sees names and roles of the active ones, to know whom to ask.
/// </summary>
internal static class ListMembers
{
    /// <summary>A sort field, its expression (never null) and the type of its value in a cursor.</summary>
    private static readonly Dictionary<string, string> Sorts = new(StringComparer.Ordinal)
    {
        ["name"] = "m.folded_name|text",
        ["role"] = "m.role|text",
        ["email"] = "m.email|text",
        ["joined_at"] = "m.created_at|timestamptz",
        ["last_active_at"] = "coalesce(m.last_active_at,'-infinity'::timestamptz)|timestamptz",
    };

    private static readonly Dictionary<string, string> SortsOfNames =
        Sorts.Where(sort => sort.Key is "name" or "role").ToDictionary(StringComparer.Ordinal);

    /// <param name="Search">Part of the name, or of the address for who may see that, ignoring case.</param>
    /// <param name="State">
    /// active, suspended or removed; without it all but those who were removed. Only for who may read all of members.
    /// </param>
    /// <param name="Group">Id or name of a group that they are in. Likewise.</param>
    /// <param name="Seat">A product that they have a seat of: environments or audit_api. Likewise.</param>
    public sealed record Filter(
        [property: MaxLength(320)] string? Search = null,
        [property: Role] string? Role = null,
        [property: AllowedValues(null, Member.Active, Member.Suspended, Member.Removed,
            ErrorMessage = "Must be active, suspended or removed.")]
        string? State = null,
        [property: MaxLength(100)] string? Group = null,
        [property: Product] string? Seat = null);

    internal static void MapListMembers(this IEndpointRouteBuilder members) =>
        members.MapGet("", HandleAsync).WithName(nameof(ListMembers)).WithSummary("The users of the organization and their roles.")
            .ProducesProblem(StatusCodes.Status400BadRequest).ProducesProblem(StatusCodes.Status403Forbidden);

    private static async Task<Results<Ok<Page<MemberView>>, ProblemHttpResult>> HandleAsync(
        [AsParameters] Filter filter, Caller caller, PageQuery page, NpgsqlDataSource db, CancellationToken ct)
    {
        var seesAll = caller.Can(Permission.MembersReadAll);
        var sort = page.SortBy(seesAll ? Sorts : SortsOfNames, "name").Split('|');
        if ((filter.State is not null and not Member.Active || filter.Group is not null || filter.Seat is not null) && !seesAll)
        {
            return Member.NotAllowed();
        }

        var (key, type) = (sort[0], sort[1]);
        var where = Where(filter, seesAll);
        var parameters = new
        {
            caller.OrgId,
            Search = LikePattern.Containing(filter.Search ?? ""),
            filter.Role,
            filter.State,
            filter.Group,
            GroupId = GroupId.TryParse(filter.Group, out var group) ? group.Value : (Guid?)null,
            filter.Seat,
            AfterKey = page.After?[0],
            AfterId = page.After is null ? (Guid?)null : Guid.Parse(page.After[1]!),
            Take = page.Limit + 1,
        };
        var total = await db.QuerySingleAsync<long>($"select count(*) from memberships m {where}", parameters, ct);
        var (direction, beyond) = page.Descending ? ("desc", "<") : ("asc", ">");
        var after = page.After is null ? "" : $"and ({key}, m.subject_id) {beyond} (@AfterKey::{type}, @AfterId)";
        var rows = await db.QueryAsync<MemberView.Row>(
            $"""
            select {MemberView.Columns}, ({key})::text as sort_key
            from memberships m
            join subjects s on s.id = m.subject_id
            {where} {after}
            order by {key} {direction}, m.subject_id {direction}
            limit @Take
            """, parameters, ct);
        var items = rows.Take(page.Limit).Select(row => seesAll ? row.ToView() : row.ToView().OfName()).ToArray();
        return TypedResults.Ok(new Page<MemberView>(
            items, total, rows.Count > page.Limit ? page.Next(rows[page.Limit - 1].SortKey, items[^1].Id.ToString()) : null));
    }

    private static string Where(Filter filter, bool seesAll)
    {
        var state = !seesAll || filter.State == Member.Active ? "and m.suspended_at is null and m.removed_at is null"
            : filter.State == Member.Suspended ? "and m.suspended_at is not null and m.removed_at is null"
            : filter.State == Member.Removed ? "and m.removed_at is not null"
            : "and m.removed_at is null";
        var role = filter.Role is null ? "" : "and m.role = @Role";
        var group = filter.Group is null ? ""
            : $"""
            and m.subject_id in (
                select own.subject_id from group_members own
                where own.org_id = @OrgId and own.group_id = any(array(
                    select g.id from user_groups g
                    where g.org_id = @OrgId and (g.id = @GroupId or {GroupView.FoldedName} = {Folded.Of("@Group")}))))
            """;
        var search = filter.Search is null or "" ? ""
            : $"and m.folded like {Folded.Of("@Search")} {(seesAll ? "" : $"and m.folded_name like {Folded.Of("@Search")}")}";
        var seat = filter.Seat is null ? "" : $"and m.removed_at is null and {Seats.HasSeat}";
        return $"where m.org_id = @OrgId and m.is_user {state} {role} {group} {seat} {search}";
    }
}
