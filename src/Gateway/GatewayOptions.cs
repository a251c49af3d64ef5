using System.ComponentModel.DataAnnotations;

namespace EnvPlatform.Gateway;

/// <summary>Settings of the gateway, section <c>Gateway</c>.</summary>
public sealed class GatewayOptions
{
    public const string Section = "Gateway";

    /// <summary>Seconds for which Identity's answer about a valid token is used without asking again. Revocations arrive at once.</summary>
    [Range(1, 300)]
    public int TokenCacheSeconds { get; set; } = 10;

    /// <summary>Milliseconds for which an invalid token is refused without asking again.</summary>
    [Range(100, 60_000)]
    public int BadTokenCacheMilliseconds { get; set; } = 1_500;

    /// <summary>Seconds since Identity last confirmed a token for which it is accepted while Identity cannot be reached.</summary>
    [Range(0, 3_600)]
    public int TokenGraceSeconds { get; set; } = 60;

    /// <summary>Maximum number of cached tokens.</summary>
    [Range(1_000, 10_000_000)]
    public int MaxCachedTokens { get; set; } = 100_000;

    /// <summary>Milliseconds that Identity has to answer about a token.</summary>
    [Range(100, 60_000)]
    public int IdentityTimeoutMilliseconds { get; set; } = 3_000;

    /// <summary>Requests a minute with one token.</summary>
    [Range(1, 100_000_000)]
    public int RequestsPerMinute { get; set; } = 600_000;

    /// <summary>Requests a minute without a token (sign-in) from one source address; an IPv6 address counts as its /64 network.</summary>
    [Range(1, 100_000_000)]
    public int AnonymousRequestsPerMinute { get; set; } = 6_000;

    /// <summary>
    /// Requests a minute with a bad token from one source address that are answered 401; more are answered 429. Good tokens are let in.
    /// </summary>
    [Range(1, 100_000_000)]
    public int FailedAuthenticationsPerMinute { get; set; } = 600;

    /// <summary>Milliseconds between two exchanges of request counts with the other gateways, by Redis.</summary>
    [Range(10, 10_000)]
    public int RateSyncMilliseconds { get; set; } = 100;

    /// <summary>Seconds between two fetches of the services' OpenAPI documents.</summary>
    [Range(1, 3_600)]
    public int OpenApiRefreshSeconds { get; set; } = 60;

    /// <summary>
    /// Addresses of proxies in front of the gateway whose X-Forwarded-For is trusted. None: the connection's address is the caller's.
    /// </summary>
    public IReadOnlyList<string> TrustedProxies { get; set; } = [];
}
