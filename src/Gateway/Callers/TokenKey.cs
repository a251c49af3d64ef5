using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

using EnvPlatform.ServiceDefaults.Callers;

namespace EnvPlatform.Gateway.Callers;

/// <summary>The SHA-256 of a token.</summary>
internal readonly record struct TokenKey(ulong A, ulong B, ulong C, ulong D)
{
    public static TokenKey Of(string token)
    {
        Span<byte> text = stackalloc byte[SecretFormat.Length];
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        var length = Encoding.ASCII.GetBytes(token, text);
        SHA256.HashData(text[..length], hash);
        return MemoryMarshal.Read<TokenKey>(hash);
    }

    // The hash is spread evenly already.
    public override int GetHashCode() => (int)A;
}
