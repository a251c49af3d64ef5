using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Tokens;

/// <summary>Where the caller is signed in by password: its sessions that are good, sorted by <c>created_at</c>.</summary>
internal static class ListSessions
{
    /// <param name="LastUsedAt">To the minute.</param>
    /// <param name="Current">The session that asks.</param>
    public sealed record Item(TokenId Id, DateTimeOffset CreatedAt, DateTimeOffset ExpiresAt, DateTimeOffset? LastUsedAt, bool Current);

    internal static void MapListSessions(this IEndpointRouteBuilder sessions) =>
        sessions.MapGet("", HandleAsync).WithName(nameof(ListSessions)).WithSummary("One's own sessions, made by password sign-in.")
            .ProducesProblem(StatusCodes.Status403Forbidden);

    private static async Task<Results<Ok<Page<Item>>, ProblemHttpResult>> HandleAsync(
        Caller caller, PageQuery page, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        page.SortBy(IdPage.Sorts, IdPage.DefaultSort);
        var now = clock.GetUtcNow();
        if (await Credential.FindAsync(db, caller, now, ct) is not { OrgId: null })
        {
            return Credential.TooNarrow();
        }

        const string good =
            """
            from tokens
            where subject_id = @SubjectId and kind = 'session' and revoked_at is null and expires_at > @now
              and (idle_minutes is null or coalesce(last_used_at, created_at) > @now - make_interval(mins => idle_minutes))
            """;
        var parameters = new
        {
            caller.SubjectId,
            now,
            Current = caller.TokenId,
            After = IdPage.After(page),
            page.Descending,
            Take = page.Limit + 1,
        };
        var total = await db.QuerySingleAsync<long>($"select count(*) {good}", parameters, ct);
        var items = await db.QueryAsync<Item>(
            $"""
            select id, created_at, expires_at, last_used_at, id = @Current as current {good}
              and (@After::uuid is null or case when @Descending then id < @After else id > @After end)
            order by case when @Descending then id end desc, id
            limit @Take
            """, parameters, ct);
        return TypedResults.Ok(IdPage.Of(page, items, total, item => item.Id.Value));
    }
}
