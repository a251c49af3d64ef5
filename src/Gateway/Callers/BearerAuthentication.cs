using System.Text.Encodings.Web;

using EnvPlatform.Gateway.Limits;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;

namespace EnvPlatform.Gateway.Callers;

/// <summary>
/// Authenticates a request by its bearer token (RFC 6750), or by the cookie of a browser's session where it comes from a page of this host.
/// What the bearer may do is decided by the service that the request is for.
/// </summary>
internal sealed class BearerAuthentication(
    IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logger, UrlEncoder encoder, TokenCache tokens,
    IOptions<GatewayOptions> gateway)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
{
    public const string SchemeName = "Bearer";
    private const string Prefix = "Bearer ";
    private TokenLookup? _lookup;

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        if (Context.GetEndpoint()?.Metadata.GetMetadata<IAllowAnonymous>() is not null)
        {
            return AuthenticateResult.NoResult();
        }

        var header = Request.Headers.Authorization.ToString();
        string token;
        if (header.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase))
        {
            token = header[Prefix.Length..].Trim();
        }
        else if (BrowserRequest.SessionOf(Request) is { } session)
        {
            token = session;
        }
        else
        {
            return AuthenticateResult.NoResult();
        }

        var origin = Context.Features.GetRequiredFeature<RequestOrigin>();
        var address = Context.Connection.RemoteIpAddress;
        // A cookie is not taken as a bearer token: a session stays in its browser.
        if (header.Length == 0 || SecretFormat.IsWellFormed(token, SecretFormat.TokenPrefix))
        {
            // What can be no organization's name is nobody's: the service answers 404 without asking.
            var organization = RequestedOrganization.NameIn(Context);
            _lookup = await tokens.FindAsync(
                token, RequestedOrganization.IsWellFormed(organization) ? organization : null, origin, address, Context.RequestAborted);
        }
        else
        {
            _lookup = tokens.Refuse(address);
        }

        if (_lookup is not TokenLookup.Good good)
        {
            return AuthenticateResult.Fail("The token is not good.");
        }

        Context.Features.Set(good.Bearer);
        return good.Bearer.Ticket;
    }

    protected override Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        switch (_lookup)
        {
            case TokenLookup.Unknown:
                Response.Headers.RetryAfter = "1";
                return Problems.Of(
                    StatusCodes.Status503ServiceUnavailable, "service_unavailable", "Not available.",
                    "The token cannot be checked at the moment. Try again shortly.")
                    .ExecuteAsync(Context);
            case TokenLookup.TooManyFailures(var wait):
                return RateLimits.AnswerAsync(
                    Context, wait,
                    $"{gateway.Value.FailedAuthenticationsPerMinute} requests with a bad token came from this address in the last minute. "
                    + "This one has no good token either, or it could not be looked up yet. Good tokens are let in.");
            default:
                Response.Headers.WWWAuthenticate = _lookup is null ? "Bearer" : "Bearer error=\"invalid_token\"";
                return Problems.Of(
                    StatusCodes.Status401Unauthorized, "unauthorized", "Sign in first.",
                    "The request carries no good token.").ExecuteAsync(Context);
        }
    }
}

internal static class BearerExtensions
{
    /// <summary>The policy of every route except sign-in: anyone with a valid token.</summary>
    public const string Anyone = Access.Anyone;

    public static void AddBearerTokens(this WebApplicationBuilder builder)
    {
        builder.AddServiceClient<Contracts.Identity.Tokens.TokensClient>("identity");
        builder.AddServiceClient<Grpc.Health.V1.Health.HealthClient>("identity");
        builder.Services.AddSingleton<TokenMemory>();
        builder.Services.AddSingleton<AskIdentity>();
        builder.Services.AddSingleton<TokenCache>();
        builder.Services.AddAuthentication(BearerAuthentication.SchemeName)
            .AddScheme<AuthenticationSchemeOptions, BearerAuthentication>(BearerAuthentication.SchemeName, null);
        builder.Services.AddAuthorizationBuilder()
            .AddPolicy(Anyone, policy => policy.RequireAuthenticatedUser())
            // An endpoint without a policy is closed to everyone; a request without an endpoint gets the router's own 404 or 405.
            .SetFallbackPolicy(new AuthorizationPolicyBuilder()
                .RequireAssertion(context => context.Resource is HttpContext http && http.GetEndpoint() is not RouteEndpoint).Build());
        builder.Services.AddHealthChecks().AddCheck<IdentityHealth>("identity", HealthStatus.Unhealthy, [Health.ReadyTag]);
    }
}
