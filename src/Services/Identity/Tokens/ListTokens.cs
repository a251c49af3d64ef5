using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Identity;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Tokens;

/// <summary>The caller's own tokens for this organization that are good; sorted by <c>created_at</c>.</summary>
public static class ListTokens
{
    /// <param name="Kind">initial (made when the member was added) or personal.</param>
    /// <param name="LastUsedAt">To the minute.</param>
    public sealed record Item(
        TokenId Id, string Name, string Kind, bool Operator, DateTimeOffset CreatedAt, DateTimeOffset? ExpiresAt, DateTimeOffset? LastUsedAt);

    internal static void MapListTokens(this IEndpointRouteBuilder tokens) =>
        tokens.MapGet("", HandleAsync).RequireAuthorization(Policies.AnyRole).WithName(nameof(ListTokens)).WithSummary("One's own tokens.");

    private static async Task<Ok<Page<Item>>> HandleAsync(Caller caller, PageQuery page, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        page.SortBy(IdPage.Sorts, IdPage.DefaultSort);
        var parameters = IdPage.Parameters(page, caller.OrgId, caller.SubjectId, clock.GetUtcNow());
        var total = await db.QuerySingleAsync<long>(
            """
            select count(*) from tokens
            where subject_id = @Owner and org_id = @Org and kind in ('initial', 'personal') and revoked_at is null and (expires_at is null or expires_at > @Now)
            """, parameters, ct);
        var items = await db.QueryAsync<Item>(
            """
            select id, name, kind, operator, created_at, expires_at, last_used_at
            from tokens
            where subject_id = @Owner and org_id = @Org and kind in ('initial', 'personal') and revoked_at is null and (expires_at is null or expires_at > @Now)
              and (@After::uuid is null or case when @Descending then id < @After else id > @After end)
            order by case when @Descending then id end desc, id
            limit @Take
            """, parameters, ct);
        return TypedResults.Ok(IdPage.Of(page, items, total, item => item.Id.Value));
    }
}
