using System.Text.RegularExpressions;

using EnvPlatform.Scanner.Mapping;
using EnvPlatform.Scanner.Matching.Versions;

namespace EnvPlatform.Scanner.Advisories.Nvd;

/// <summary>Converts versions as NVD writes them to versions in the project's scheme.</summary>
internal static partial class NvdVersions
{
    private const string Zeroes = ".0.0";

    /// <summary>A bound of a range, or a version without its update.</summary>
    public static string Bound(string version, VersionScheme scheme, CpeVersionStyle style)
    {
        if (version.Length > 1 && version[0] == 'v' && char.IsAsciiDigit(version[1]))
        {
            version = version[1..];
        }

        if (style == CpeVersionStyle.Kerberos && version.StartsWith("5-", StringComparison.Ordinal))
        {
            version = version[2..];
        }

        if (style == CpeVersionStyle.Java && OldJava().Match(version) is { Success: true } java)
        {
            version = $"{java.Groups["major"].Value}.0.{(java.Groups["update"] is { Success: true, Value: var update } ? update : "0")}";
        }
        // OpenSSL's versions have three numbers; bounds may omit the last ones.
        if (scheme == VersionScheme.OpenSsl && version.Length > 0 && version.All(c => char.IsAsciiDigit(c) || c == '.'))
        {
            version += Zeroes[..(2 * Math.Max(0, 2 - version.Count(c => c == '.')))];
        }

        return version;
    }

    /// <summary>Every way in which a version and its update may be written; the one that equals the package's counts.</summary>
    public static IEnumerable<string> Exact(string version, string update, VersionScheme scheme, CpeVersionStyle style)
    {
        var release = Bound(version, scheme, style);
        if (update is CpeName.Any or CpeName.NotApplicable)
        {
            return [release];
        }

        if (scheme == VersionScheme.OpenSsl)
        {
            return [update.Length <= 2 && update.All(char.IsAsciiLetterLower) ? release + update : $"{release}-{update}"];
        }

        if (style == CpeVersionStyle.Java && JavaUpdate().Match(update) is { Success: true } java)
        {
            return [$"{release.Split('.')[0]}.0.{java.Groups["update"].Value}"];
        }

        if (char.IsAsciiDigit(update[0]))
        {
            return [$"{release}-{update}"];
        }

        return Stage().Match(update) is { Success: true } stage
            ? [release + update, release + stage.Groups["word"].Value[0] + stage.Groups["number"].Value]
            : [release + update];
    }

    [GeneratedRegex(
        "^1\\.(?<major>[5-8])\\.0(_(?<update>[0-9]{1,4}))?$", RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant, 1000)]
    private static partial Regex OldJava();

    [GeneratedRegex("^(update_?|u)(?<update>[0-9]{1,4})$", RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant, 1000)]
    private static partial Regex JavaUpdate();

    [GeneratedRegex(
        "^(?<word>alpha|beta|patch)_?(?<number>[0-9]{1,4})$", RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant, 1000)]
    private static partial Regex Stage();
}
