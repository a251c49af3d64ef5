using EnvPlatform.ServiceDefaults.Callers;

namespace EnvPlatform.Gateway.Callers;

/// <summary>
/// Whether a request comes from a page of this host, so that the session's cookie speaks for the person in front of it. The cookie comes
/// with requests that other sites cause too (SameSite=Lax holds most of them back); what browsers say of the origin (W3C Fetch Metadata),
/// and what no form of another site can send, tells them apart.
/// </summary>
internal static class BrowserRequest
{
    /// <summary>A header that only a script of the same origin can add; any value.</summary>
    public const string Header = "X-Requested-With";

    /// <summary>The session's secret; null when there is none, or when the request does not show that it comes from a page here.</summary>
    public static string? SessionOf(HttpRequest http) =>
        http.Headers.Authorization.Count == 0 && http.Cookies.TryGetValue(SessionCookie.Name, out var secret)
        && SessionCookie.IsWellFormed(secret) && http.Headers["Sec-Fetch-Site"] == "same-origin"
        && (IsSafe(http.Method) || IsOfScript(http))
            ? secret : null;

    private static bool IsSafe(string method) =>
        HttpMethods.IsGet(method) || HttpMethods.IsHead(method) || HttpMethods.IsOptions(method);

    private static bool IsOfScript(HttpRequest http) => http.HasJsonContentType() || http.Headers.ContainsKey(Header);
}
