using EnvPlatform.ServiceDefaults.Callers;

namespace EnvPlatform.Identity.Tokens;

internal static class TokenEndpoints
{
    public static void MapTokens(this IEndpointRouteBuilder app)
    {
        var tokens = app.MapGroup("/api/v1/orgs/{org}/tokens").WithTags("Tokens");
        tokens.MapCreateToken();
        tokens.MapListTokens();
        tokens.MapRevokeToken();
        var sessions = app.MapGroup("/api/v1/me/sessions").RequireAuthorization(Access.Account).WithTags("Tokens");
        sessions.MapListSessions();
        sessions.MapRevokeSession();
    }
}
