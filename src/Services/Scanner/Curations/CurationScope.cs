using EnvPlatform.Scanner.Matching;

namespace EnvPlatform.Scanner.Curations;

/// <summary>
/// What a verdict covers: the whole vulnerability, or where it is found in a package, in one version of it, in one build. Build strings
/// repeat across versions (<c>py39_0</c>), so a build may be named with its version.
/// </summary>
/// <param name="Package">The package's name as findings show it, in lower case; null for the whole vulnerability.</param>
internal sealed record CurationScope(string? Package, string? Version, string? Build)
{
    public static CurationScope Of(string? package, string? version, string? build) => new(package?.ToLowerInvariant(), version, build);

    /// <summary>The name as PyPI compares names (PEP 503).</summary>
    public string? Project => Package is null ? null : PackageIdentity.Of("PyPI", Package).Name;

    /// <summary>For the end of a sentence; empty for the whole vulnerability.</summary>
    public override string ToString() => (Package, Version, Build) switch
    {
        (null, _, _) => "",
        (_, null, null) => $" in {Package}",
        (_, _, null) => $" in {Package} {Version}",
        (_, null, _) => $" in the build {Build} of {Package}",
        _ => $" in the build {Build} of {Package} {Version}",
    };
}
