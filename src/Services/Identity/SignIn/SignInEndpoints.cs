namespace EnvPlatform.Identity.SignIn;

internal static class SignInEndpoints
{
    public static void MapSignIn(this IEndpointRouteBuilder app)
    {
        var oauth = app.MapGroup("/oauth").WithTags("Sign-in");
        oauth.MapIssueAccessToken();
        oauth.MapRevokeAnyToken();
        app.MapGroup("/api/v1").WithTags("Sign-in").MapSignInByPassword();
    }
}
