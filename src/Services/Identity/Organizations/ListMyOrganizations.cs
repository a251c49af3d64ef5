using System.ComponentModel.DataAnnotations;

using EnvPlatform.Identity.Tokens;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Organizations;

/// <summary>
/// The caller's organizations that its token is good for, and its role in each, sorted by <c>slug</c>. Read from the database: an assertion
/// carries the one that a request is about.
/// </summary>
internal static class ListMyOrganizations
{
    /// <summary>The memberships <c>m</c> in organizations <c>o</c> of <c>@SubjectId</c>, or the one in <c>@Scope</c>.</summary>
    internal const string Mine =
        """
        from active_memberships m
        join organizations o on o.id = m.org_id
        join organization_settings g on g.org_id = m.org_id
        where m.subject_id = @SubjectId and (@Scope::uuid is null or m.org_id = @Scope) and o.deleted_at is null
        """;

    private static readonly Dictionary<string, string> Sorts = new(StringComparer.Ordinal) { ["slug"] = "o.slug" };

    /// <param name="Slug">Only this one.</param>
    public sealed record Filter([property: MaxLength(RequestedOrganization.MaxLength)] string? Slug = null);

    internal static void MapListMyOrganizations(this IEndpointRouteBuilder me) =>
        me.MapGet("/organizations", HandleAsync).RequireAuthorization(Access.Anyone).WithName(nameof(ListMyOrganizations))
            .WithSummary("The caller's organizations and its role in each.");

    private static async Task<Results<Ok<Page<MyOrganization>>, ProblemHttpResult>> HandleAsync(
        [AsParameters] Filter filter, PageQuery page, Caller caller, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        page.SortBy(Sorts, "slug");
        if (await Credential.FindAsync(db, caller, clock.GetUtcNow(), ct) is not { } credential)
        {
            return Credential.Void();
        }

        var parameters = new
        {
            caller.SubjectId,
            Scope = credential.OrgId,
            filter.Slug,
            After = page.After?[0],
            page.Descending,
            Take = page.Limit + 1,
        };
        var total = await db.QuerySingleAsync<long>(
            $"select count(*) {Mine} and (@Slug::text is null or o.slug = @Slug)", parameters, ct);
        var items = await db.QueryAsync<MyOrganization>(
            $"""
            select {MyOrganization.Columns} {Mine} and (@Slug::text is null or o.slug = @Slug)
              and (@After::text is null or case when @Descending then o.slug < @After else o.slug > @After end)
            order by case when @Descending then o.slug end desc, o.slug
            limit @Take
            """, parameters, ct);
        return TypedResults.Ok(items.Count <= page.Limit
            ? new Page<MyOrganization>(items, total, null)
            : new(items[..page.Limit], total, page.Next(items[page.Limit - 1].Slug)));
    }
}
