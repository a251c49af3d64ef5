using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Organizations;

/// <summary>The organizations of the platform, for the operator, sorted by <c>created_at</c>: those there are, or those deleted.</summary>
internal static class ListOrganizations
{
    /// <param name="DeletedAt">Null for one that is there.</param>
    /// <param name="ErasedAt">When it could be restored no more; null before.</param>
    public sealed record Item(
        OrganizationId Id, string Slug, string Name, DateTimeOffset CreatedAt, DateTimeOffset? DeletedAt, DateTimeOffset? ErasedAt);

    internal static void MapListOrganizations(this IEndpointRouteBuilder organizations) =>
        organizations.MapGet("", HandleAsync).RequireAuthorization(Access.Operator).WithName(nameof(ListOrganizations))
            .WithSummary("The platform's organizations; deleted=true: those that were deleted.");

    private static async Task<Ok<Page<Item>>> HandleAsync(
        PageQuery page, NpgsqlDataSource db, CancellationToken ct, bool deleted = false)
    {
        page.SortBy(IdPage.Sorts, IdPage.DefaultSort);
        var parameters = new { deleted, After = IdPage.After(page), page.Descending, Take = page.Limit + 1 };
        var total = await db.QuerySingleAsync<long>(
            "select count(*) from organizations o where (o.deleted_at is not null) = @deleted", parameters, ct);
        var items = await db.QueryAsync<Item>(
            """
            select o.id, o.slug, o.name, o.created_at, o.deleted_at, o.erased_at
            from organizations o
            where (o.deleted_at is not null) = @deleted
              and (@After::uuid is null or case when @Descending then o.id < @After else o.id > @After end)
            order by case when @Descending then o.id end desc, o.id
            limit @Take
            """, parameters, ct);
        return TypedResults.Ok(IdPage.Of(page, items, total, item => item.Id.Value));
    }
}
