using EnvPlatform.Contracts;
using EnvPlatform.Contracts.Ids;

using Grpc.Core;

using Microsoft.Extensions.Options;

using Wire = EnvPlatform.Contracts.Scanner;

namespace EnvPlatform.Ingest.Environments;

/// <summary>What Scanner found in a package. <paramref name="Coverage"/> is checked, not_checked (with a reason) or not_applicable.</summary>
internal sealed record PackageFinding(string Coverage, string? Reason, VulnerabilityCounts Vulnerabilities);

/// <summary>Asks Scanner what it found in the packages of a set.</summary>
internal sealed partial class PackageFindings(
    Wire.Findings.FindingsClient scanner, IOptions<IngestOptions> options, TimeProvider clock, ILogger<PackageFindings> log)
{
    /// <summary>By package id; empty when the set was not scanned yet or Scanner does not answer in time, which is to be shown as pending.</summary>
    public async Task<IReadOnlyDictionary<int, PackageFinding>> GetAsync(OrganizationId org, long packageSetId, CancellationToken ct)
    {
        var findings = new Dictionary<int, PackageFinding>();
        try
        {
            using var call = scanner.GetPackageFindings(
                new() { OrganizationId = org.ToString(), PackageSetId = packageSetId },
                deadline: clock.GetUtcNow().UtcDateTime.AddMilliseconds(options.Value.ScannerTimeoutMs), cancellationToken: ct);
            while (await call.ResponseStream.MoveNext(ct))
            {
                foreach (var package in call.ResponseStream.Current.Packages)
                {
                    var total = package.Critical + package.High + package.Medium + package.Low + package.Unknown;
                    findings[package.PackageId] = new(
                        package.Coverage, package.Reason is "" ? null : package.Reason,
                        new(total, package.Critical, package.High, package.Medium, package.Low, package.Unknown));
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

            return new Dictionary<int, PackageFinding>();
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Scanner did not say what it found in package set {PackageSetId}: {Status}")]
    private partial void LogNoAnswer(long packageSetId, StatusCode status);
}
