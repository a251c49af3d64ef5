using System.ComponentModel.DataAnnotations;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Products;

/// <summary>Who has a seat, or has none, in the order in which the users were created.</summary>
internal static class ListSeats
{
    /// <param name="ChangedAt">When it was given by name, or taken; null where everybody has one, or nobody got one yet.</param>
    public sealed record Item(SubjectId UserId, string Email, string DisplayName, string Role, DateTimeOffset? ChangedAt);

    /// <param name="Assigned">true (default): who has one; false: who has none.</param>
    /// <param name="Search">Part of the name or of the e-mail address, ignoring case.</param>
    public sealed record Filter(bool Assigned = true, [property: MaxLength(255)] string? Search = null);

    internal static void MapListSeats(this IEndpointRouteBuilder products) =>
        products.MapGet("/{product}/seats", HandleAsync).RequireAuthorization(Permission.SeatsRead).WithName(nameof(ListSeats))
            .WithSummary("Who has a seat, or has none.").ProducesProblem(StatusCodes.Status404NotFound);

    private static async Task<Results<Ok<Page<Item>>, ProblemHttpResult>> HandleAsync(
        [MaxLength(100)] string product, [AsParameters] Filter filter, PageQuery page, Caller caller, NpgsqlDataSource db,
        CancellationToken ct)
    {
        page.SortBy(IdPage.Sorts, IdPage.DefaultSort);
        if (!Product.All.Contains(product))
        {
            return Problems.NotFound();
        }

        var parameters = new
        {
            caller.OrgId,
            product,
            filter.Assigned,
            Search = LikePattern.Containing(filter.Search ?? ""),
            After = IdPage.After(page),
            Take = page.Limit + 1,
        };
        var isSearch = !string.IsNullOrEmpty(filter.Search);
        var total = await db.QuerySingleAsync<long>(
            isSearch ? $"select count(*) {From} where {Wanted} {Found}" : CountSql, parameters, ct);
        var items = await db.QueryAsync<Item>(PageSql(page, isSearch), parameters, ct);
        return TypedResults.Ok(IdPage.Of(page, items, total, item => item.UserId.Value));
    }

    private const string From =
        """
        from present_memberships m
        left join seats h on h.org_id = m.org_id and h.product = @product and h.subject_id = m.subject_id
        """;

    /// <summary>Whether everybody has a seat who has not lost it.</summary>
    private const string Open =
        """
        (select coalesce((
            select l.seat_limit is null and l.auto_assign from products l where l.org_id = @OrgId and l.product = @product), true))
        """;

    private const string Wanted = $"m.org_id = @OrgId and m.is_user and @Assigned = coalesce(h.granted, {Open})";

    /// <summary>Without a search nobody need be looked at one by one: only who has a row in seats differs from the others.</summary>
    private const string CountSql =
        $"""
        select case when @Assigned = {Open}
            then (select count(*) from present_memberships where org_id = @OrgId and is_user)
                - (select count(*) from seats where org_id = @OrgId and product = @product and granted <> @Assigned)
            else (select count(*) from seats where org_id = @OrgId and product = @product and granted = @Assigned)
            end
        """;

    private static string Found => $"and m.folded like {Folded.Of("@Search")}";

    private static string PageSql(PageQuery page, bool isSearch) =>
        $"""
        select m.subject_id as user_id, s.email, s.display_name, m.role, h.changed_at
        {From}
        join subjects s on s.id = m.subject_id
        where {Wanted} {(isSearch ? Found : "")}
          {(page.After is null ? "" : page.Descending ? "and m.subject_id < @After" : "and m.subject_id > @After")}
        order by m.subject_id {(page.Descending ? "desc" : "")}
        limit @Take
        """;
}
