using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.SignIn;
using EnvPlatform.Identity.Tokens;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

using Npgsql;

namespace EnvPlatform.Identity.ServiceAccounts;

/// <summary>
/// A job of a CI exchanges the token that its CI gave it for an access token of a service account that trusts it (RFC 8693). The account is
/// named by <c>client_id</c>: a trust that another organization has added to itself gets nobody's jobs. Whoever fails is told no more than
/// that; the reason is in the organization's audit log.
/// </summary>
internal sealed class TokenExchange(
    NpgsqlDataSource db, IssuerKeys keys, AuthenticationFailures failures, IOptions<IdentityOptions> options, TimeProvider clock)
{
    public const string Grant = "urn:ietf:params:oauth:grant-type:token-exchange";
    public const string AccessTokenType = "urn:ietf:params:oauth:token-type:access_token";
    private const int MaxTokenLength = 16_384;
    private const int MaxMinutes = 15;
    private static readonly string[] TokenTypes = ["urn:ietf:params:oauth:token-type:jwt", "urn:ietf:params:oauth:token-type:id_token"];
    private static readonly TimeSpan Skew = TimeSpan.FromSeconds(60);
    private static readonly JsonWebTokenHandler Handler = new() { MapInboundClaims = false, MaximumTokenSizeInBytes = MaxTokenLength };

    /// <summary>What came of it.</summary>
    internal abstract record Outcome
    {
        private Outcome()
        {
        }

        /// <param name="ExpiresIn">Seconds.</param>
        /// <param name="Scopes">That were asked for; null: all of the account.</param>
        public sealed record Issued(string AccessToken, long ExpiresIn, string[]? Scopes) : Outcome;

        /// <param name="Error">Of RFC 6749 section 5.2.</param>
        public sealed record Refused(int Status, string Error, string Description) : Outcome;
    }

    /// <param name="clientId">The service account.</param>
    /// <param name="token">The CI's, a signed JWT.</param>
    /// <param name="tokenType">jwt or id_token, as RFC 8693 section 3 names them.</param>
    /// <param name="wanted">What is asked for; null: an access token.</param>
    /// <param name="scope">Permissions that the token shall be good for, at most, parted by spaces; null: all of the account.</param>
    public async Task<Outcome> ExchangeAsync(
        string? clientId, string? token, string? tokenType, string? wanted, string? scope, RequestOrigin origin, CancellationToken ct)
    {
        if (string.IsNullOrEmpty(clientId) || string.IsNullOrEmpty(token) || !TokenTypes.Contains(tokenType)
            || (!string.IsNullOrEmpty(wanted) && wanted != AccessTokenType))
        {
            return new Outcome.Refused(
                StatusCodes.Status400BadRequest, "invalid_request",
                $"client_id must name a service account, subject_token be a JWT, subject_token_type {string.Join(" or ", TokenTypes)}.");
        }

        var scopes = GrantedScopes.Stored(string.IsNullOrEmpty(scope) ? null : scope.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        if (scopes is not null && scopes.Length != scope!.Split(' ', StringSplitOptions.RemoveEmptyEntries).Distinct().Count())
        {
            return new Outcome.Refused(StatusCodes.Status400BadRequest, "invalid_scope", "GET /api/v1/roles lists what can be asked for.");
        }

        if (!SubjectId.TryParse(clientId, out var id) || await ServiceAccount.FindAsync(db, id, ct) is not { } account)
        {
            await failures.RecordAsync($"address {origin.SourceNetwork}", null, "unknown_client", origin, ct);
            return NotAccepted();
        }

        var now = clock.GetUtcNow();
        var (trust, subject, reason) = await VerifyAsync(account, token, now, ct);
        if (trust is null)
        {
            await failures.RecordAsync($"client {account.Id}", account.ToCaller(origin), reason, origin, ct);
            return reason == "issuer_unavailable"
                ? new Outcome.Refused(
                    StatusCodes.Status503ServiceUnavailable, "temporarily_unavailable", "The keys of the token's issuer cannot be had.")
                : NotAccepted();
        }

        if (!await account.AdmitAsync(failures, origin, now, ct))
        {
            return NotAccepted();
        }

        var lifetime = TimeSpan.FromMinutes(Math.Min(MaxMinutes, options.Value.AccessTokenMinutes));
        var issued = await (account with { TrustId = trust.Id }).IssueAsync(
            db, origin, lifetime, new { method = "token_exchange", trust_id = trust.Id, trust.Issuer, subject }, scopes, now, ct);
        return issued is null
            ? NotAccepted() : new Outcome.Issued(issued.Token, (long)(issued.ExpiresAt!.Value - now).TotalSeconds, scopes);
    }

    private static Outcome.Refused NotAccepted() => new(
        StatusCodes.Status400BadRequest, "invalid_request",
        "The service account does not take this token. Why is in the organization's audit log, where there is such an account.");

    /// <returns>The trust by which the account takes the token, and its subject; otherwise why not.</returns>
    private async Task<(AccountTrusts.Row? Trust, string Subject, string Reason)> VerifyAsync(
        ServiceAccount account, string token, DateTimeOffset now, CancellationToken ct)
    {
        if (Read(token) is not { } unverified)
        {
            return (null, "", "malformed_token");
        }

        if (!IssuerKeys.Algorithms.Contains(unverified.Alg) || unverified.TryGetHeaderValue<object>("crit", out _))
        {
            return (null, "", "algorithm_not_allowed");
        }

        var trusts = (await AccountTrusts.OfAsync(db, account.Id, ct)).FindAll(trust => trust.Issuer == unverified.Issuer);
        if (trusts.Count == 0)
        {
            return (null, "", "untrusted_issuer");
        }

        if (await keys.FindAsync(unverified.Issuer, unverified.Kid, ct) is not { } known)
        {
            return (null, "", "issuer_unavailable");
        }

        var result = await Handler.ValidateTokenAsync(token, Parameters(trusts, known, now));
        if (!result.IsValid)
        {
            return (null, "", ReasonOf(result.Exception));
        }

        var verified = (JsonWebToken)result.SecurityToken;
        var found = trusts.Find(trust => verified.Audiences.Contains(trust.Audience, StringComparer.Ordinal)
            && SubjectPattern.Matches(trust.SubjectPattern, verified.Subject));
        return (found, verified.Subject, "untrusted_subject");
    }

    private static TokenValidationParameters Parameters(
        List<AccountTrusts.Row> trusts, IReadOnlyList<JsonWebKey> keys, DateTimeOffset now) => new()
        {
            ValidIssuer = trusts[0].Issuer,
            ValidAudiences = trusts.Select(trust => trust.Audience),
            IgnoreTrailingSlashWhenValidatingAudience = false,
            IssuerSigningKeys = keys,
            TryAllIssuerSigningKeys = false,
            ValidAlgorithms = IssuerKeys.Algorithms,
            RequireSignedTokens = true,
            LifetimeValidator = (notBefore, expires, token, _) => expires is { } end && end > (now - Skew).UtcDateTime
                && (notBefore is null || notBefore <= (now + Skew).UtcDateTime) && !IsOfTheFuture((JsonWebToken)token, now),
        };

    private static bool IsOfTheFuture(JsonWebToken token, DateTimeOffset now) => token.IssuedAt > (now + Skew).UtcDateTime;

    private static string ReasonOf(Exception exception) => exception switch
    {
        SecurityTokenInvalidLifetimeException or SecurityTokenExpiredException or SecurityTokenNotYetValidException => "expired_token",
        SecurityTokenInvalidAudienceException => "wrong_audience",
        SecurityTokenSignatureKeyNotFoundException => "unknown_key",
        SecurityTokenInvalidSignatureException => "bad_signature",
        SecurityTokenInvalidAlgorithmException => "algorithm_not_allowed",
        _ => "malformed_token",
    };

    /// <summary>Null when it is no signed JWT (RFC 7519) with an issuer and a subject.</summary>
    private static JsonWebToken? Read(string token)
    {
        if (token.Length > MaxTokenLength || !Handler.CanReadToken(token))
        {
            return null;
        }

        try
        {
            var read = Handler.ReadJsonWebToken(token);
            return read is { Issuer.Length: > 0, Subject.Length: > 0, EncodedSignature.Length: > 0, Kid.Length: > 0 } ? read : null;
        }
        catch (ArgumentException)
        {
            return null;
        }
    }
}
