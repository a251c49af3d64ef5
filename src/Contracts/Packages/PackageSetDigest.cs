using System.Buffers;
using System.Security.Cryptography;
using System.Text;

namespace EnvPlatform.Contracts.Packages;

/// <summary>
/// The content address of a package set: `sha256:` and the lower-case hexadecimal SHA-256 (FIPS 180-4) of the packages' lines
/// `manager|channel|subdir|name|version|build`, without repeats, in ordinal (UTF-16 code unit) order, each ended by a line feed, in UTF-8.
/// </summary>
public static class PackageSetDigest
{
    public const string Prefix = "sha256:";
    private static readonly SearchValues<char> LowerHex = SearchValues.Create("0123456789abcdef");

    /// <summary>The length of a digest in characters: the prefix and 64 hexadecimal digits.</summary>
    public const int Length = 71;

    public static string Compute(IEnumerable<PackageKey> packages)
    {
        ArgumentNullException.ThrowIfNull(packages);
        var lines = packages.Select(package => package.ToString()).ToArray();
        Array.Sort(lines, StringComparer.Ordinal);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[512];
        string? previous = null;
        foreach (var line in lines)
        {
            if (string.Equals(line, previous, StringComparison.Ordinal))
            {
                continue;
            }

            previous = line;
            var needed = Encoding.UTF8.GetMaxByteCount(line.Length) + 1;
            if (buffer.Length < needed)
            {
                buffer = new byte[needed * 2];
            }

            var written = Encoding.UTF8.GetBytes(line, buffer);
            buffer[written++] = (byte)'\n';
            hash.AppendData(buffer.AsSpan(0, written));
        }

        return Prefix + Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Whether the text has the form of a digest (upper-case digits are not accepted).</summary>
    public static bool IsWellFormed(string? text) =>
        text is { Length: Length } && text.StartsWith(Prefix, StringComparison.Ordinal)
        && text.AsSpan(Prefix.Length).IndexOfAnyExcept(LowerHex) < 0;
}
