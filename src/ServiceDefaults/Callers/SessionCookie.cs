using System.Buffers.Text;
using System.Security.Cryptography;

namespace EnvPlatform.ServiceDefaults.Callers;

/// <summary>
/// The cookie by which a browser is signed in: <c>envc_</c> and 256 random bits in base64url. It is no bearer token, and a bearer token is
/// no cookie. Like tokens it is stored as its SHA-256. The prefix <c>__Host-</c> keeps it to this host, the path / and secure connections
/// (RFC 6265bis section 4.1.3.2).
/// </summary>
public static class SessionCookie
{
    public const string Name = "__Host-envplatform-session";
    public const int Length = 48;
    private const string Prefix = "envc_";
    private const int RandomBytes = 32;

    public static string New()
    {
        Span<byte> random = stackalloc byte[RandomBytes];
        RandomNumberGenerator.Fill(random);
        return Prefix + Base64Url.EncodeToString(random);
    }

    /// <summary>Whether the text could be a session's, not whether it is.</summary>
    public static bool IsWellFormed(ReadOnlySpan<char> text) =>
        text.Length == Length && text.StartsWith(Prefix, StringComparison.Ordinal) && Base64Url.IsValid(text[Prefix.Length..]);
}
