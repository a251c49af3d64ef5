using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.OAuth;
using EnvPlatform.Identity.SignIn;
using EnvPlatform.Identity.Tokens;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Callers;

using Npgsql;

namespace EnvPlatform.Identity.Pages;

/// <summary>What somebody's account is: organizations, and sessions and programs that act for it, which can be ended here.</summary>
internal static class AccountPage
{
    private const int MaxShown = 200;

    internal static void MapAccountPage(this IEndpointRouteBuilder pages)
    {
        pages.MapGet("/", () => Page.GoTo(ReturnAddress.Home)).WithName("HomePage");
        pages.MapGet(ReturnAddress.Home, ShowAsync).WithName("AccountPage");
        pages.MapPost(ReturnAddress.Home + "/sessions/end", EndSessionAsync).WithName("EndSessionForm");
        pages.MapPost(ReturnAddress.Home + "/programs/end", EndProgramAsync).WithName("EndProgramForm");
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
        var programs = await db.QueryAsync<AccountView.Program>(
            $"""
            select g.id, c.name, g.hostname, o.name as organization, g.created_at,
                (select max(t.last_used_at) from tokens t where t.grant_id = g.id) as last_used_at
            from oauth_grants g
            join oauth_clients c on c.id = g.client_id
            left join organizations o on o.id = g.org_id
            where g.subject_id = @SubjectId and {OAuthGrants.Live}
            order by g.id desc
            limit @MaxShown
            """, new { me.SubjectId, Now = clock.GetUtcNow(), MaxShown }, ct);
        return Page.Of<AccountView>(
            new { me.DisplayName, me.Email, Organizations = organizations, Sessions = sessions, Programs = programs });
    }

    private static async Task<IResult> EndProgramAsync(
        HttpContext http, RequestOrigin origin, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        if (BrowserSession.Of(http) is not { } me)
        {
            return Page.GoTo(ReturnAddress.OfSignIn(ReturnAddress.Home));
        }

        if (Guid.TryParse((await http.Request.ReadFormAsync(ct))["id"], out var id))
        {
            var now = clock.GetUtcNow();
            await using var tx = await db.BeginAsync(ct);
            if (await Granted.FindAsync(tx, id) is { } grant && grant.SubjectId == me.SubjectId
                && await OAuthGrants.RevokeAsync(tx, [id], now) == 1)
            {
                tx.Audit(
                    grant.ToCaller(origin) with { TokenId = me.Id }, now, "token_revoked", new AuditTarget(id.ToString(), null, "grant"),
                    $"{me.DisplayName} ended what {grant.ClientName} was let do.",
                    new { name = grant.ClientName, grant.ClientId, kind = "grant", Owner = me.SubjectId });
                await tx.CommitAsync();
            }
        }

        return Page.GoTo(ReturnAddress.Home);
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
