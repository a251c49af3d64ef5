using System.Text.Json.Serialization;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Identity.OAuth;
using EnvPlatform.Identity.ServiceAccounts;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.ServiceDefaults.OpenApi;

using Microsoft.AspNetCore;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;

using OpenIddict.Abstractions;

namespace EnvPlatform.Identity.SignIn;

/// <summary>
/// A client exchanges what it holds for an access token (RFC 6749): a service account its id and secret (<c>client_credentials</c>), a
/// program that somebody let act for it its code or its refresh token. The protocol engine has verified client, code and token before.
/// </summary>
internal static class IssueAccessToken
{
    /// <param name="ExpiresIn">Seconds.</param>
    /// <param name="Scope">What the token is good for; absent where that is what was asked for.</param>
    /// <param name="RefreshToken">Absent where <c>offline_access</c> was not granted.</param>
    /// <param name="IssuedTokenType">Of an exchange only (RFC 8693 section 2.2.1).</param>
    public sealed record Response(
        string AccessToken, string TokenType, long ExpiresIn,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Scope = null,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? RefreshToken = null,
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
            .WithSummary("Exchange what a client holds for an access token (RFC 6749).")
            .WithMetadata(
                new DescribedParameter(
                    "grant_type",
                    "client_credentials, authorization_code, refresh_token, urn:ietf:params:oauth:grant-type:device_code or "
                    + $"{TokenExchange.Grant}.", In: "form", Required: true),
                new DescribedParameter("client_id", "Here or, with the secret, as basic authentication.", In: "form"),
                new DescribedParameter("client_secret", "Of a service account, or of a client that has one.", In: "form"),
                new DescribedParameter("scope", "Permissions that the token shall be good for, at most, parted by spaces.", In: "form"),
                new DescribedParameter("code", "With authorization_code.", In: "form"),
                new DescribedParameter("redirect_uri", "With authorization_code: as in the request that brought the code.", In: "form"),
                new DescribedParameter("code_verifier", "With authorization_code (RFC 7636).", In: "form"),
                new DescribedParameter("device_code", "With urn:ietf:params:oauth:grant-type:device_code (RFC 8628).", In: "form"),
                new DescribedParameter("refresh_token", "With refresh_token; good for one use.", In: "form"),
                new DescribedParameter("subject_token", "Of an exchange: the token that a CI gave its job.", In: "form"),
                new DescribedParameter("audience", "Of an exchange: the platform's address, or left out.", In: "form"),
                new DescribedParameter("resource", "Of an exchange: the same.", In: "form"),
                new DescribedParameter("subject_token_type", "Of an exchange: urn:ietf:params:oauth:token-type:jwt.", In: "form"),
                new DescribedParameter("requested_token_type", $"Of an exchange: {TokenExchange.AccessTokenType}.", In: "form"))
            .Produces<Response>()
            .Produces<OAuthError>(StatusCodes.Status400BadRequest).Produces<OAuthError>(StatusCodes.Status401Unauthorized);

    private static async Task<IResult> HandleAsync(
        HttpContext http, RequestOrigin origin, OAuthTx transaction, TokenExchange exchange, IOptions<IdentityOptions> options,
        IConfiguration configuration, TimeProvider clock, CancellationToken ct)
    {
        if (await OAuthForm.ReadAsync(http.Request, ct) is not { } form)
        {
            return OAuthError.Answer(
                http.Response, StatusCodes.Status400BadRequest, "invalid_request",
                "The body must be application/x-www-form-urlencoded, in a charset that is known.");
        }

        // The token of another issuer, of which the protocol engine knows nothing.
        if (form["grant_type"] == TokenExchange.Grant)
        {
            return await ExchangeToken.HandleAsync(form, http.Response, exchange, configuration, origin, ct);
        }

        if (await OAuthServer.HandleAsync(http))
        {
            return Results.Empty;
        }

        var request = http.GetOpenIddictServerRequest()!;
        var now = clock.GetUtcNow();
        return request.IsClientCredentialsGrantType()
            ? OfServiceAccount(http, request, options.Value, now)
            : await OfGrantAsync(http, request, origin, await transaction.GetAsync(), options.Value, now);
    }

    private static IResult OfServiceAccount(HttpContext http, OpenIddictRequest request, IdentityOptions options, DateTimeOffset now)
    {
        var account = http.Features.GetRequiredFeature<ServiceAccount>();
        var lifetime = TimeSpan.FromMinutes(options.AccessTokenMinutes);
        return Results.SignIn(
            OAuthServer.Principal(account.Id, request.GetScopes())
                .SetAccessTokenLifetime(account.ExpiresAt - now < lifetime ? account.ExpiresAt - now : lifetime),
            authenticationScheme: OAuthServer.Scheme);
    }

    /// <summary>A code or a refresh token, which the protocol engine has found to be good, and redeems with the answer.</summary>
    private static async Task<IResult> OfGrantAsync(
        HttpContext http, OpenIddictRequest request, RequestOrigin origin, Tx tx, IdentityOptions options, DateTimeOffset now)
    {
        var held = (await http.AuthenticateAsync(OAuthServer.Scheme)).Principal!;
        var grant = await Granted.FindAsync(tx, Guid.Parse(held.GetAuthorizationId()!));
        var left = grant?.CreatedAt.AddDays(options.GrantDays) - now;
        if (grant is null || !grant.IsMember || left <= TimeSpan.Zero)
        {
            return OAuthServer.Refuse("invalid_grant", "It is good no more. Sign in again.");
        }

        tx.Audit(
            grant.ToCaller(origin), now, "authentication_success", new AuditTarget(grant.SubjectId.ToString(), grant.Email, "user"),
            $"{grant.DisplayName} is signed in by {grant.ClientName}.",
            request.IsRefreshTokenGrantType()
                ? (object)new { method = MethodOf(request), grant.ClientId, grant_id = grant.Id }
                : new { method = MethodOf(request), grant.ClientId, grant_id = grant.Id, grant.NewDevice });
        return Results.SignIn(
            OAuthServer.Principal(grant.SubjectId, held.GetScopes())
                .SetAccessTokenLifetime(Least(TimeSpan.FromMinutes(options.GrantAccessTokenMinutes), left!.Value))
                .SetRefreshTokenLifetime(Least(TimeSpan.FromDays(options.RefreshTokenIdleDays), left.Value)),
            authenticationScheme: OAuthServer.Scheme);
    }

    private static string MethodOf(OpenIddictRequest request) =>
        request.IsAuthorizationCodeGrantType() ? "authorization_code" : request.IsDeviceCodeGrantType() ? "device_code" : "refresh_token";

    private static TimeSpan Least(TimeSpan a, TimeSpan b) => a < b ? a : b;
}
