using System.Security.Cryptography;
using System.Text;

using Microsoft.Extensions.Configuration;

namespace EnvPlatform.ServiceDefaults.Callers;

/// <summary>
/// The secret that the gateway and the services share: setting <c>ASSERTION_KEY</c>, at least 32 characters of randomness.
/// </summary>
public sealed class AssertionKey
{
    private const int MinLength = 32;
    private readonly byte[] _secret;
    private readonly byte[] _signing;

    public AssertionKey(string secret)
    {
        ArgumentNullException.ThrowIfNull(secret);
        if (secret.Length < MinLength)
        {
            throw new ArgumentException($"ASSERTION_KEY must have at least {MinLength} characters.", nameof(secret));
        }

        _secret = Encoding.UTF8.GetBytes(secret);
        _signing = Derive("assertion");
    }

    public static AssertionKey From(IConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        return new(configuration["ASSERTION_KEY"] ?? throw new InvalidOperationException("The setting ASSERTION_KEY is missing."));
    }

    /// <summary>A 32-byte key for another purpose (HKDF-SHA256, RFC 5869).</summary>
    public byte[] Derive(string purpose) => HKDF.DeriveKey(HashAlgorithmName.SHA256, _secret, 32, info: Encoding.UTF8.GetBytes(purpose));

    internal byte[] Mac(ReadOnlySpan<char> text)
    {
        Span<byte> bytes = text.Length <= 4_096 ? stackalloc byte[text.Length] : new byte[text.Length];
        return Encoding.ASCII.TryGetBytes(text, bytes, out var written) ? HMACSHA256.HashData(_signing, bytes[..written]) : [];
    }
}
