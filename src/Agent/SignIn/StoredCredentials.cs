namespace EnvPlatform.Agent.SignIn;

/// <summary>The secrets of one sign-in: all that must not be read by others.</summary>
/// <param name="Url">The address of the platform that they are for; they are sent nowhere else.</param>
/// <param name="Token">The bearer token: an access token, or one that was handed over.</param>
/// <param name="ExpiresAt">When the access token expires by this machine's clock; null where that is not known.</param>
/// <param name="RefreshToken">Good for the next access token, once; null where there is none.</param>
/// <param name="TokenEndpoint">Where it is exchanged.</param>
/// <param name="RevocationEndpoint">Where both are revoked; null where the platform has none.</param>
internal sealed record StoredCredentials(
    string Url, string Token, DateTimeOffset? ExpiresAt = null, string? RefreshToken = null, string? TokenEndpoint = null,
    string? RevocationEndpoint = null)
{
    private static readonly TimeSpan Margin = TimeSpan.FromSeconds(30);

    /// <summary>False where the access token has expired, or will before a request arrives.</summary>
    public bool IsFresh(DateTimeOffset now) => ExpiresAt is not { } end || now < end - Margin;
}

/// <summary>A token that a sign-out could not revoke, because the platform did not answer.</summary>
/// <param name="Endpoint">The revocation endpoint (RFC 7009).</param>
/// <param name="Hint"><c>refresh_token</c> or <c>access_token</c>.</param>
internal sealed record PendingRevocation(string Endpoint, string Token, string Hint);
