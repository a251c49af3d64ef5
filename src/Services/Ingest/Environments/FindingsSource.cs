using EnvPlatform.Contracts;
using EnvPlatform.Contracts.Ids;

using Grpc.Core;

using Microsoft.Extensions.Options;

using Wire = EnvPlatform.Contracts.Scanner;

namespace EnvPlatform.Ingest.Environments;

/// <summary>
/// What Scanner found in a package. <paramref name="Coverage"/> is checked, not_checked (with a reason) or not_applicable.
/// </summary>
/// <param name="Explanation">How it was checked, or why not, as text.</param>
/// <param name="NotEvaluable">The advisories that cannot be compared with its version, where that is the reason.</param>
internal sealed record PackageScan(
    string Coverage, string? Reason, string? Explanation, MappedProject? Mapping, VulnerabilityCounts Vulnerabilities,
    IReadOnlyList<string> NotEvaluable);

/// <summary>The project that a package was mapped to.</summary>
/// <param name="Basis">The code of the mapping rule.</param>
/// <param name="Why">The rule as a sentence.</param>
/// <param name="Order">In which its versions are compared: pep440, conda, openssl, cran, semver or generic.</param>
internal sealed record MappedProject(string Ecosystem, string Project, string Basis, string Why, string Order)
{
    public static MappedProject Of(Wire.PackageMappedTo mapped) =>
        new(mapped.Ecosystem, mapped.Project, mapped.Basis, mapped.Why, mapped.Order);
}

/// <summary>Asks Scanner what it found in the packages of a set.</summary>
internal sealed partial class FindingsSource(
    Wire.Findings.FindingsClient scanner, IOptions<IngestOptions> options, TimeProvider clock, ILogger<FindingsSource> log)
{
    /// <summary>
    /// By package id; empty when the set was not scanned yet or Scanner does not answer in time; both are shown as pending.
    /// </summary>
    public async Task<IReadOnlyDictionary<int, PackageScan>> GetAsync(OrganizationId org, long packageSetId, CancellationToken ct)
    {
        var findings = new Dictionary<int, PackageScan>();
        try
        {
            using var call = scanner.GetPackageFindings(
                new() { OrganizationId = org.ToString(), PackageSetId = packageSetId },
                deadline: clock.GetUtcNow().UtcDateTime.AddMilliseconds(options.Value.ScannerTimeoutMs), cancellationToken: ct);
            while (await call.ResponseStream.MoveNext(ct))
            {
                foreach (var package in call.ResponseStream.Current.Packages)
                {
                    // An older Scanner sends no total.
                    var total = Math.Max(package.Total, package.Critical + package.High + package.Medium + package.Low + package.Unknown);
                    findings[package.PackageId] = new(
                        package.Coverage, package.Reason is "" ? null : package.Reason,
                        package.Explanation is "" ? null : package.Explanation,
                        package.Mapping is null ? null : MappedProject.Of(package.Mapping),
                        new(total, package.Critical, package.High, package.Medium, package.Low, package.Unknown),
                        [.. package.NotEvaluable]);
                }
            }

            return findings;
        }
        catch (RpcException exception) when (!ct.IsCancellationRequested)
        {
            if (exception.StatusCode != StatusCode.NotFound)
            {
                LogNoAnswer(packageSetId, exception.StatusCode);
            }

            return new Dictionary<int, PackageScan>();
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Scanner did not say what it found in package set {PackageSetId}: {Status}")]
    private partial void LogNoAnswer(long packageSetId, StatusCode status);
}
