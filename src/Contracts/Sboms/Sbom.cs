using System.Globalization;

namespace EnvPlatform.Contracts.Sboms;

/// <summary>A package as the software bill of materials of an environment lists it.</summary>
/// <param name="Manager"><c>conda</c> or <c>pypi</c>.</param>
/// <param name="Build">conda's build string; null where it is not known.</param>
/// <param name="Subdir">conda's platform folder; null where it is not known.</param>
/// <param name="Channel">The canonical name of the channel; null where it is not known.</param>
/// <param name="Sha256">Of the package's archive, in hexadecimal; null where it is not known.</param>
/// <param name="License">As the package declares it; null where it does not, or it is not known.</param>
/// <param name="Requested">True where the user requested the package by name.</param>
/// <param name="Coverage">Whether it was checked for vulnerabilities: <c>checked</c>, <c>not_checked</c> or <c>not_applicable</c>; null
/// where vulnerabilities are not part of the document.</param>
/// <param name="Reason">Why it was not checked.</param>
public sealed record SbomPackage(
    string Manager, string Name, string Version, string? Build = null, string? Subdir = null, string? Channel = null,
    string? Sha256 = null, string? License = null, bool Requested = false, string? Coverage = null, string? Reason = null)
{
    /// <summary>Its package URL (https://github.com/package-url/purl-spec), of the type conda or pypi.</summary>
    public string Url
    {
        get
        {
            var named = $"pkg:{Manager}/{Uri.EscapeDataString(Name)}@{Uri.EscapeDataString(Version)}";
            var qualifiers = string.Join('&', new[] { ("build", Build), ("channel", Channel), ("subdir", Subdir) }
                .Where(pair => Manager == "conda" && !string.IsNullOrEmpty(pair.Item2))
                .Select(pair => $"{pair.Item1}={Uri.EscapeDataString(pair.Item2!).Replace("%3A", ":", StringComparison.Ordinal)}"));
            return qualifiers.Length > 0 ? $"{named}?{qualifiers}" : named;
        }
    }
}

/// <summary>A vulnerability of packages of an environment, and what the organization holds of it.</summary>
/// <param name="Severity"><c>critical</c>, <c>high</c>, <c>medium</c>, <c>low</c>, <c>none</c> or <c>unknown</c>.</param>
/// <param name="Cvss">Base score, 0 to 10; null where none is published.</param>
/// <param name="Kev">Known to be exploited; null where no catalogue says so or not.</param>
/// <param name="Found">The packages that have it.</param>
public sealed record SbomVulnerability(
    string Id, IReadOnlyList<string> Aliases, string Severity, double? Cvss, string? CvssVector, bool? Kev, DateTimeOffset? PublishedAt,
    DateTimeOffset? ModifiedAt, string? Summary, IReadOnlyList<SbomFinding> Found);

/// <summary>A package that has a vulnerability.</summary>
/// <param name="Package">One of the document's.</param>
/// <param name="Status">The organization's: <c>reported</c> where nobody has judged it.</param>
/// <param name="Detail">Why it has this status; null where nothing is said.</param>
public sealed record SbomFinding(
    SbomPackage Package, string Status, DateTimeOffset? CuratedAt, string? Detail, IReadOnlyList<string> FixedIn);

/// <summary>Something of the environment that was not read in full.</summary>
public sealed record SbomIncomplete(string What, string Reason);

/// <summary>The software bill of materials of an environment, before it is written in a format.</summary>
/// <param name="Id">Of the document.</param>
/// <param name="Component">What identifies the environment in it: its id on the platform or the digest of its packages, as a URN.</param>
/// <param name="Author">The organization; null for a document that was not made by the platform.</param>
/// <param name="Tool">The version of what made the document.</param>
/// <param name="Platform">conda's name of the platform; null where it is not known.</param>
/// <param name="Incomplete">What was not read in full; empty where everything was, null where that is not known.</param>
/// <param name="Vulnerabilities">Null where they were not asked for.</param>
public sealed record Sbom(
    Guid Id, DateTimeOffset CreatedAt, string Component, string Name, string? Author, string Tool, string? Platform, string Digest,
    IReadOnlyList<SbomPackage> Packages, IReadOnlyList<SbomIncomplete>? Incomplete, IReadOnlyList<SbomVulnerability>? Vulnerabilities)
{
    public const string ToolName = "EnvPlatform";

    /// <summary>A time as both formats want it: UTC, whole seconds.</summary>
    internal static string Time(DateTimeOffset time) =>
        time.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
