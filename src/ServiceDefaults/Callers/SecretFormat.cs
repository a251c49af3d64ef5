using System.Buffers;
using System.Security.Cryptography;
using System.Text;

namespace EnvPlatform.ServiceDefaults.Callers;

/// <summary>
/// The form of the secrets that the platform issues: a prefix that names the kind, 30 random characters of base 62 (178 bits), and the
/// CRC-32 (ISO 3309) of those 30 in 6 more, so that secret scanners recognise one and a mistyped one is refused without looking it up.
/// The same form as GitHub's tokens. Only the SHA-256 of a secret is stored: 178 random bits need no slow hash.
/// </summary>
public static class SecretFormat
{
    /// <summary>A bearer token.</summary>
    public const string TokenPrefix = "envp_";

    /// <summary>The client secret of a service account.</summary>
    public const string ClientSecretPrefix = "envs_";

    /// <summary>The key by which unattended machines register.</summary>
    public const string EnrolmentKeyPrefix = "enve_";

    /// <summary>The token of an invitation, which opens nothing by itself that anybody has already.</summary>
    public const string InvitationPrefix = "envi_";

    public const int Length = 5 + RandomLength + ChecksumLength;
    private const int RandomLength = 30;
    private const int ChecksumLength = 6;
    private const string Alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    private static readonly SearchValues<char> Allowed = SearchValues.Create(Alphabet);

    public static string New(string prefix)
    {
        var random = RandomNumberGenerator.GetString(Alphabet, RandomLength);
        Span<char> checksum = stackalloc char[ChecksumLength];
        WriteChecksum(random, checksum);
        return string.Concat(prefix, random, checksum);
    }

    /// <summary>Whether the text could be a secret of this kind, not whether it is valid.</summary>
    public static bool IsWellFormed(ReadOnlySpan<char> text, string prefix)
    {
        if (text.Length != Length || !text.StartsWith(prefix, StringComparison.Ordinal) || text[prefix.Length..].ContainsAnyExcept(Allowed))
        {
            return false;
        }

        Span<char> expected = stackalloc char[ChecksumLength];
        WriteChecksum(text.Slice(prefix.Length, RandomLength), expected);
        return text[^ChecksumLength..].SequenceEqual(expected);
    }

    /// <summary>The hash by which a secret is stored and found.</summary>
    public static byte[] Sha256(string secret) => SHA256.HashData(Encoding.UTF8.GetBytes(secret));

    private static void WriteChecksum(ReadOnlySpan<char> random, Span<char> checksum)
    {
        var crc = Crc32(random);
        for (var i = ChecksumLength - 1; i >= 0; i--)
        {
            checksum[i] = Alphabet[(int)(crc % 62)];
            crc /= 62;
        }
    }

    private static uint Crc32(ReadOnlySpan<char> ascii)
    {
        const uint Polynomial = 0xEDB88320;
        var crc = 0xFFFFFFFFu;
        foreach (var character in ascii)
        {
            crc ^= character;
            for (var bit = 0; bit < 8; bit++)
            {
                crc = (crc & 1) != 0 ? (crc >> 1) ^ Polynomial : crc >> 1;
            }
        }

        return ~crc;
    }
}
