using EnvPlatform.Scanner.Matching;

namespace EnvPlatform.Scanner.Advisories;

/// <summary>
/// A source record about a vulnerability in the terms of OSV (schema 1.7, https://ossf.github.io/osv-schema/); other sources are converted
/// to it.
/// </summary>
/// <param name="Aliases">
/// Other ids of the same vulnerability. <c>related</c> and <c>upstream</c> mean something else and join nothing.
/// </param>
/// <param name="Withdrawn">When the source withdrew the record; it then causes no finding.</param>
/// <param name="Severity">The scores as the source gives them, not parsed.</param>
/// <param name="DatabaseSeverity">The source's own rating (<c>database_specific.severity</c>), used where no score can be read.</param>
public sealed record Advisory(
    string Id,
    string[] Aliases,
    DateTimeOffset? Published,
    DateTimeOffset Modified,
    DateTimeOffset? Withdrawn,
    string? Summary,
    string? Details,
    SeverityVector[] Severity,
    string? DatabaseSeverity,
    AffectedPackage[] Affected)
{
    /// <summary>Vulnerabilities of software that the package is made of, by which this one is found.</summary>
    public string[] Upstream { get; init; } = [];

    /// <summary>Vulnerabilities that have something to do with this one, by which it is found.</summary>
    public string[] Related { get; init; } = [];
}

/// <summary>A score as a source gives it.</summary>
/// <param name="Type">OSV's name: <c>CVSS_V2</c>, <c>CVSS_V3</c>, <c>CVSS_V4</c>, or another database's own.</param>
/// <param name="Vector">The CVSS vector, or what the source has in its place.</param>
public readonly record struct SeverityVector(string Type, string Vector);

/// <summary>A package that an advisory is about, and its versions that are affected: those listed and those in a range.</summary>
/// <param name="Ecosystem">
/// With its release where the source names one: <c>PyPI</c>, <c>conda</c>, <c>Debian:12</c>; <c>conda</c> where it names the repository of
/// a native project.
/// </param>
public sealed record AffectedPackage(
    string Ecosystem,
    string Name,
    string? Purl,
    AffectedRange[] Ranges,
    string[] Versions,
    SeverityVector[] Severity)
{
    /// <summary>What the record says of versions in a form that stands for versions which are not known; none usually.</summary>
    public string[] Unread { get; init; } = [];

    /// <summary>The project as the index knows it; null when nothing in conda comes from the ecosystem.</summary>
    public PackageIdentity? Identity => Ecosystems.Known(Ecosystem) is { } known ? PackageIdentity.Of(known, Name) : null;
}

/// <summary>Version events, in the order of the record.</summary>
public sealed record AffectedRange(RangeType Type, RangeEvent[] Events);

/// <summary>How a range orders its versions; ranges over commits are not kept.</summary>
public enum RangeType
{
    Ecosystem,
    SemVer,
}

public readonly record struct RangeEvent(RangeEventKind Kind, string Version);

public enum RangeEventKind
{
    /// <summary>Affected from this version on; <c>0</c> is before every version.</summary>
    Introduced,

    /// <summary>Affected after this version, which itself is not; OSV has no such event, NVD does.</summary>
    IntroducedAfter,

    /// <summary>No longer affected from this version on.</summary>
    Fixed,

    /// <summary>The last version that is affected.</summary>
    LastAffected,

    /// <summary>The range does not extend to this version or any later one; <c>*</c> is after every version.</summary>
    Limit,
}
