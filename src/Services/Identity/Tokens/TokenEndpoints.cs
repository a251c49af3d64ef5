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
        tokens.MapRevokeTokens();
        tokens.MapEnforceTokenLimit();
        app.MapGroup("/api/v1").WithTags("Tokens").MapReportTokens();
        var ofMember = app.MapGroup("/api/v1/orgs/{org}/members/{id}/sessions").WithTags("Tokens");
        ofMember.MapListMemberSessions();
        ofMember.MapRevokeMemberSessions();
        var sessions = app.MapGroup("/api/v1/me/sessions").RequireAuthorization(Access.Account).WithTags("Tokens");
        sessions.MapListSessions();
        sessions.MapRevokeSession();
    }
}
