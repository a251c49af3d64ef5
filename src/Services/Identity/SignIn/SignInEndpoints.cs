using EnvPlatform.Identity.OAuth;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.OpenApi;

namespace EnvPlatform.Identity.SignIn;

internal static class SignInEndpoints
{
    public static void MapSignIn(this IEndpointRouteBuilder app)
    {
        var oauth = app.MapGroup("/oauth").WithTags("Sign-in").WithMetadata(new UnknownParameterAnswer((name, message) =>
            TypedResults.Json(
                new IssueAccessToken.OAuthError("invalid_request", $"{name}: {message}"), Json.Options,
                statusCode: StatusCodes.Status400BadRequest)));
        oauth.MapIssueAccessToken();
        oauth.MapRevokeAnyToken();
        oauth.MapStartDevice();
        app.MapDiscover();
        app.MapGroup("/api/v1").WithTags("Sign-in").MapSignInByPassword();
    }
}
