using System.Security.Cryptography;

using EnvPlatform.ServiceDefaults.Callers;

namespace EnvPlatform.Audit;

/// <summary>
/// What is stored encrypted (AES-256-GCM) under a key derived from the service's secret: a nonce of 12 bytes, a tag of 16, then the
/// encrypted bytes.
/// </summary>
internal static class SealedSecret
{
    private const int NonceLength = 12;
    private const int TagLength = 16;
    private const int Overhead = NonceLength + TagLength;

    /// <param name="purpose">Another one is another key.</param>
    public static byte[] Seal(ServiceSecret secret, string purpose, ReadOnlySpan<byte> plain)
    {
        using var aes = new AesGcm(secret.Derive(purpose), TagLength);
        var bytes = new byte[Overhead + plain.Length];
        RandomNumberGenerator.Fill(bytes.AsSpan(0, NonceLength));
        aes.Encrypt(bytes.AsSpan(0, NonceLength), plain, bytes.AsSpan(Overhead), bytes.AsSpan(NonceLength, TagLength));
        return bytes;
    }

    /// <summary>Null where the service's secret is another one than when it was sealed.</summary>
    public static byte[]? Open(ServiceSecret secret, string purpose, ReadOnlySpan<byte> bytes)
    {
        using var aes = new AesGcm(secret.Derive(purpose), TagLength);
        var plain = new byte[bytes.Length - Overhead];
        try
        {
            aes.Decrypt(bytes[..NonceLength], bytes[Overhead..], bytes.Slice(NonceLength, TagLength), plain);
        }
        catch (AuthenticationTagMismatchException)
        {
            return null;
        }

        return plain;
    }
}
