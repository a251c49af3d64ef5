using System.Text;
using System.Text.Encodings.Web;

namespace EnvPlatform.Gateway.Pages;

/// <summary>An error in words, as the pages of Identity look: it must be there also when Identity is not.</summary>
internal static class ErrorPage
{
    /// <summary>That of the pages of Identity: no script, nothing from elsewhere, in no frame.</summary>
    private const string Policy =
        "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

    /// <param name="detail">Why, a sentence; null where that is not known.</param>
    /// <param name="trace">By which the operator finds it; null for none.</param>
    public static async Task WriteAsync(HttpContext http, string? detail, string? trace)
    {
        var (heading, text) = Words(http.Response.StatusCode, detail);
        var page = Encoding.UTF8.GetBytes(Html(heading, text, http.Response.StatusCode >= 500 ? trace : null));
        var headers = http.Response.Headers;
        headers.ContentType = "text/html; charset=utf-8";
        headers.ContentLength = page.Length;
        headers.ContentEncoding = default;
        headers.ETag = default;
        headers.ContentSecurityPolicy = Policy;
        headers.XContentTypeOptions = "nosniff";
        headers.XFrameOptions = "DENY";
        headers["Referrer-Policy"] = "no-referrer";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        headers.CacheControl = "no-store";
        if (!HttpMethods.IsHead(http.Request.Method))
        {
            await http.Response.Body.WriteAsync(page, http.RequestAborted);
        }
    }

    private static (string Heading, string Text) Words(int status, string? detail) => status switch
    {
        StatusCodes.Status401Unauthorized => ("Sign in first", "That page is for people who are signed in."),
        StatusCodes.Status403Forbidden => ("Not allowed", detail ?? "You may not do that."),
        StatusCodes.Status404NotFound => ("There is no such page", "The link is old, or not complete."),
        StatusCodes.Status405MethodNotAllowed => ("There is no such page", "A form was sent to where none is taken."),
        StatusCodes.Status413PayloadTooLarge or StatusCodes.Status414UriTooLong or StatusCodes.Status431RequestHeaderFieldsTooLarge =>
            ("That is too much", detail ?? "What was sent is larger than allowed."),
        StatusCodes.Status429TooManyRequests => ("Too many requests", $"{detail} Wait a minute, and try again."),
        StatusCodes.Status502BadGateway or StatusCodes.Status503ServiceUnavailable or StatusCodes.Status504GatewayTimeout =>
            ("Not available at the moment", "Nothing was lost. Try again in a minute."),
        >= 500 => ("Something went wrong", "It is not your fault. Try again, and tell the operator of this platform if it stays."),
        _ => ("That did not work", detail ?? "The request could not be read."),
    };

    private static string Html(string heading, string text, string? trace)
    {
        var encoder = HtmlEncoder.Default;
        var number = trace is null ? "" : $"<p class=\"hint\">Give the operator this number: <code>{encoder.Encode(trace)}</code></p>";
        return $"""
            <!DOCTYPE html>
            <html lang="en">
            <head>
              <meta charset="utf-8" />
              <meta name="viewport" content="width=device-width, initial-scale=1" />
              <meta name="color-scheme" content="light dark" />
              <title>Error: {encoder.Encode(heading)} · EnvPlatform</title>
              <link rel="stylesheet" href="{Stylesheet.Path}" />
              <link rel="icon" href="data:," />
            </head>
            <body>
              <header>
                <a class="brand" href="/account">EnvPlatform</a>
              </header>
              <main>
                <h1>{encoder.Encode(heading)}</h1>
                <p>{encoder.Encode(text)}</p>
                            {number}
                <p><a href="/account">To your account</a></p>
              </main>
            </body>
            </html>

            """;
    }
}
