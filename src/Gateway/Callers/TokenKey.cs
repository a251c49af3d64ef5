using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

using EnvPlatform.ServiceDefaults.Callers;

namespace EnvPlatform.Gateway.Callers;

/// <summary>The SHA-256 of a token and of the organization that a request with it is about.</summary>
internal readonly record struct TokenKey(ulong A, ulong B, ulong C, ulong D)
{
    /// <param name="token">Bearer tokens are of one length, and so are the cookies of sessions; they begin differently.</param>
    /// <param name="organization">Null for none.</param>
    public static TokenKey Of(string token, string? organization)
    {
        Span<byte> text = stackalloc byte[Math.Max(SecretFormat.Length, SessionCookie.Length) + RequestedOrganization.MaxLength];
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        var length = Encoding.ASCII.GetBytes(token, text);
        length += Encoding.ASCII.GetBytes(organization, text[length..]);
        SHA256.HashData(text[..length], hash);
        return MemoryMarshal.Read<TokenKey>(hash);
    }

    // The hash is already evenly distributed.
    public override int GetHashCode() => (int)A;
}
