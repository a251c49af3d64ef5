namespace EnvPlatform.Agent.SignIn;

/// <summary>What the platform says of its sign-in (RFC 8414).</summary>
/// <param name="AuthorizationResponseIssParameterSupported">Whether the answer in the browser names the issuer (RFC 9207).</param>
internal sealed record ServerMetadata(
    string? Issuer = null, string? AuthorizationEndpoint = null, string? TokenEndpoint = null, string? DeviceAuthorizationEndpoint = null,
    string? RevocationEndpoint = null, string[]? ScopesSupported = null, bool AuthorizationResponseIssParameterSupported = false);

/// <summary>The token endpoint's answer (RFC 6749 section 5.1).</summary>
/// <param name="ExpiresIn">Seconds until the access token expires.</param>
internal sealed record TokenAnswer(
    string? AccessToken = null, string? TokenType = null, long? ExpiresIn = null, string? RefreshToken = null);

/// <summary>The device authorization endpoint's answer (RFC 8628 section 3.2).</summary>
/// <param name="ExpiresIn">Seconds until both codes expire.</param>
/// <param name="Interval">The least number of seconds between two questions; 5 where it is not said.</param>
internal sealed record DeviceAnswer(
    string? DeviceCode = null, string? UserCode = null, string? VerificationUri = null, string? VerificationUriComplete = null,
    long ExpiresIn = 0, int? Interval = null);

/// <summary>An error answer (RFC 6749 section 5.2).</summary>
internal sealed record OAuthRefusal(string? Error = null, string? ErrorDescription = null);
