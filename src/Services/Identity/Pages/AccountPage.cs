using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.SignIn;
using EnvPlatform.Identity.Tokens;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Callers;

using Npgsql;

namespace EnvPlatform.Identity.Pages;

/// <summary>What somebody's account is: organizations, and sessions, which can be ended here.</summary>
internal static class AccountPage
{
    private const int MaxShown = 200;

    internal static void MapAccountPage(this IEndpointRouteBuilder pages)
    {
        pages.MapGet("/", () => Page.GoTo(ReturnAddress.Home)).WithName("HomePage");
        pages.MapGet(ReturnAddress.Home, ShowAsync).WithName("AccountPage");
        pages.MapPost(ReturnAddress.Home + "/sessions/end", EndSessionAsync).WithName("EndSessionForm");
    }

    private static async Task<IResult> ShowAsync(HttpContext http, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        if (BrowserSession.Of(http) is not { } me)
        {
            return Page.GoTo(ReturnAddress.OfSignIn(ReturnAddress.Home));
        }

        var organizations = await db.QueryAsync<AccountView.Organization>(
            """
            select o.slug, o.name, m.role
            from active_memberships m
            join organizations o on o.id = m.org_id and o.deleted_at is null
            where m.subject_id = @SubjectId
            order by m.created_at, m.org_id
            limit @MaxShown
            """, new { me.SubjectId, MaxShown }, ct);
        var sessions = await db.QueryAsync<AccountView.Item>(
            """
            select id, name = 'browser' as is_browser, id = @Id as is_this, created_at, last_used_at
            from tokens
            where subject_id = @SubjectId and kind = 'session' and revoked_at is null and expires_at > @Now
              and (idle_minutes is null or coalesce(last_used_at, created_at) > @Now - make_interval(mins => idle_minutes))
            order by id desc
            limit @MaxShown
            """, new { me.SubjectId, me.Id, Now = clock.GetUtcNow(), MaxShown }, ct);
        return Page.Of<AccountView>(new { me.DisplayName, me.Email, Organizations = organizations, Sessions = sessions });
    }

    private static async Task<IResult> EndSessionAsync(
        HttpContext http, RequestOrigin origin, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        if (BrowserSession.Of(http) is not { } me)
        {
            return Page.GoTo(ReturnAddress.OfSignIn(ReturnAddress.Home));
        }

        if (TokenId.TryParse((await http.Request.ReadFormAsync(ct))["id"], out var id))
        {
            await using var tx = await db.BeginAsync(ct);
            await RevokeSession.RevokeAsync(tx, id, me.ToCaller(origin), clock.GetUtcNow());
            await tx.CommitAsync();
        }

        return Page.GoTo(ReturnAddress.Home);
    }
}
