using EnvPlatform.Contracts.Events;
using EnvPlatform.Identity.Mail;
using EnvPlatform.Identity.Notices;
using EnvPlatform.Identity.SignIn;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Callers;

using Npgsql;

namespace EnvPlatform.Identity.Pages;

/// <summary>
/// Somebody signs in with a browser: a form for e-mail address and password, which begins a session and leads back to where it was asked
/// for. The answer is the same, in text, status and time, whether the account is unknown, the password is wrong, or too many sign-ins have
/// failed.
/// </summary>
internal static class SignInPage
{
    private const int MaxEmail = 320;

    internal static void MapSignInPage(this IEndpointRouteBuilder pages)
    {
        pages.MapGet("/sign-in", Show).WithName("SignInPage");
        pages.MapPost("/sign-in", HandleAsync).WithName("SignInForm");
    }

    private static IResult Show(HttpContext http) =>
        BrowserSession.Of(http) is null
            ? Page.Of<SignInView>(new { ReturnTo = ReturnAddress.Local(http.Request.Query["return_to"]) })
            : Page.GoTo(ReturnAddress.Local(http.Request.Query["return_to"]));

    private static async Task<IResult> HandleAsync(
        HttpContext http, RequestOrigin origin, NpgsqlDataSource db, PasswordSignIn signIn, MailSender mail, TimeProvider clock,
        CancellationToken ct)
    {
        var form = await http.Request.ReadFormAsync(ct);
        var (email, password) = (form["email"].ToString().Trim(), form["password"].ToString());
        var returnTo = ReturnAddress.Local(form["return_to"]);
        if (email.Length > MaxEmail)
        {
            return Again(PasswordSignIn.RefusedText, StatusCodes.Status401Unauthorized);
        }

        switch (await signIn.CheckAsync(email, password, origin, ct))
        {
            case PasswordSignIn.Right(var user, var tries):
                var now = clock.GetUtcNow();
                await using (var tx = await db.BeginAsync(ct))
                {
                    await tries.GiveBackAsync(tx);
                    var (id, isNewDevice) = await BrowserSession.StartAsync(http, tx, user.Id, user.Operator, now);
                    if (isNewDevice)
                    {
                        await KnownDevices.TellAsync(
                            tx, mail, user.Email, $"a browser ({origin.UserAgent ?? "it says nothing of itself"})",
                            origin.SourceAddress, now);
                    }

                    tx.Audit(
                        user.ToCaller(origin) with { TokenId = id }, now, "authentication_success",
                        new AuditTarget(user.Id.ToString(), user.Email, "user"), $"{user.DisplayName} signed in with a browser.",
                        new { method = "password", new_device = isNewDevice });
                    await tx.CommitAsync();
                }

                return Page.GoTo(returnTo);
            case PasswordSignIn.TooMany { IsFailures: false }:
                return Again("Too many people are signing in at this moment. Try again.", StatusCodes.Status429TooManyRequests);
            default:
                return Again(PasswordSignIn.RefusedText, StatusCodes.Status401Unauthorized);
        }

        IResult Again(string message, int status) =>
            Page.Of<SignInView>(new { ReturnTo = returnTo, Email = email, Message = message }, status);
    }
}
