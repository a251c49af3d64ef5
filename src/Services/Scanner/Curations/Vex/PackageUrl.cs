using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Prefixes;

namespace EnvPlatform.Scanner.Curations.Vex;

/// <summary>
/// Package URLs (https://github.com/package-url/purl-spec) of the types conda and pypi, as far as they name what can be curated: name,
/// version, and for conda the qualifier <c>build</c>.
/// </summary>
internal static class PackageUrl
{
    private const string Conda = "pkg:conda/";
    private const string PyPi = "pkg:pypi/";
    private const string Unreadable = "The package URL cannot be read.";

    /// <summary>The URLs of a scope: a package by name may be the conda package or the PyPI project; a build is conda's.</summary>
    /// <param name="isConda">It is the conda package only.</param>
    public static IEnumerable<string> Write(CurationScope scope, bool isConda = false)
    {
        var version = scope.Version is { } some ? "@" + Uri.EscapeDataString(some) : "";
        yield return Conda + Uri.EscapeDataString(scope.Package!) + version
            + (scope.Build is { } build ? "?build=" + Uri.EscapeDataString(build) : "");
        if (scope.Build is null && !isConda)
        {
            yield return PyPi + Uri.EscapeDataString(scope.Project!) + version;
        }
    }

    public static VexProduct Read(string url)
    {
        var isConda = url.StartsWith(Conda, StringComparison.OrdinalIgnoreCase);
        if (!isConda && !url.StartsWith(PyPi, StringComparison.OrdinalIgnoreCase))
        {
            return new(null, "It is about no conda package or PyPI project, nor about the organization as a whole.");
        }

        if (!UnicodeForm.IsWellFormed(url))
        {
            return new(null, Unreadable);
        }

        var rest = url[(isConda ? Conda : PyPi).Length..].Split('#')[0];
        var parts = rest.Split('?', 2);
        var named = parts[0].TrimEnd('/').Split('@', 2);
        var qualifiers = (parts.Length > 1 ? parts[1] : "").Split('&', StringSplitOptions.RemoveEmptyEntries)
            .Select(pair => pair.Split('=', 2))
            .Where(pair => pair.Length == 2 && pair[1].Length > 0)
            .ToLookup(pair => pair[0].ToLowerInvariant(), pair => Decode(pair[1]), StringComparer.Ordinal);
        var build = isConda ? qualifiers["build"].FirstOrDefault() : null;
        var scope = CurationScope.Of(Decode(named[0]), named.Length > 1 && named[1].Length > 0 ? Decode(named[1]) : null, build);
        if (string.IsNullOrWhiteSpace(scope.Package) || new[] { scope.Package, scope.Version, scope.Build }.Any(
            text => text?.Length > CurateVulnerability.MaxText || PlainText.HoldsControl(text)))
        {
            return new(null, Unreadable);
        }

        // Without a build, ignoring these would extend the verdict to packages that the document is not about.
        return isConda && build is null && (qualifiers.Contains("channel") || qualifiers.Contains("subdir"))
            ? new(null, "It is about one channel or platform; say which build.")
            : new(scope, null);
    }

    // Text that does not unescape to valid UTF-8 stays as it is.
    private static string Decode(string text) => UnicodeForm.Nfc(Uri.UnescapeDataString(text));
}
