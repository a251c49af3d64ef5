using System.Security.Cryptography;
using System.Text;

namespace EnvPlatform.ServiceDefaults.Prefixes;

/// <summary>
/// Which prefixes are one folder, so that an environment is one environment however its path is written. The rules are those of the file
/// systems:
/// <list type="bullet">
/// <item>Everywhere, repeated and trailing separators and the segments <c>.</c> and <c>..</c> say nothing of their own.</item>
/// <item>Windows (Win32 path names, NTFS): <c>/</c> and <c>\</c> are one separator, upper and lower case are one, so are
/// <c>\\?\C:\x</c> and <c>C:\x</c>, and dots and spaces at the end of a segment do not count.</item>
/// <item>macOS (APFS and HFS+ as they are set up by default): upper and lower case are one, and so are all Unicode forms of a text.</item>
/// <item>Linux: every byte counts.</item>
/// </list>
/// Symbolic links are resolved by the agent; nobody else can.
/// </summary>
/// <remarks>
/// A case-sensitive volume of macOS, or folder of Windows, with two environments whose names differ only by case is the price: they are one
/// environment here.
/// </remarks>
public static class PrefixIdentity
{
    /// <summary>
    /// What two prefixes of one machine have in common exactly when they are one folder.
    /// </summary>
    /// <param name="prefix">An absolute path, as it was typed.</param>
    /// <param name="platform">
    /// The environment's platform as conda names it: <c>osx-arm64</c>. What is neither Windows nor macOS is Linux.
    /// </param>
    public static Guid Of(string prefix, string platform) =>
        Folds(prefix, platform) ? Digest("folded:" + Folded(prefix)) : Digest("exact:" + Exact(prefix));

    /// <summary>The digest of <see cref="Folded"/>.</summary>
    public static Guid FoldedDigest(string prefix) => Digest(Folded(prefix));

    /// <summary>Whether the platform's file systems fold case at this path.</summary>
    public static bool Folds(string prefix, string? platform)
    {
        ArgumentNullException.ThrowIfNull(prefix);
        return IsWindows(prefix) || platform?.StartsWith("osx-", StringComparison.Ordinal) == true
            || platform?.StartsWith("win-", StringComparison.Ordinal) == true;
    }

    /// <summary>
    /// The form that all spellings of a folder share on every platform. On Linux it is also shared by folders that differ by case or
    /// Unicode form: what it finds is then compared by <see cref="Exact"/>.
    /// </summary>
    public static string Folded(string prefix)
    {
        ArgumentNullException.ThrowIfNull(prefix);
        return IsWindows(prefix) ? WindowsForm(prefix) : FoldedName(Exact(prefix));
    }

    /// <summary>The form that all spellings of a folder share where every byte counts; at a Windows path, <see cref="Folded"/>.</summary>
    public static string Exact(string prefix)
    {
        ArgumentNullException.ThrowIfNull(prefix);
        return IsWindows(prefix) ? WindowsForm(prefix)
            : IsTidy(prefix) ? prefix
            : (prefix.StartsWith('/') ? "/" : "") + string.Join('/', Segments(prefix, '/', root: 0));
    }

    /// <summary>A name of one segment as macOS compares it: all Unicode forms and cases of a text are one.</summary>
    public static string FoldedName(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return Ascii.IsValid(name) ? name.ToUpperInvariant() : UnicodeForm.Nfc(UnicodeForm.Nfd(name).ToUpperInvariant());
    }

    private static bool IsWindows(string prefix) =>
        prefix is [var drive, ':', '\\' or '/', ..] && char.IsAsciiLetter(drive) || prefix is [var only, ':'] && char.IsAsciiLetter(only)
        || prefix.StartsWith(@"\\", StringComparison.Ordinal) || prefix is ['/', '/', '?', '/', _, ':', ..];

    private static string WindowsForm(string prefix)
    {
        var path = prefix.Replace('/', '\\');
        foreach (var (start, instead) in DevicePrefixes)
        {
            if (path.StartsWith(start, StringComparison.OrdinalIgnoreCase))
            {
                path = instead + path[start.Length..];
                break;
            }
        }

        var network = path.StartsWith(@"\\", StringComparison.Ordinal);
        var segments = Segments(path, '\\', root: network ? 2 : 1)
            .Select(segment => segment.TrimEnd('.', ' ') is { Length: > 0 } told ? told : segment);
        return ((network ? @"\\" : "") + string.Join('\\', segments)).ToUpperInvariant();
    }

    // The Win32 API takes these for the same folder without them.
    private static readonly (string Start, string Instead)[] DevicePrefixes =
        [(@"\\?\UNC\", @"\\"), (@"\\.\UNC\", @"\\"), (@"\\?\", ""), (@"\\.\", ""), (@"\??\", "")];

    /// <summary>The usual path: nothing to leave out.</summary>
    private static bool IsTidy(string path) =>
        path is ['/', not '/', ..] && path[^1] != '/' && !path.Contains("//", StringComparison.Ordinal)
        && !path.Contains("/.", StringComparison.Ordinal);

    /// <param name="root">Segments at the start that no <c>..</c> leaves: the drive, or server and share.</param>
    private static List<string> Segments(string path, char separator, int root)
    {
        var segments = new List<string>();
        foreach (var segment in path.Split(separator, StringSplitOptions.RemoveEmptyEntries))
        {
            if (segment == "..")
            {
                if (segments.Count > root)
                {
                    segments.RemoveAt(segments.Count - 1);
                }
            }
            else if (segment != ".")
            {
                segments.Add(segment);
            }
        }

        return segments;
    }

    /// <summary>The first half of a SHA-256: as long as an index of UUIDs takes, whatever the path's length.</summary>
    private static Guid Digest(string text) => new(SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, 16), bigEndian: true);
}
