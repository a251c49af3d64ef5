using EnvPlatform.Identity.Invitations;
using EnvPlatform.Identity.OAuth;
using EnvPlatform.Identity.ServiceAccounts;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.OpenApi;

namespace EnvPlatform.Identity.SignIn;

internal static class SignInEndpoints
{
    /// <summary>What the ways to sign in and to join share.</summary>
    public static void AddSignIn(this IServiceCollection services)
    {
        services.AddSingleton<AuthenticationFailures>();
        services.AddSingleton<PasswordChecks>();
        services.AddSingleton<PasswordSignIn>();
        services.AddSingleton<IssuerKeys>();
        services.AddSingleton<TokenExchange>();
        services.AddSingleton<InvitationLinks>();
        services.AddSingleton<Joining>();
    }

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
