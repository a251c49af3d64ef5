using EnvPlatform.Contracts.Ids;
using EnvPlatform.Contracts.Scanner;
using EnvPlatform.Postgres;
using EnvPlatform.Scanner.Curations;
using EnvPlatform.Scanner.Explanations;

using Grpc.Core;

using Npgsql;

namespace EnvPlatform.Scanner.Scans;

/// <summary>Other services ask how each package of a set was checked and what was found that counts for an organization.</summary>
internal sealed class FindingsGrpc(NpgsqlDataSource db) : Findings.FindingsBase
{
    private const int PageSize = 1_000;

    public override async Task GetPackageFindings(
        GetPackageFindingsRequest request, IServerStreamWriter<PackageFindingsPage> responseStream, ServerCallContext context)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(responseStream);
        ArgumentNullException.ThrowIfNull(context);
        var ct = context.CancellationToken;
        if (!OrganizationId.TryParse(request.OrganizationId, out var organization))
        {
            throw new RpcException(new Status(StatusCode.InvalidArgument, "The organization is not an id."));
        }

        var rows = await db.QueryAsync<Row>(
            $"""
            select p.package_id, p.manager, p.name, p.channel, p.version, p.ecosystem, p.project, p.basis, p.basis_reason,
                p.version_order, p.coverage,
                   p.reason,
                   {CountColumns.CountRowsOf("v")}
            from package_sets s cross join unnest(s.package_ids) as held(package_id) join packages p on p.package_id = held.package_id
            left join package_findings f on f.package_id = p.package_id
            {CurationInForce.Of("@Organization")}
            left join vulnerabilities v on v.id = f.vulnerability_id and {CurationInForce.Status} in {CurationInForce.Open}
            where s.id = @PackageSetId
            group by p.package_id
            order by p.package_id
            """, new { request.PackageSetId, Organization = organization }, ct);
        if (rows.Count == 0 && await db.QuerySingleOrDefaultAsync<long?>(
                "select id from package_sets where id = @PackageSetId", new { request.PackageSetId }, ct) is null)
        {
            throw new RpcException(new Status(StatusCode.NotFound, "The set has not been scanned yet."));
        }

        foreach (var chunk in rows.Chunk(PageSize))
        {
            var page = new PackageFindingsPage();
            page.Packages.AddRange(chunk.Select(row => new PackageFindings
            {
                PackageId = row.PackageId,
                Coverage = row.Coverage,
                Reason = row.Reason ?? "",
                Explanation = row.Explanation,
                Mapping = row.Coverage == "not_applicable" ? null : row.Mapping,
                Total = row.Total,
                Critical = row.Critical,
                High = row.High,
                Medium = row.Medium,
                Low = row.Low,
                Unknown = row.Unknown,
            }));
            await responseStream.WriteAsync(page, ct);
        }
    }

    private sealed record Row(
        int PackageId, string Manager, string Name, string Channel, string Version, string Ecosystem, string Project, string Basis,
        string? BasisReason, string VersionOrder, string Coverage, string? Reason, int Total, int Critical, int High,
        int Medium, int Low, int Unknown)
    {
        private PackageMapping Taken => new(Ecosystem, Project, Basis, BasisReason, VersionOrder);

        public string Explanation => CoverageSentence.Of(Coverage, Reason, Manager, Name, Channel, Version, Taken);

        public PackageMappedTo Mapping => new()
        {
            Ecosystem = Ecosystem,
            Project = Project,
            Basis = Basis,
            Why = Taken.Why(Manager, Name, Channel),
            Order = VersionOrder,
        };
    }
}
