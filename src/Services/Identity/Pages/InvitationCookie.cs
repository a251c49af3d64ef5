using EnvPlatform.ServiceDefaults.Callers;

namespace EnvPlatform.Identity.Pages;

/// <summary>
/// Holds the token of an invitation for a while after its link was opened, so that it is in no address, history or referrer from then on.
/// </summary>
internal static class InvitationCookie
{
    private const string Name = "__Host-envplatform-invitation";
    private static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(30);

    /// <summary>The token; null when no link was opened lately.</summary>
    public static string? Read(HttpRequest http) =>
        http.Cookies.TryGetValue(Name, out var token) && SecretFormat.IsWellFormed(token, SecretFormat.InvitationPrefix) ? token : null;

    public static void Set(HttpResponse http, string token)
    {
        var options = Options();
        options.MaxAge = Lifetime;
        http.Cookies.Append(Name, token, options);
    }

    public static void Clear(HttpResponse http) => http.Cookies.Delete(Name, Options());

    private static CookieOptions Options() => new() { Path = "/", Secure = true, HttpOnly = true, SameSite = SameSiteMode.Lax };
}
