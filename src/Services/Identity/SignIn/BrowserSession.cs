using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.Notices;
using EnvPlatform.Identity.Tokens;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Identity.SignIn;

/// <summary>
/// Who is signed in with the browser that a request to a page comes from. A session is a token of the kind <c>session</c> whose secret is
/// in a cookie (<see cref="SessionCookie"/>): it is listed, revoked and introspected as the others are. It ends at its expiry, or when it
/// was not used for some time.
/// </summary>
/// <param name="AuthenticatedAt">When the password was last given.</param>
internal sealed record BrowserSession(
    TokenId Id, SubjectId SubjectId, string Email, string DisplayName, bool Operator, DateTimeOffset AuthenticatedAt,
    DateTimeOffset? LastUsedAt, OrganizationId? OrgId, string? Slug)
{
    private static readonly TimeSpan LastUsedStep = TimeSpan.FromMinutes(1);

    /// <summary>The session of the request; null when nobody is signed in. Asked once for a request.</summary>
    public static async Task<BrowserSession?> FindAsync(HttpContext http)
    {
        if (http.Features.Get<Found>() is { } found)
        {
            return found.Session;
        }

        var session = http.Request.Cookies.TryGetValue(SessionCookie.Name, out var secret) && SessionCookie.IsWellFormed(secret)
            ? await FindAsync(
                http.RequestServices.GetRequiredService<NpgsqlDataSource>(), SecretFormat.Sha256(secret),
                http.RequestServices.GetRequiredService<TimeProvider>().GetUtcNow(), http.RequestAborted)
            : null;
        http.Features.Set(new Found(session));
        return session;
    }

    /// <summary>
    /// The session that <see cref="FindAsync(HttpContext)"/> found before; for code that cannot wait.
    /// </summary>
    public static BrowserSession? Of(HttpContext http) => http.Features.Get<Found>()?.Session;

    /// <summary>
    /// False when the session has ended by now; otherwise it lasts until the transaction ends. Whatever ends the sessions of a person waits
    /// for what is granted in one, and ends that too.
    /// </summary>
    public async Task<bool> LockAsync(Tx tx) => await tx.QuerySingleOrDefaultAsync<Guid?>(
        "select id from tokens where id = @Id and revoked_at is null for share", new { Id }) is not null;

    /// <summary>
    /// Signs somebody in: a new session with a new secret, whatever session the browser had before ends. The cookie is set with the answer.
    /// It lasts for as long as one of the organizations lets it: each looks at what it allows itself, when a request is about it.
    /// </summary>
    /// <returns>The session, and whether the browser is one that the person has not signed in with before.</returns>
    public static async Task<(TokenId Id, bool IsNewDevice)> StartAsync(
        HttpContext http, Tx tx, SubjectId subject, bool isOperator, DateTimeOffset now)
    {
        var options = http.RequestServices.GetRequiredService<IOptions<IdentityOptions>>().Value;
        var (id, secret) = (TokenId.New(now), SessionCookie.New());
        await tx.ExecuteAsync(
            """
            insert into tokens
                (id, sha256, subject_id, kind, operator, name, created_at, expires_at, last_used_at, idle_minutes, authenticated_at)
            select @id, @Sha256, @subject, 'session', @isOperator, 'browser', @now,
                @now + make_interval(hours => coalesce(max(g.session_hours), @SessionHours)), @now,
                coalesce(max(g.session_idle_minutes), @SessionIdleMinutes), @now
            from active_memberships m
            join organization_settings g on g.org_id = m.org_id
            where m.subject_id = @subject
            """,
            new
            {
                id,
                Sha256 = SecretFormat.Sha256(secret),
                subject,
                isOperator,
                now,
                options.SessionHours,
                options.SessionIdleMinutes,
            });
        if (await FindAsync(http) is { } before)
        {
            await RevokeAsync(tx, before.Id, now);
        }

        http.Response.Cookies.Append(SessionCookie.Name, secret, Cookie());
        return (id, await KnownDevices.NoteBrowserAsync(http, tx, subject, now));
    }

    /// <summary>Ends the session of the request, and takes the cookie back.</summary>
    public async Task EndAsync(HttpContext http, RequestOrigin origin, CancellationToken ct)
    {
        var now = http.RequestServices.GetRequiredService<TimeProvider>().GetUtcNow();
        await using var tx = await http.RequestServices.GetRequiredService<NpgsqlDataSource>().BeginAsync(ct);
        if (await RevokeAsync(tx, Id, now))
        {
            tx.Audit(
                ToCaller(origin), now, "session_revoked", new AuditTarget(Id.ToString(), Email, "token"),
                $"{DisplayName} signed out.", new { reason = "sign_out" });
        }

        await tx.CommitAsync();
        http.Response.Cookies.Delete(SessionCookie.Name, Cookie());
    }

    /// <summary>Whoever is signed in, in the organization that it joined first: where the log has what concerns the account.</summary>
    public Caller ToCaller(RequestOrigin origin) => Caller.Of(
        SubjectId, "user", DisplayName, origin, AuthenticationFailures.Service, Email, Operator,
        OrgId is { } id ? new Membership(id, Slug!, Slug!, "") : null, Id);

    /// <summary>A session cookie ends with the browser; the server ends the session earlier.</summary>
    private static CookieOptions Cookie() => new() { Path = "/", Secure = true, HttpOnly = true, SameSite = SameSiteMode.Lax };

    private static async Task<bool> RevokeAsync(Tx tx, TokenId id, DateTimeOffset now)
    {
        var revoked = await tx.ExecuteAsync("update tokens set revoked_at = @now where id = @id and revoked_at is null", new { id, now });
        TokenStore.Publish(tx, [id], now);
        return revoked == 1;
    }

    private static async Task<BrowserSession?> FindAsync(NpgsqlDataSource db, byte[] sha256, DateTimeOffset now, CancellationToken ct)
    {
        var session = await db.QuerySingleOrDefaultAsync<BrowserSession>(
            """
            select t.id, s.id as subject_id, s.email, s.display_name, t.operator and s.operator as operator, t.authenticated_at,
                t.last_used_at, o.id as org_id, o.slug
            from tokens t
            join subjects s on s.id = t.subject_id
            left join organizations o on o.id = (
                select m.org_id from active_memberships m where m.subject_id = s.id order by m.created_at, m.org_id limit 1)
            where t.sha256 = @sha256 and t.kind = 'session' and t.revoked_at is null and t.expires_at > @now
              and (t.idle_minutes is null or coalesce(t.last_used_at, t.created_at) > @now - make_interval(mins => t.idle_minutes))
            """, new { sha256, now }, ct);
        if (session is not null && !(session.LastUsedAt > now - LastUsedStep))
        {
            await using var tx = await db.BeginAsync(ct);
            await tx.ExecuteAsync("update tokens set last_used_at = @now where id = @Id", new { session.Id, now });
            await tx.CommitAsync();
        }

        return session;
    }

    private sealed record Found(BrowserSession? Session);
}
