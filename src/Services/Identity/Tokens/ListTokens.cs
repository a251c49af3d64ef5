using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Tokens;

/// <summary>
/// The tokens of this organization that are good, one's own or everybody's for an administrator; sorted by <c>created_at</c>. The bootstrap
/// token, which is good for every organization, shows itself to its bearer only. Access tokens, which expire soon by themselves, are left
/// out; sessions are in <see cref="ListSessions"/>.
/// </summary>
internal static class ListTokens
{
    /// <param name="Kind">bootstrap (made at the first start), initial (made when the member was added), personal or machine.</param>
    /// <param name="Prefix">How the token begins; null for one that was made before it was kept.</param>
    /// <param name="Scopes">Permissions that are left of the owner's; null: all.</param>
    /// <param name="AllowedIps">Networks from which it is good; null: from everywhere.</param>
    /// <param name="MachineId">The only machine that it is good for; null: any.</param>
    /// <param name="LastUsedAt">To the minute.</param>
    /// <param name="LastAddress">From where it was used last.</param>
    /// <param name="State">active: the list holds no others.</param>
    public sealed record Item(
        TokenId Id, SubjectId OwnerId, string OwnerName, string Name, string Kind, string? Prefix, bool Operator, string[]? Scopes,
        string[]? AllowedIps, MachineId? MachineId, DateTimeOffset CreatedAt, DateTimeOffset? ExpiresAt, DateTimeOffset? LastUsedAt,
        string? LastAddress, string State);

    /// <summary>
    /// The tokens <c>t</c> that the caller manages: those of <c>@Owner</c> (null: of everybody) in the organization, and the bootstrap
    /// token of <c>@Self</c> (null: of nobody).
    /// </summary>
    internal const string Managed =
        """
        t.revoked_at is null
            and ((t.org_id = @Org and t.kind in ('initial', 'personal', 'machine') and (@Owner::uuid is null or t.subject_id = @Owner))
            or (t.org_id is null and t.kind = 'bootstrap' and t.subject_id = @Self::uuid))
        """;

    internal static void MapListTokens(this IEndpointRouteBuilder tokens) =>
        tokens.MapGet("", HandleAsync).RequireAuthorization(Permission.TokensOwn).WithName(nameof(ListTokens))
            .WithSummary("Tokens: one's own, or all for an administrator.");

    private static async Task<Results<Ok<Page<Item>>, ProblemHttpResult>> HandleAsync(
        Caller caller, PageQuery page, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        page.SortBy(IdPage.Sorts, IdPage.DefaultSort);
        var now = clock.GetUtcNow();
        if (await Credential.FindAsync(db, caller, now, ct) is not { } credential)
        {
            return Credential.Void();
        }

        var parameters = IdPage.Parameters(
            page, caller.OrgId, caller.OnlyOwnWithout(Permission.TokensReadAll), now, credential.Manages(caller));
        var total = await db.QuerySingleAsync<long>(
            $"select count(*) from tokens t where {Managed} and (t.expires_at is null or t.expires_at > @Now)", parameters, ct);
        var items = await db.QueryAsync<Item>(
            $"""
            select t.id, t.subject_id as owner_id, s.display_name as owner_name, t.name, t.kind, t.prefix, t.operator, t.scopes,
                t.allowed_ips, t.machine_id, t.created_at, t.expires_at, t.last_used_at, t.last_address, 'active' as state
            from tokens t
            join subjects s on s.id = t.subject_id
            where {Managed} and (t.expires_at is null or t.expires_at > @Now)
              and (@After::uuid is null or case when @Descending then t.id < @After else t.id > @After end)
            order by case when @Descending then t.id end desc, t.id
            limit @Take
            """, parameters, ct);
        return TypedResults.Ok(IdPage.Of(page, items, total, item => item.Id.Value));
    }
}
