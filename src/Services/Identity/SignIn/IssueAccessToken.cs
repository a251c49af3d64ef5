using System.Text.Json.Serialization;

using EnvPlatform.Identity.ServiceAccounts;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.ServiceDefaults.OpenApi;

using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Identity.SignIn;

/// <summary>
/// A service account exchanges its client id and secret for an access token (RFC 6749 section 4.4, <c>client_credentials</c>).
/// </summary>
internal static class IssueAccessToken
{
    /// <param name="ExpiresIn">Seconds.</param>
    /// <param name="IssuedTokenType">Of an exchange only (RFC 8693 section 2.2.1).</param>
    public sealed record Response(
        string AccessToken, string TokenType, long ExpiresIn,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? IssuedTokenType = null);

    /// <summary>An error of RFC 6749 section 5.2.</summary>
    public sealed record OAuthError(
        string Error, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? ErrorDescription = null)
    {
        internal static JsonHttpResult<OAuthError> Answer(
            HttpResponse http, int status, string error, string description, bool basic = false)
        {
            http.Headers.CacheControl = "no-store";
            if (basic)
            {
                http.Headers.WWWAuthenticate = "Basic realm=\"envplatform\", charset=\"UTF-8\"";
            }

            return TypedResults.Json(new OAuthError(error, description), Json.Options, statusCode: status);
        }
    }

    internal static void MapIssueAccessToken(this IEndpointRouteBuilder oauth) =>
        oauth.MapPost("/token", HandleAsync).RequireAuthorization(Access.Forwarded).WithName(nameof(IssueAccessToken))
            .WithSummary("Exchange the id and secret of a service account, or the token of a CI that it trusts, for an access token.")
            .WithMetadata(
                new DescribedParameter("grant_type", $"client_credentials, or {TokenExchange.Grant}.", In: "form", Required: true),
                new DescribedParameter("client_id", "Here or, with the secret, as basic authentication.", In: "form"),
                new DescribedParameter("client_secret", "Shown when the service account was made.", In: "form"),
                new DescribedParameter("subject_token", "Of an exchange: the token that a CI gave its job.", In: "form"),
                new DescribedParameter("subject_token_type", "Of an exchange: urn:ietf:params:oauth:token-type:jwt.", In: "form"),
                new DescribedParameter("requested_token_type", $"Of an exchange: {TokenExchange.AccessTokenType}.", In: "form"))
            .Produces<OAuthError>(StatusCodes.Status400BadRequest).Produces<OAuthError>(StatusCodes.Status401Unauthorized);

    private static async Task<Results<Ok<Response>, JsonHttpResult<OAuthError>>> HandleAsync(
        HttpRequest http, RequestOrigin origin, NpgsqlDataSource db, AuthenticationFailures failures, TokenExchange exchange,
        IOptions<IdentityOptions> options, TimeProvider clock, CancellationToken ct)
    {
        var response = http.HttpContext.Response;
        if (await OAuthForm.ReadAsync(http, ct) is not { } form)
        {
            return OAuthError.Answer(
                response, StatusCodes.Status400BadRequest, "invalid_request",
                "The body must be application/x-www-form-urlencoded, in a charset that is known.");
        }

        if (form["grant_type"].Count != 1 || !ClientCredentials.TryRead(http, form, out var client))
        {
            return OAuthError.Answer(
                response, StatusCodes.Status400BadRequest, "invalid_request",
                "grant_type must be given once, and the client's credentials in one way only.");
        }

        if (form["grant_type"] == TokenExchange.Grant)
        {
            return await ExchangeToken.HandleAsync(form, response, exchange, origin, ct);
        }

        if (form["grant_type"] != "client_credentials")
        {
            return OAuthError.Answer(
                response, StatusCodes.Status400BadRequest, "unsupported_grant_type",
                $"The grant is client_credentials, or {TokenExchange.Grant}.");
        }

        var now = clock.GetUtcNow();
        if (client is null || await client.FindAsync(db, failures, origin, now, ct) is not { } account
            || await account.IssueAsync(
                db, origin, TimeSpan.FromMinutes(options.Value.AccessTokenMinutes),
                new { method = "client_credentials", account.SecretId }, now, ct) is not { } issued)
        {
            return OAuthError.Answer(
                response, StatusCodes.Status401Unauthorized, "invalid_client", "There is no such client, or the secret is not its own.",
                client?.Basic ?? true);
        }

        response.Headers.CacheControl = "no-store";
        return TypedResults.Ok(new Response(issued.Token, "Bearer", (long)(issued.ExpiresAt!.Value - now).TotalSeconds));
    }
}
