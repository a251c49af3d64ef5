using System.Security.Claims;
using System.Security.Cryptography;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.OAuth.Handlers;
using EnvPlatform.Identity.OAuth.Stores;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.Tokens;

using OpenIddict.Abstractions;
using OpenIddict.Server;
using OpenIddict.Server.AspNetCore;

using static OpenIddict.Server.OpenIddictServerEvents;

namespace EnvPlatform.Identity.OAuth;

/// <summary>
/// The protocol engine (OpenIddict) behind the OAuth endpoints: what it allows, on stores of ours, with access tokens of ours.
/// </summary>
internal static class OAuthServer
{
    public static readonly string Scheme = OpenIddictServerAspNetCoreDefaults.AuthenticationScheme;

    /// <summary>Letters that are told apart when read or heard, and spell no words (RFC 8628 section 6.1).</summary>
    private static readonly string[] UserCodeLetters = [.. "BCDFGHJKLMNPQRSTVWXZ".Select(letter => letter.ToString())];

    public static void AddOAuthServer(this WebApplicationBuilder builder)
    {
        // Its requests and answers hold secrets.
        builder.Logging.AddFilter("OpenIddict", LogLevel.Warning);
        builder.Services.AddScoped<OAuthTx>();
        builder.Services.AddScoped<ClientStore>();
        builder.Services.AddOpenIddict()
            .AddCore(core => core
                .SetDefaultApplicationEntity<OAuthClient>().ReplaceApplicationStore<OAuthClient, ClientStore>()
                .SetDefaultAuthorizationEntity<OAuthGrant>().ReplaceAuthorizationStore<OAuthGrant, GrantStore>()
                .SetDefaultScopeEntity<string>().ReplaceScopeStore<string, ScopeStore>()
                .SetDefaultTokenEntity<OAuthToken>().ReplaceTokenStore<OAuthToken, CodeStore>()
                .DisableEntityCaching())
            .AddServer(Configure);
        builder.Services.AddOptions<OpenIddictServerOptions>()
            .Configure<ServiceSecret, IConfiguration, IOptions<IdentityOptions>>(ConfigureKeys);
        builder.Services.AddSingleton<IAuthenticationSchemeProvider, SchemesWithoutRequestHandlers>();
    }

    /// <summary>
    /// Lets the protocol engine look at the request, whose address it must know as the one that clients use. True when it has answered;
    /// false when the endpoint is to decide.
    /// </summary>
    public static async Task<bool> HandleAsync(HttpContext http)
    {
        var issuer = http.RequestServices.GetRequiredService<IOptionsMonitor<OpenIddictServerOptions>>().CurrentValue.Issuer!;
        http.Request.Scheme = issuer.Scheme;
        http.Request.Host = new HostString(issuer.Authority);
        var handlers = http.RequestServices.GetRequiredService<IAuthenticationHandlerProvider>();
        return await ((IAuthenticationRequestHandler)(await handlers.GetHandlerAsync(http, Scheme))!).HandleRequestAsync();
    }

    /// <summary>Whom a token is for, and what it is good for.</summary>
    public static ClaimsPrincipal Principal(SubjectId subject, IEnumerable<string> scopes) =>
        new ClaimsPrincipal(new ClaimsIdentity(Scheme))
            .SetClaim(OpenIddictConstants.Claims.Subject, subject.ToString())
            .SetScopes(scopes);

    /// <summary>An answer of the protocol engine that refuses, in the form and at the place that the request wants it.</summary>
    public static IResult Refuse(string error, string description, string? goTo = null) => Results.Forbid(
        new AuthenticationProperties(new Dictionary<string, string?>(StringComparer.Ordinal)
        {
            [OpenIddictServerAspNetCoreConstants.Properties.Error] = error,
            [OpenIddictServerAspNetCoreConstants.Properties.ErrorDescription] = description,
        })
        { RedirectUri = goTo }, [Scheme]);

    /// <summary>What the protocol engine has to say against a request that it leaves to the endpoint to answer; null for nothing.</summary>
    public static OpenIddictResponse? ErrorOf(HttpContext http) =>
        http.GetOpenIddictServerResponse() is { Error: not null } response ? response : null;

