using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace EnvPlatform.Agent.SignIn;

/// <summary>Proof that the program that exchanges a code is the one that asked for it (RFC 7636, S256), and other random values.</summary>
internal sealed record Pkce(string Verifier, string Challenge)
{
    public static Pkce Create()
    {
        var verifier = RandomText();
        return new Pkce(verifier, Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(verifier))));
    }

    /// <summary>256 random bits as text.</summary>
    public static string RandomText() => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));
}
