using EnvPlatform.Contracts.Events;
using EnvPlatform.Identity.SignIn;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Callers;

using Npgsql;

namespace EnvPlatform.Identity.Pages;

/// <summary>
/// Whoever is signed in gives its password again, for a change that asks for a fresh one (<see cref="StepUp"/>). The session gets another
/// secret, as at sign-in.
/// </summary>
internal static class ConfirmPage
{
    internal static void MapConfirmPage(this IEndpointRouteBuilder pages)
    {
        pages.MapGet("/confirm", Show).WithName("ConfirmPage");
        pages.MapPost("/confirm", HandleAsync).WithName("ConfirmForm");
    }

    private static IResult Show(HttpContext http)
    {
        var returnTo = ReturnAddress.Local(http.Request.Query["return_to"]);
        return BrowserSession.Of(http) is { } me
            ? Page.Of<ConfirmView>(new { me.Email, ReturnTo = returnTo })
            : Page.GoTo(ReturnAddress.OfSignIn(returnTo));
    }

    private static async Task<IResult> HandleAsync(
        HttpContext http, RequestOrigin origin, NpgsqlDataSource db, PasswordSignIn signIn, TimeProvider clock, CancellationToken ct)
    {
        var form = await http.Request.ReadFormAsync(ct);
        var returnTo = ReturnAddress.Local(form["return_to"]);
        if (BrowserSession.Of(http) is not { } me)
        {
            return Page.GoTo(ReturnAddress.OfSignIn(returnTo));
        }

        var checkedNow = await signIn.CheckAsync(me.Email, form["password"].ToString(), origin, ct, me.ToCaller(origin));
        if (checkedNow is not PasswordSignIn.Right(var user, var tries) || user.Id != me.SubjectId)
        {
            return Page.Of<ConfirmView>(
                new { me.Email, ReturnTo = returnTo, Message = PasswordSignIn.RefusedText }, StatusCodes.Status401Unauthorized);
        }

        var now = clock.GetUtcNow();
        await using var tx = await db.BeginAsync(ct);
        await tries.GiveBackAsync(tx);
        var (id, _) = await BrowserSession.StartAsync(http, tx, user.Id, me.Operator, now);
        tx.Audit(
            user.ToCaller(origin) with { TokenId = id }, now, "authentication_success",
            new AuditTarget(user.Id.ToString(), user.Email, "user"), $"{user.DisplayName} gave the password again.",
            new { method = "password", reason = "step_up" });
        await tx.CommitAsync();
        return Page.GoTo(returnTo);
    }
}
