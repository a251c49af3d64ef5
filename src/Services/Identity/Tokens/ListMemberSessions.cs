using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Tokens;

/// <summary>Where a member of the organization is signed in: its sessions that are good, sorted by <c>created_at</c>.</summary>
internal static class ListMemberSessions
{
    /// <param name="LastUsedAt">To the minute.</param>
    public sealed record Item(
        TokenId Id, DateTimeOffset CreatedAt, DateTimeOffset ExpiresAt, DateTimeOffset? LastUsedAt, string? LastAddress);

    /// <summary>The sessions <c>t</c> of <c>@Owner</c>, a user of the organization <c>@Org</c>, that are good.</summary>
    internal const string Good =
        """
        t.subject_id = @Owner and t.kind = 'session' and t.revoked_at is null and t.expires_at > @Now
            and (t.idle_minutes is null or coalesce(t.last_used_at, t.created_at) > @Now - make_interval(mins => t.idle_minutes))
            and exists (select from present_memberships m where m.org_id = @Org and m.subject_id = t.subject_id)
        """;

    internal static void MapListMemberSessions(this IEndpointRouteBuilder sessions) =>
        sessions.MapGet("", HandleAsync).RequireAuthorization(Permission.TokensReadAll).WithName(nameof(ListMemberSessions))
            .WithSummary("The sessions of a member.").ProducesProblem(StatusCodes.Status404NotFound);

    private static async Task<Results<Ok<Page<Item>>, ProblemHttpResult>> HandleAsync(
        SubjectId id, Caller caller, PageQuery page, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        page.SortBy(IdPage.Sorts, IdPage.DefaultSort);
        var parameters = IdPage.Parameters(page, caller.OrgId, id, clock.GetUtcNow());
        if (!await IsMemberAsync(db, caller.OrgId, id, ct))
        {
            return Problems.NotFound();
        }

        var total = await db.QuerySingleAsync<long>($"select count(*) from tokens t where {Good}", parameters, ct);
        var items = await db.QueryAsync<Item>(
            $"""
            select t.id, t.created_at, t.expires_at, t.last_used_at, t.last_address
            from tokens t
            where {Good} and (@After::uuid is null or case when @Descending then t.id < @After else t.id > @After end)
            order by case when @Descending then t.id end desc, t.id
            limit @Take
            """, parameters, ct);
        return TypedResults.Ok(IdPage.Of(page, items, total, item => item.Id.Value));
    }

    private static Task<bool> IsMemberAsync(NpgsqlDataSource db, OrganizationId organization, SubjectId id, CancellationToken ct) =>
        db.QuerySingleAsync<bool>(
            """
            select exists (
                select from present_memberships m join subjects s on s.id = m.subject_id
                where m.org_id = @organization and m.subject_id = @id and s.type = 'user')
            """, new { organization, id }, ct);
}
