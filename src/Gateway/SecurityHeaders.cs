using EnvPlatform.Gateway.OpenApi;

namespace EnvPlatform.Gateway;

/// <summary>
/// Tells browsers that responses of the gateway are not pages, apart from the documentation and those that say what they are themselves,
/// and must not be framed, sniffed or stored.
/// </summary>
internal static class SecurityHeaders
{
    /// <summary>The documentation page has inline styles and small images in its style sheet.</summary>
    private const string DocsPolicy =
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; "
        + "frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

    private const string ApiPolicy = "default-src 'none'; frame-ancestors 'none'";

    public static void UseSecurityHeaders(this IApplicationBuilder app) => app.Use((http, next) =>
    {
        // A page brings its own policy, and browsers hold to each of two.
        http.Response.OnStarting(static state =>
        {
            var http = (HttpContext)state;
            var headers = http.Response.Headers;
            headers.XContentTypeOptions = "nosniff";
            headers["Referrer-Policy"] = "no-referrer";
            if (headers.ContentSecurityPolicy.Count == 0)
            {
                headers.ContentSecurityPolicy =
                    http.Request.Path.StartsWithSegments("/" + Docs.Path, StringComparison.Ordinal) ? DocsPolicy : ApiPolicy;
            }

            return Task.CompletedTask;
        }, http);
        return next(http);
    });
}
