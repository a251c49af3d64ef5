using EnvPlatform.Identity.ServiceAccounts;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

namespace EnvPlatform.Identity.SignIn;

/// <summary>The token exchange (RFC 8693) at the token endpoint.</summary>
internal static class ExchangeToken
{
    private static readonly string[] Fields = ["client_id", "subject_token", "subject_token_type", "requested_token_type", "scope"];

    internal static async Task<Results<Ok<IssueAccessToken.Response>, JsonHttpResult<IssueAccessToken.OAuthError>>> HandleAsync(
        IFormCollection form, HttpResponse http, TokenExchange exchange, IConfiguration configuration, RequestOrigin origin,
        CancellationToken ct)
    {
        if (Fields.Any(name => form[name].Count > 1) || form.ContainsKey("actor_token"))
        {
            return IssueAccessToken.OAuthError.Answer(
                http, StatusCodes.Status400BadRequest, "invalid_request", "Each field must be given once, and there is no actor_token.");
        }

        // RFC 8693 section 2.1: for whom the token is wanted. There is no other than the platform.
        var here = PlatformAddress.Of(configuration);
        if (form["resource"].Concat(form["audience"]).Any(target => target?.TrimEnd('/') != here))
        {
            return IssueAccessToken.OAuthError.Answer(
                http, StatusCodes.Status400BadRequest, "invalid_target", $"There are tokens for {here} only.");
        }

        var outcome = await exchange.ExchangeAsync(
            form["client_id"], form["subject_token"], form["subject_token_type"], form["requested_token_type"], form["scope"],
            origin, ct);
        if (outcome is TokenExchange.Outcome.Refused refused)
        {
            return IssueAccessToken.OAuthError.Answer(http, refused.Status, refused.Error, refused.Description);
        }

        var issued = (TokenExchange.Outcome.Issued)outcome;
        http.Headers.CacheControl = "no-store";
        return TypedResults.Ok(
            new IssueAccessToken.Response(
                issued.AccessToken, "Bearer", issued.ExpiresIn, issued.Scopes is { } scopes ? string.Join(' ', scopes) : null,
                IssuedTokenType: TokenExchange.AccessTokenType));
    }
}
