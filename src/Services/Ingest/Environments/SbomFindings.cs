using EnvPlatform.Contracts.Ids;
using EnvPlatform.Contracts.Sboms;

using Microsoft.Extensions.Options;

using Wire = EnvPlatform.Contracts.Scanner;

namespace EnvPlatform.Ingest.Environments;

/// <summary>Asks Scanner which vulnerabilities the packages of a set have, for a document that must not leave any out.</summary>
internal sealed class SbomFindings(Wire.Findings.FindingsClient scanner, IOptions<IngestOptions> options, TimeProvider clock)
{
    /// <summary>How a package was checked.</summary>
    public sealed record CheckedAs(string Coverage, string? Reason);

    /// <param name="Coverage">By package id.</param>
    public sealed record Found(IReadOnlyDictionary<int, CheckedAs> Coverage, IReadOnlyList<Wire.FoundVulnerability> All)
    {
        /// <param name="packages">The packages of the set by their ids.</param>
        public IReadOnlyList<SbomVulnerability> Vulnerabilities(Dictionary<int, SbomPackage> packages) =>
        [
            .. All.Select(one => new SbomVulnerability(
                one.Id, [.. one.Aliases], one.Severity, one.HasCvss ? one.Cvss : null, one.CvssVector is "" ? null : one.CvssVector,
                one.HasKev ? one.Kev : null, one.PublishedAt?.ToDateTimeOffset(), one.ModifiedAt?.ToDateTimeOffset(),
                one.Summary is "" ? null : one.Summary,
                [
                    .. one.Packages.Where(package => packages.ContainsKey(package.PackageId)).Select(package => new SbomFinding(
                        packages[package.PackageId], package.Status, package.CuratedAt?.ToDateTimeOffset(),
                        package.Reason is "" ? null : package.Reason, [.. package.FixedIn])),
                ])),
        ];
    }

    /// <exception cref="Grpc.Core.RpcException">The set has not been scanned yet (NOT_FOUND), or Scanner does not answer.</exception>
    public async Task<Found> GetAsync(OrganizationId org, long packageSetId, CancellationToken ct)
    {
        var deadline = clock.GetUtcNow().UtcDateTime.AddMilliseconds(options.Value.SbomTimeoutMs);
        var coverage = new Dictionary<int, CheckedAs>();
        using var packages = scanner.GetPackageFindings(
            new() { OrganizationId = org.ToString(), PackageSetId = packageSetId }, deadline: deadline, cancellationToken: ct);
        while (await packages.ResponseStream.MoveNext(ct))
        {
            foreach (var package in packages.ResponseStream.Current.Packages)
            {
                coverage[package.PackageId] = new(package.Coverage, package.Reason is "" ? null : package.Reason);
            }
        }

        var found = new List<Wire.FoundVulnerability>();
        using var vulnerabilities = scanner.GetFoundVulnerabilities(
            new() { OrganizationId = org.ToString(), PackageSetId = packageSetId }, deadline: deadline, cancellationToken: ct);
        while (await vulnerabilities.ResponseStream.MoveNext(ct))
        {
            found.Add(vulnerabilities.ResponseStream.Current);
        }

        return new(coverage, found);
    }
}
