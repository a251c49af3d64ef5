namespace EnvPlatform.Audit.Proofs;

/// <summary>A key that signs checkpoints, and its time.</summary>
/// <param name="SealedKey">The private key, encrypted.</param>
internal sealed record SigningKey(byte[] PublicKey, byte[] SealedKey, DateTimeOffset ValidFrom, DateTimeOffset ValidUntil);
