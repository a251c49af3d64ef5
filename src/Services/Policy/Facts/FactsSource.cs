using EnvPlatform.Contracts.Ids;
using EnvPlatform.Contracts.Ingest;
using EnvPlatform.Contracts.Sboms;
using EnvPlatform.Contracts.Scanner;

namespace EnvPlatform.Policy.Facts;

/// <summary>Asks Scanner and Ingest for the facts of sets.</summary>
internal sealed class FactsSource(Findings.FindingsClient scanner, PackageSets.PackageSetsClient ingest, TimeProvider clock)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    /// <param name="unknown">The sets of which it is not known yet which packages they hold.</param>
    /// <exception cref="Grpc.Core.RpcException">Scanner does not answer.</exception>
    public async Task<ToldFacts> AskScannerAsync(IReadOnlyCollection<WaitingSet> sets, IEnumerable<long> unknown, CancellationToken ct)
    {
        var organizations = sets.GroupBy(set => set.OrgId, set => set.PackageSetId).ToArray();
        var request = new GetFactsRequest
        {
            NewPackageSetIds = { unknown },
            Organizations =
            {
                organizations.Select(one => new OrganizationSets { OrganizationId = one.Key.ToString(), PackageSetIds = { one } }),
            },
        };
        var told = new ToldFacts(default, [], [], [], [], []);
        using var call = scanner.GetFacts(request, deadline: Deadline(), cancellationToken: ct);
        while (await call.ResponseStream.MoveNext(ct))
        {
            var page = call.ResponseStream.Current;
            told = page.AsOf is { } moment ? told with { AsOf = moment.ToDateTimeOffset() } : told;
            told.Sets.AddRange(page.Sets);
            told.Packages.AddRange(page.Packages);
            told.Findings.AddRange(page.Findings);
            told.Vulnerabilities.AddRange(page.Vulnerabilities);
            told.Statuses.AddRange(page.Statuses.Select(one => new ToldStatus(
                organizations[one.Organization].Key, one.PackageSetId, one.PackageId, one.VulnerabilityId, one.Status)));
        }

        return told;
    }

    /// <exception cref="Grpc.Core.RpcException">Ingest does not answer.</exception>
    public async Task<List<ToldLicense>> AskIngestAsync(
        OrganizationId organization, IEnumerable<int> packages, CancellationToken ct)
    {
        var licenses = new List<ToldLicense>();
        using var call = ingest.GetLicenses(
            new GetLicensesRequest { OrganizationId = organization.ToString(), PackageIds = { packages } },
            deadline: Deadline(), cancellationToken: ct);
        while (await call.ResponseStream.MoveNext(ct))
        {
            licenses.AddRange(call.ResponseStream.Current.Packages.Select(one => new ToldLicense(
                organization, one.PackageId, one.License, DeclaredLicense.Read(one.License))));
        }

        return licenses;
    }

    private DateTime Deadline() => clock.GetUtcNow().UtcDateTime + Patience;
}
