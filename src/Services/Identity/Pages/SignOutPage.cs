using EnvPlatform.Identity.SignIn;
using EnvPlatform.ServiceDefaults.Callers;

namespace EnvPlatform.Identity.Pages;

/// <summary>Somebody ends the session of its browser; every gateway forgets it at once. Nothing ends by opening the page.</summary>
internal static class SignOutPage
{
    internal static void MapSignOutPage(this IEndpointRouteBuilder pages)
    {
        pages.MapGet("/sign-out", Show).WithName("SignOutPage");
        pages.MapPost("/sign-out", HandleAsync).WithName("SignOutForm");
    }

    private static IResult Show(HttpContext http) =>
        BrowserSession.Of(http) is null ? Page.Of<SignedOutView>() : Page.Of<SignOutView>();

    private static async Task<IResult> HandleAsync(HttpContext http, RequestOrigin origin, CancellationToken ct)
    {
        if (BrowserSession.Of(http) is { } session)
        {
            await session.EndAsync(http, origin, ct);
        }

        var form = await http.Request.ReadFormAsync(ct);
        return Page.GoTo(form.ContainsKey("return_to") ? ReturnAddress.Local(form["return_to"]) : "/sign-out");
    }
}