    private static void Configure(OpenIddictServerBuilder server)
    {
        server.AllowAuthorizationCodeFlow().RequireProofKeyForCodeExchange().AllowDeviceAuthorizationFlow().AllowRefreshTokenFlow()
            .AllowClientCredentialsFlow();
        server.SetTokenEndpointUris("oauth/token").SetAuthorizationEndpointUris("oauth/authorize").SetRevocationEndpointUris("oauth/revoke")
            .SetDeviceAuthorizationEndpointUris("oauth/device").SetEndUserVerificationEndpointUris("device", "device/decision")
            .SetConfigurationEndpointUris(".well-known/oauth-authorization-server", ".well-known/openid-configuration")
            .SetJsonWebKeySetEndpointUris(Array.Empty<string>());
        server.UseReferenceAccessTokens().UseReferenceRefreshTokens().SetRefreshTokenReuseLeeway(TimeSpan.Zero)
            .SetAuthorizationCodeLifetime(TimeSpan.FromMinutes(1))
            .SetDeviceCodeLifetime(TimeSpan.FromMinutes(10)).SetUserCodeLifetime(TimeSpan.FromMinutes(10))
            .SetUserCodeCharset(UserCodeLetters).SetUserCodeLength(8).SetUserCodeDisplayFormat("{0}{1}{2}{3}-{4}{5}{6}{7}");
        server.RegisterScopes([.. OAuthClient.AllScopes]);
        server.Configure(options =>
        {
            options.CodeChallengeMethods.Remove(OpenIddictConstants.CodeChallengeMethods.Plain);
            options.ResponseModes.Clear();
            options.ResponseModes.Add(OpenIddictConstants.ResponseModes.Query);
            options.ClientAuthenticationMethods.Remove(OpenIddictConstants.ClientAuthenticationMethods.PrivateKeyJwt);
            options.ClientAssertionTypes.Clear();
            options.PromptValues.RemoveWhere(value => value != OpenIddictConstants.PromptValues.Consent);

            // Nobody is told who a user is by a token that cannot be revoked.
            options.Scopes.Remove(OpenIddictConstants.Scopes.OpenId);
        });
        server.UseAspNetCore().EnableTokenEndpointPassthrough().EnableAuthorizationEndpointPassthrough()
            .EnableEndUserVerificationEndpointPassthrough().EnableErrorPassthrough()
            .DisableTransportSecurityRequirement().SuppressJsonResponseIndentation().SetRealm("envplatform");

        server.RemoveEventHandler(OpenIddictServerHandlers.ValidateClientSecret.Descriptor);
        Handle<ProcessAuthenticationContext, AuthenticateClient>(server, AuthenticateClient.Order);
        Handle<GenerateTokenContext, IssueOpaqueAccessToken>(server, IssueOpaqueAccessToken.Order);
        Handle<ValidateTokenContext, ThrottlePolling>(server, ThrottlePolling.Order);
        Handle<ValidateTokenContext, RefuseReuse>(server, RefuseReuse.Order);
        Handle<ProcessSignInContext, DescribeDevice>(server, DescribeDevice.Order);
        Handle<ProcessSignInContext, TellLifetime>(server, TellLifetime.Order);
        Handle<ApplyConfigurationResponseContext, DescribeServer>(server, DescribeServer.Order);
        Handle<ApplyTokenResponseContext, RecordRefusedGrant>(server, RecordRefusedGrant.Order);
        Commit<ApplyTokenResponseContext>(server);
        Commit<ApplyAuthorizationResponseContext>(server);
        Commit<ApplyDeviceAuthorizationResponseContext>(server);
        Commit<ApplyEndUserVerificationResponseContext>(server);
    }

    private static void Commit<TContext>(OpenIddictServerBuilder server) where TContext : BaseRequestContext =>
        Handle<TContext, AnswerOnCommit<TContext>>(server, AnswerOnCommit<TContext>.Order);

    private static void Handle<TContext, THandler>(OpenIddictServerBuilder server, int order)
        where TContext : BaseContext where THandler : class, IOpenIddictServerHandler<TContext> =>
        server.AddEventHandler<TContext>(handler => handler.UseScopedHandler<THandler>().SetOrder(order));

    /// <summary>
    /// What codes and refresh tokens stand for is in the database, encrypted under keys that every instance derives from the service's
    /// secret. Nothing that is signed with them leaves the service.
    /// </summary>
    private static void ConfigureKeys(
        OpenIddictServerOptions options, ServiceSecret secret, IConfiguration configuration, IOptions<IdentityOptions> identity)
    {
        options.Issuer = new Uri(PlatformAddress.Of(configuration));
        options.AccessTokenLifetime = TimeSpan.FromMinutes(identity.Value.GrantAccessTokenMinutes);
        options.RefreshTokenLifetime = TimeSpan.FromDays(identity.Value.RefreshTokenIdleDays);
        options.EncryptionCredentials.Add(new EncryptingCredentials(
            new SymmetricSecurityKey(secret.Derive("oauth payloads, encryption")),
            SecurityAlgorithms.Aes256KW, SecurityAlgorithms.Aes256CbcHmacSha512));
        options.SigningCredentials.Add(new SigningCredentials(
            new ECDsaSecurityKey(SigningKey(secret)), SecurityAlgorithms.EcdsaSha256));
    }

    private static ECDsa SigningKey(ServiceSecret secret)
    {
        for (var i = 0; ; i++)
        {
            try
            {
                return ECDsa.Create(new ECParameters
                {
                    Curve = ECCurve.NamedCurves.nistP256,
                    D = secret.Derive($"oauth payloads, signature {i}"),
                });
            }
            catch (CryptographicException) when (i < 8)
            {
                // Once in four thousand million the number is beyond the curve's order.
            }
        }
    }

    /// <summary>
    /// The protocol engine is asked by the endpoints, behind the authorization of ours, and not by the authentication of every request.
    /// </summary>
    private sealed class SchemesWithoutRequestHandlers(IOptions<AuthenticationOptions> options) : AuthenticationSchemeProvider(options)
    {
        public override Task<IEnumerable<AuthenticationScheme>> GetRequestHandlerSchemesAsync() =>
            Task.FromResult(Enumerable.Empty<AuthenticationScheme>());
    }
}
