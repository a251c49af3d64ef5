using EnvPlatform.Scanner.Mapping;
using EnvPlatform.Scanner.Severities;

namespace EnvPlatform.Scanner.Matching;

/// <summary>How far a package could be checked; shown for every package, so that nothing is silently clean.</summary>
public enum Coverage
{
    Checked,
    NotChecked,
    NotApplicable,
}

/// <summary>Why a package was not checked; <see cref="NotCheckedReasons.CodeOf"/> gives the code that clients see.</summary>
public enum NotCheckedReason
{
    None,

    /// <summary>It is not known which project the conda package holds, or which of several.</summary>
    NotMapped,

    /// <summary>There is no version, or it is not valid in the scheme of its advisories.</summary>
    InvalidVersion,

    /// <summary>The project is known, but no imported source covers it.</summary>
    NoAdvisorySource,

    /// <summary>It holds no project of an ecosystem with advisories, and no imported source covers the conda package itself.</summary>
    NoSuchProject,

    /// <summary>Nothing was found under the name, and it is not known what the channel uses the name for.</summary>
    UnknownChannel,

    /// <summary>An advisory names the project and does not say which versions it is about, or not so that they can be compared.</summary>
    AdvisoryNotEvaluable,
}

public static class NotCheckedReasons
{
    /// <summary>The code of a reason in answers; null for none.</summary>
    public static string? CodeOf(NotCheckedReason reason) => reason switch
    {
        NotCheckedReason.None => null,
        NotCheckedReason.NotMapped => "not_mapped",
        NotCheckedReason.InvalidVersion => "invalid_version",
        NotCheckedReason.NoAdvisorySource => "no_advisory_source",
        NotCheckedReason.NoSuchProject => "no_such_project",
        NotCheckedReason.UnknownChannel => "unknown_channel",
        NotCheckedReason.AdvisoryNotEvaluable => "advisory_not_evaluable",
        _ => throw new ArgumentOutOfRangeException(nameof(reason), reason, null),
    };
}

/// <summary>An advisory in the index: the part that a hit needs. Its texts are in the database.</summary>
/// <param name="VulnerabilityId">The vulnerability of the advisory and its aliases.</param>
/// <param name="Severity">The vulnerability's, over all of its advisories.</param>
public sealed record IndexedAdvisory(string Id, string VulnerabilityId, Severity Severity, CvssScore? Cvss);

/// <summary>An advisory that affects a package, and why.</summary>
/// <param name="AffectedIndex">Which entry of the advisory's <c>affected</c> matched, counted from 0; the first where several did.</param>
/// <param name="Range">What the version was found in, such as <c>&gt;=3.0.0, &lt;3.0.7</c>, or <c>=5.6.1</c> for a listed version.</param>
/// <param name="FixedIn">Versions that end the ranges the package is in, lowest first; empty when none is known.</param>
/// <param name="IsListed">The version is listed explicitly and in none of the ranges.</param>
public sealed record Hit(IndexedAdvisory Advisory, int AffectedIndex, string Range, string[] FixedIn, bool IsListed)
{
    /// <summary>The range's bounds that are no versions, with the versions read out of them; none where all are versions.</summary>
    public BoundReading[] BoundsRead { get; init; } = [];
}

/// <summary>An advisory that names a project in a way that its versions cannot be compared with.</summary>
/// <param name="Why">As a sentence's end: what the entry says of versions.</param>
/// <param name="IsCovered">Another advisory of the same vulnerability names the project, and can be compared.</param>
public sealed record NotEvaluable(IndexedAdvisory Advisory, PackageIdentity Project, int AffectedIndex, string Why, bool IsCovered);

/// <summary>What the index says about a package.</summary>
/// <param name="Mapped">What the package was mapped to, and by which rule.</param>
/// <param name="Hits">By advisory id; none when nothing is known to affect the package.</param>
public readonly record struct PackageMatch(Coverage Coverage, NotCheckedReason Reason, MappedPackage Mapped, Hit[] Hits)
{
    private readonly string[]? _notEvaluable;
    private readonly string[]? _onlySome;

    /// <summary>Of several versions, the vulnerabilities that affect some and not all of them; none for one version.</summary>
    public string[] OnlySome
    {
        get => _onlySome ?? [];
        init => _onlySome = value;
    }

    /// <summary>The advisories that name the project and cannot be compared with the version; none for any other reason.</summary>
    public string[] NotEvaluable
    {
        get => _notEvaluable ?? [];
        init => _notEvaluable = value;
    }
}
