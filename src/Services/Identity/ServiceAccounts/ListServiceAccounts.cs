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
    /// <param name="Scopes">Permissions that are left of the role's; null: all of them.</param>
    /// <param name="State">active, or expired.</param>
    /// <param name="Secrets">How many of its secrets are good.</param>
    /// <param name="Trusts">How many issuers and subjects it trusts.</param>
    /// <param name="LastUsedAt">When it last signed in, to the minute.</param>
    public sealed record Item(
        SubjectId ClientId, string Name, string Description, string Role, string[]? Scopes, DateTimeOffset? ExpiresAt, string[]? AllowedIps,
        string State, SubjectId CreatedById, string CreatedByName, DateTimeOffset CreatedAt, DateTimeOffset? LastUsedAt, long Secrets,
        long Trusts, long Version);

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
            select a.id as client_id, a.name, a.description, m.role, a.scopes, a.expires_at, a.allowed_ips,
                case when a.expires_at <= @Now then 'expired' else 'active' end as state, a.created_by as created_by_id,
                c.display_name as created_by_name, a.created_at, greatest(s.last_used_at, t.last_used_at) as last_used_at,
                s.good as secrets, t.trusts, a.version
            from service_accounts a
            join active_memberships m on m.org_id = a.org_id and m.subject_id = a.id
            join subjects c on c.id = a.created_by
            cross join lateral (
                select max(last_used_at) as last_used_at, count(*) filter (where expires_at is null or expires_at > @Now) as good
                from service_account_secrets where account_id = a.id) s
            cross join lateral (
                select max(last_used_at) as last_used_at, count(*) as trusts from service_account_trusts where account_id = a.id) t
            where a.org_id = @Org and (@After::uuid is null or case when @Descending then a.id < @After else a.id > @After end)
            order by case when @Descending then a.id end desc, a.id
            limit @Take
            """, parameters, ct);
        return TypedResults.Ok(IdPage.Of(page, items, total, item => item.ClientId.Value));
    }
}
