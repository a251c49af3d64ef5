using EnvPlatform.Identity.SignIn;

using Microsoft.AspNetCore.Antiforgery;

namespace EnvPlatform.Identity.Pages;

/// <summary>
/// What holds for every page, so that none can forget it: the headers, who is signed in, and that a form was sent from a page of ours.
/// </summary>
internal static class PageRules
{
    /// <summary>No script, nothing from elsewhere, in no frame.</summary>
    private const string Policy =
        "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

    public static RouteGroupBuilder MapPageGroup(this IEndpointRouteBuilder app) =>
        app.MapGroup("").RequireAuthorization(ServiceDefaults.Callers.Access.Forwarded).WithMetadata(new IsPage())
            .ExcludeFromDescription().AddEndpointFilter(CheckAsync);

    /// <summary>Lets the forms of this answer lead to one more address: browsers hold redirects behind a form to the policy too.</summary>
    public static void AllowFormTo(HttpResponse http, Uri address) =>
        http.Headers.ContentSecurityPolicy = Policy.Replace(
            "form-action 'self'", $"form-action 'self' {address.GetLeftPart(UriPartial.Authority)}", StringComparison.Ordinal);

    public static void SetHeaders(HttpResponse http)
    {
        var headers = http.Headers;
        headers.ContentSecurityPolicy = Policy;
        headers.XContentTypeOptions = "nosniff";
        headers.XFrameOptions = "DENY";
        headers["Referrer-Policy"] = "no-referrer";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        headers.CacheControl = "no-store";
    }

    private static async ValueTask<object?> CheckAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        var http = context.HttpContext;
        SetHeaders(http.Response);
        await BrowserSession.FindAsync(http);
        if (HttpMethods.IsGet(http.Request.Method) || HttpMethods.IsHead(http.Request.Method))
        {
            return await next(context);
        }

        if (await OAuthForm.ReadAsync(http.Request, http.RequestAborted) is null)
        {
            return Page.Error(
                StatusCodes.Status400BadRequest, "That form cannot be read",
                "Nothing was changed. A field is too long, or holds a character that no text has.", http.Request.Path);
        }

        return IsFromOurPage(http.Request) && await http.RequestServices.GetRequiredService<IAntiforgery>().IsRequestValidAsync(http)
            ? await next(context)
            : Page.Error(
                StatusCodes.Status400BadRequest, "That form is out of date",
                "Nothing was changed. The page was open for too long, your sign-in has changed since, or the browser keeps no cookies of "
                + "this address: it does for https addresses and for localhost.", http.Request.Path);
    }

    /// <summary>
    /// Browsers say where a request comes from (Fetch Metadata); one that does not is held to the token of the form alone.
    /// </summary>
    private static bool IsFromOurPage(HttpRequest http) =>
        http.Headers["Sec-Fetch-Site"].ToString() is "" or "same-origin";
}

/// <summary>Metadata of the endpoints that people see in a browser: their errors are pages too.</summary>
internal sealed record IsPage;
