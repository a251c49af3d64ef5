using EnvPlatform.Contracts.Events;
using EnvPlatform.Identity.SignIn;
using EnvPlatform.Identity.Tokens;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Callers;

using Npgsql;

namespace EnvPlatform.Identity.Pages;

/// <summary>
/// Whoever is signed in changes its password, by giving the one before. All other sessions end at once, and what programs were let do; this
/// session gets another secret.
/// </summary>
internal static class PasswordPage
{
    internal static void MapPasswordPage(this IEndpointRouteBuilder pages)
    {
        pages.MapGet("/password", Show).WithName("PasswordPage");
        pages.MapPost("/password", HandleAsync).WithName("PasswordForm");
        pages.MapGet("/password/changed", () => Page.Of<PasswordChangedView>()).WithName("PasswordChangedPage");
    }

    private static IResult Show(HttpContext http) =>
        BrowserSession.Of(http) is { } me ? Page.Of<PasswordView>(new { me.Email }) : Page.GoTo(ReturnAddress.OfSignIn("/password"));

    private static async Task<IResult> HandleAsync(
        HttpContext http, RequestOrigin origin, NpgsqlDataSource db, PasswordSignIn signIn, PasswordChecks passwords, TimeProvider clock,
        CancellationToken ct)
    {
        if (BrowserSession.Of(http) is not { } me)
        {
            return Page.GoTo(ReturnAddress.OfSignIn("/password"));
        }

        var form = await http.Request.ReadFormAsync(ct);
        var password = form["password"].ToString();
        var checkedNow = await signIn.CheckAsync(me.Email, form["current"].ToString(), origin, ct, me.ToCaller(origin));
        if (checkedNow is not PasswordSignIn.Right(var user, var tries) || user.Id != me.SubjectId)
        {
            return Page.Of<PasswordView>(
                new
                {
                    me.Email,
                    Message = "Nothing was changed. The password until now is wrong, or too many sign-ins have failed lately.",
                }, StatusCodes.Status401Unauthorized);
        }

        var now = clock.GetUtcNow();
        await using var tx = await db.BeginAsync(ct);
        await tries.GiveBackAsync(tx);
        var organizations = await tx.QueryAsync<string>(
            "select o.name from active_memberships m join organizations o on o.id = m.org_id where m.subject_id = @SubjectId limit 50",
            new { me.SubjectId });
        if (Refuse(password, form["current"].ToString(), me, organizations) is { } reason)
        {
            await tx.CommitAsync();
            return Page.Of<PasswordView>(new { me.Email, Reason = reason }, StatusCodes.Status400BadRequest);
        }

        if (await passwords.HashAsync(password, ct) is not { } hash)
        {
            return Page.Of<PasswordView>(
                new { me.Email, Message = "Nothing was changed: too many people are signing in at this moment. Try again." },
                StatusCodes.Status429TooManyRequests);
        }

        await tx.ExecuteAsync("update subjects set password_hash = @hash where id = @SubjectId", new { hash, me.SubjectId });
        var (sessions, grants) = await TokenStore.RevokeSignInsAsync(tx, me.SubjectId, now);
        var (id, _) = await BrowserSession.StartAsync(http, tx, me.SubjectId, me.Operator, now);
        tx.Audit(
            me.ToCaller(origin) with { TokenId = id }, now, "password_changed", new AuditTarget(me.SubjectId.ToString(), me.Email, "user"),
            $"{me.DisplayName} changed its password.", new { sessions_ended = sessions - 1, grants_ended = grants });
        await tx.CommitAsync();
        return Page.GoTo("/password/changed");
    }

    private static string? Refuse(string password, string before, BrowserSession me, IEnumerable<string> organizations) =>
        password == before ? "Is the password that you have."
            : PasswordRules.Refuse(password, [me.DisplayName, me.Email, .. organizations]);
}
