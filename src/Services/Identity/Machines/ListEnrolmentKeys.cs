using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Machines;

/// <summary>The organization's enrolment keys (never themselves), sorted by <c>created_at</c>.</summary>
internal static class ListEnrolmentKeys
{
    /// <param name="State">active, used_up, expired or revoked.</param>
    public sealed record Item(
        EnrolmentKeyId Id, string Name, SubjectId OwnerId, string OwnerName, string? Platform, int MaxUses, int Uses, string State,
        DateTimeOffset CreatedAt, DateTimeOffset ExpiresAt, DateTimeOffset? LastUsedAt);

    internal static void MapListEnrolmentKeys(this IEndpointRouteBuilder keys) =>
        keys.MapGet("", HandleAsync).RequireAuthorization(Permission.ServiceAccountsRead).WithName(nameof(ListEnrolmentKeys))
            .WithSummary("The organization's enrolment keys, never themselves.");

    private static async Task<Ok<Page<Item>>> HandleAsync(
        Caller caller, PageQuery page, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        page.SortBy(IdPage.Sorts, IdPage.DefaultSort);
        var parameters = IdPage.Parameters(page, caller.OrgId, null, clock.GetUtcNow());
        var total = await db.QuerySingleAsync<long>("select count(*) from enrolment_keys where org_id = @Org", parameters, ct);
        var items = await db.QueryAsync<Item>(
            """
            select k.id, k.name, k.owner_id, s.display_name as owner_name, k.platform, k.max_uses, k.uses,
                case when k.revoked_at is not null then 'revoked' when k.expires_at <= @Now then 'expired'
                    when k.uses >= k.max_uses then 'used_up' else 'active' end as state,
                k.created_at, k.expires_at, k.last_used_at
            from enrolment_keys k
            join subjects s on s.id = k.owner_id
            where k.org_id = @Org and (@After::uuid is null or case when @Descending then k.id < @After else k.id > @After end)
            order by case when @Descending then k.id end desc, k.id
            limit @Take
            """, parameters, ct);
        return TypedResults.Ok(IdPage.Of(page, items, total, item => item.Id.Value));
    }
}
