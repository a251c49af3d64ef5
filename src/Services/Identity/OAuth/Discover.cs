using EnvPlatform.ServiceDefaults.Callers;

namespace EnvPlatform.Identity.OAuth;

/// <summary>A client reads what the OAuth endpoints are and can do (RFC 8414), also where clients of OpenID Connect look for it.</summary>
internal static class Discover
{
    internal static void MapDiscover(this IEndpointRouteBuilder app)
    {
        foreach (var document in new[] { "oauth-authorization-server", "openid-configuration" })
        {
            app.MapGet($"/.well-known/{document}", HandleAsync).RequireAuthorization(Access.Forwarded).ExcludeFromDescription();
        }
    }

    private static async Task HandleAsync(HttpContext http) => await OAuthServer.HandleAsync(http);
}
