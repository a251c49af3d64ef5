using EnvPlatform.Contracts.Ids;

namespace EnvPlatform.Contracts.Events;

/// <summary>
/// A package set was matched for an organization, and the environments named here (at most 500 an event) hold it. Published by Scanner when
/// an environment comes to a set and when a count or maximum of the set changes, for all organizations or by a curation for one; consumed by
/// Ingest (the list). Ignore it for an environment that has moved on to another set. It names no environment where none holds the set any more.
/// </summary>
/// <param name="Vulnerabilities">Without those that the organization holds to be mitigated, cleared or disputed; so are the two members that follow.</param>
/// <param name="MaxCvss">The highest CVSS base score, 0 to 10; null when nothing has a score.</param>
/// <param name="KnownExploited">How many of the vulnerabilities are known to be exploited.</param>
/// <param name="NotChecked">How many packages could not be checked.</param>
public sealed record EnvironmentScanned(
    OrganizationId OrganizationId, long PackageSetId, IReadOnlyList<EnvironmentId> Environments, VulnerabilityCounts Vulnerabilities,
    decimal? MaxCvss, int KnownExploited, int NotChecked, DateTimeOffset ScannedAt);
