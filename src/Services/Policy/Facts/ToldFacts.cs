using EnvPlatform.Contracts.Ids;
using EnvPlatform.Contracts.Scanner;

namespace EnvPlatform.Policy.Facts;

/// <summary>A set whose facts are to be fetched for an organization.</summary>
/// <param name="Request">The number of the request, by which one that came meanwhile is told apart.</param>
/// <param name="IsNew">Nothing is known of it yet.</param>
internal sealed record WaitingSet(OrganizationId OrgId, long PackageSetId, long Request, bool IsNew);

/// <summary>What Scanner told of sets, as of one moment.</summary>
internal sealed record ToldFacts(
    DateTimeOffset AsOf, List<SetPackages> Sets, List<PackageFact> Packages, List<FindingFact> Findings,
    List<VulnerabilityFact> Vulnerabilities, List<ToldStatus> Statuses);

/// <summary>What an organization holds of a finding.</summary>
internal sealed record ToldStatus(
    OrganizationId Organization, long PackageSetId, int PackageId, string VulnerabilityId, string Status);

/// <summary>What an organization's logs say of a package's licence.</summary>
/// <param name="Expression">Of SPDX; null where what is declared is none that is known.</param>
internal sealed record ToldLicense(OrganizationId Organization, int PackageId, string Declared, string? Expression);
