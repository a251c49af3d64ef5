using System.Security.Cryptography;
using System.Text;

namespace EnvPlatform.ServiceDefaults.Callers;

/// <summary>
/// The key with which one service signs its calls to another, and which only these two hold: a call that is signed with it comes from
/// <see cref="Caller"/> and is meant for no other than <see cref="Callee"/>.
/// </summary>
public sealed class CallKey
{
    private const int MinLength = 32;
    private readonly byte[] _key;

    /// <param name="caller">The name of the service that signs: <c>gateway</c>, <c>ingest</c>...</param>
    /// <param name="callee">The name of the service that verifies.</param>
    /// <param name="secret">At least 32 characters of randomness. The names take part in the key (HKDF-SHA256, RFC 5869).</param>
    public CallKey(string caller, string callee, string secret)
    {
        ArgumentException.ThrowIfNullOrEmpty(caller);
        ArgumentException.ThrowIfNullOrEmpty(callee);
        (Caller, Callee) = (caller, callee);
        _key = ServiceSecret.Derive(ServiceSecret.Checked(secret, MinLength, $"The key for calls of {caller} to {callee}"),
            $"assertion {caller} {callee}");
    }

    public string Caller { get; }

    public string Callee { get; }

    /// <summary>HMAC-SHA256 (RFC 2104) of ASCII text; empty, which is no MAC, for other text.</summary>
    internal byte[] Mac(ReadOnlySpan<char> text)
    {
        Span<byte> bytes = text.Length <= 4_096 ? stackalloc byte[text.Length] : new byte[text.Length];
        return Encoding.ASCII.TryGetBytes(text, bytes, out var written) ? HMACSHA256.HashData(_key, bytes[..written]) : [];
    }
}
