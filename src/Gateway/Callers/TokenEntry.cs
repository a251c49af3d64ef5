namespace EnvPlatform.Gateway.Callers;

/// <summary>
/// A token that requests about an organization, or about none, came with: what is known of it, and the question to Identity that is under
/// way.
/// </summary>
internal sealed class TokenEntry(TokenKey key)
{
    private volatile TokenAnswer? _known;

    public TokenKey Key { get; } = key;

    public TokenAnswer? Known { get => _known; set => _known = value; }

    /// <summary>Read and set under a lock of the entry.</summary>
    public Task<TokenAnswer>? Pending { get; set; }

    /// <summary>The number of revocations when the call was made.</summary>
    public long PendingSince { get; set; }
}
