using EnvPlatform.Gateway.OpenApi;

namespace EnvPlatform.Gateway;

/// <summary>
/// Tells browsers what answers of the gateway are not: pages, apart from the documentation, and nothing to frame, sniff or keep.
/// </summary>
internal static class SecurityHeaders
{
    /// <summary>The documentation page styles itself inline and shows small images out of its style sheet.</summary>
    private const string DocsPolicy =
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; "
        + "frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

    private const string ApiPolicy = "default-src 'none'; frame-ancestors 'none'";

    public static void UseSecurityHeaders(this IApplicationBuilder app) => app.Use((http, next) =>
    {
        var headers = http.Response.Headers;
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer";
        headers.ContentSecurityPolicy =
            http.Request.Path.StartsWithSegments("/" + Docs.Path, StringComparison.Ordinal) ? DocsPolicy : ApiPolicy;
        return next(http);
    });
}
