using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.ServiceAccounts;

/// <summary>The organization's service accounts, sorted by <c>created_at</c>.</summary>
internal static class ListServiceAccounts
{
    public sealed record Item(SubjectId ClientId, string Name, string Role, DateTimeOffset CreatedAt);

    internal static void MapListServiceAccounts(this IEndpointRouteBuilder accounts) =>
        accounts.MapGet("", HandleAsync).RequireAuthorization(Permission.ServiceAccountsRead).WithName(nameof(ListServiceAccounts))
            .WithSummary("The organization's service accounts.");

    private static async Task<Ok<Page<Item>>> HandleAsync(
        Caller caller, PageQuery page, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        page.SortBy(IdPage.Sorts, IdPage.DefaultSort);
        var parameters = IdPage.Parameters(page, caller.OrgId, null, clock.GetUtcNow());
        var total = await db.QuerySingleAsync<long>("select count(*) from service_accounts where org_id = @Org", parameters, ct);
        var items = await db.QueryAsync<Item>(
            """
            select a.id as client_id, a.name, m.role, a.created_at
            from service_accounts a
            join memberships m on m.org_id = a.org_id and m.subject_id = a.id
            where a.org_id = @Org and (@After::uuid is null or case when @Descending then a.id < @After else a.id > @After end)
            order by case when @Descending then a.id end desc, a.id
            limit @Take
            """, parameters, ct);
        return TypedResults.Ok(IdPage.Of(page, items, total, item => item.ClientId.Value));
    }
}
