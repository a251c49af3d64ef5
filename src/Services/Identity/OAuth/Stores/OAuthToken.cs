namespace EnvPlatform.Identity.OAuth.Stores;

/// <summary>A code or a refresh token, as the protocol engine knows it.</summary>
internal sealed class OAuthToken
{
    public Guid Id { get; set; }

    public Guid GrantId { get; set; }

    public string ClientId { get; set; } = "";

    public Guid? SubjectId { get; set; }

    public string Type { get; set; } = "";

    public string Status { get; set; } = "";

    /// <summary>The SHA-256 of what the client holds, in base 64.</summary>
    public string? ReferenceSha256 { get; set; }

    /// <summary>What it stands for, encrypted.</summary>
    public string? Payload { get; set; }

    public DateTimeOffset CreatedAt { get; set; }

    public DateTimeOffset? ExpiresAt { get; set; }

    public DateTimeOffset? RedeemedAt { get; set; }

    public long Version { get; set; } = 1;
}
