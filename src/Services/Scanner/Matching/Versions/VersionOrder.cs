using EnvPlatform.Conda;

namespace EnvPlatform.Scanner.Matching.Versions;

/// <summary>The entry point to the version schemes by name: whether a text is a version, and which of two comes first.</summary>
public static class VersionOrder
{
    /// <summary>
    /// The scheme's name in answers to clients and in the mapping table: <c>pep440</c>, <c>conda</c>, <c>openssl</c>, ...
    /// </summary>
    public static string NameOf(VersionScheme scheme) => scheme switch
    {
        VersionScheme.Pep440 => "pep440",
        VersionScheme.Conda => "conda",
        VersionScheme.OpenSsl => "openssl",
        VersionScheme.Cran => "cran",
        VersionScheme.SemVer => "semver",
        VersionScheme.Generic => "generic",
        _ => throw new ArgumentOutOfRangeException(nameof(scheme), scheme, null),
    };

    public static bool IsValid(VersionScheme scheme, string? text) => scheme switch
    {
        VersionScheme.Pep440 => Pep440Version.TryParse(text, out _),
        VersionScheme.Conda => CondaVersion.TryParse(text, out _),
        VersionScheme.OpenSsl => OpenSslVersion.TryParse(text, out _),
        VersionScheme.Cran => CranVersion.TryParse(text, out _),
        VersionScheme.SemVer => SemVersion.TryParse(text, out _),
        VersionScheme.Generic => GenericVersion.TryParse(text, out _),
        _ => throw new ArgumentOutOfRangeException(nameof(scheme), scheme, null),
    };

    /// <summary>
    /// Negative, zero or positive as <paramref name="a"/> is before, equal to or after <paramref name="b"/>;
    /// null when either is not a version of the scheme.
    /// </summary>
    public static int? Compare(VersionScheme scheme, string? a, string? b) => scheme switch
    {
        VersionScheme.Pep440 => Compare<Pep440Version>(a, b),
        VersionScheme.Conda => Compare<CondaVersion>(a, b),
        VersionScheme.OpenSsl => Compare<OpenSslVersion>(a, b),
        VersionScheme.Cran => Compare<CranVersion>(a, b),
        VersionScheme.SemVer => Compare<SemVersion>(a, b),
        VersionScheme.Generic => Compare<GenericVersion>(a, b),
        _ => throw new ArgumentOutOfRangeException(nameof(scheme), scheme, null),
    };

    private static int? Compare<T>(string? a, string? b)
        where T : struct, IVersion<T> =>
        T.TryParse(a, out var x) && T.TryParse(b, out var y) ? x.CompareTo(y) : null;
}
