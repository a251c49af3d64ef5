using EnvPlatform.Contracts.Ids;

namespace EnvPlatform.Contracts;

/// <summary>What was found in a package set for the organization.</summary>
/// <param name="Environments">
/// Environments that hold it; further events may name others. Ignore the event for one that has moved on to another set. Empty where none
/// holds the set any more.
/// </param>
/// <param name="Vulnerabilities">
/// Without those that are mitigated, cleared, disputed or not_affected for the organization; so are the next two members.
/// </param>
/// <param name="MaxCvss">The highest CVSS base score, 0 to 10; null when nothing has a score.</param>
/// <param name="KnownExploited">How many of the vulnerabilities are known to be exploited; see <c>Exploited()</c>.</param>
/// <param name="NotChecked">How many packages could not be checked.</param>
/// <param name="ExploitedIsKnown">
/// Whether a catalogue of exploited vulnerabilities was imported; otherwise there may be more than <paramref name="KnownExploited"/>, and 0
/// says nothing. Null: the publisher does not say.
/// </param>
public sealed record ScannedSet(
    long PackageSetId, IReadOnlyList<EnvironmentId> Environments, VulnerabilityCounts Vulnerabilities, decimal? MaxCvss, int KnownExploited,
    int NotChecked, DateTimeOffset ScannedAt, bool? ExploitedIsKnown = null)
{
    /// <summary>How many of the vulnerabilities are known to be exploited; null where nobody knows whether any is.</summary>
    public int? Exploited() => ExploitedIsKnown == true || KnownExploited > 0 ? KnownExploited : null;
}
