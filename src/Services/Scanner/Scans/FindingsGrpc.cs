using EnvPlatform.Contracts.Ids;
using EnvPlatform.Contracts.Scanner;
using EnvPlatform.Postgres;
using EnvPlatform.Scanner.Curations;
using EnvPlatform.Scanner.Explanations;

using Grpc.Core;

using Npgsql;

namespace EnvPlatform.Scanner.Scans;

/// <summary>Other services ask how each package of a set was checked and what was found that counts for an organization.</summary>
internal sealed partial class FindingsGrpc(NpgsqlDataSource db, TimeProvider clock) : Findings.FindingsBase
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
            with held as materialized (
                select p.* from package_sets s cross join unnest(s.package_ids) as held(package_id)
                join packages p on p.package_id = held.package_id where s.id = @PackageSetId),
            {CurationInForce.Curated("@Organization")},
            plain as (
                select f.found_id, {CountColumns.CountRowsOf("v")}
                from (select distinct found_id from held) h join findings f using (found_id)
                join vulnerabilities v on v.id = f.vulnerability_id
                where f.vulnerability_id not in (select vulnerability_id from curated)
                group by f.found_id),
            judged as (
                select p.package_id, {CountColumns.CountRowsOf("v")}
                from held p join findings f on f.found_id = p.found_id
                join curated c on c.vulnerability_id = f.vulnerability_id
                {CurationInForce.Of("@Organization", "(select libraries from set_counts where set_id = @PackageSetId)")}
                join vulnerabilities v on v.id = f.vulnerability_id and {CurationInForce.Status} in {CurationInForce.Open}
                group by p.package_id)
            select p.package_id, p.manager, p.name, p.channel, p.version, p.ecosystem, p.project, p.basis, p.basis_reason,
                   p.version_order, p.coverage, p.reason, p.not_evaluable,
                   coalesce(plain.total, 0) + coalesce(judged.total, 0) as total,
                   coalesce(plain.critical, 0) + coalesce(judged.critical, 0) as critical,
                   coalesce(plain.high, 0) + coalesce(judged.high, 0) as high,
                   coalesce(plain.medium, 0) + coalesce(judged.medium, 0) as medium,
                   coalesce(plain.low, 0) + coalesce(judged.low, 0) as low,
                   coalesce(plain.unknown, 0) + coalesce(judged.unknown, 0) as unknown
            from held p left join plain on plain.found_id = p.found_id left join judged on judged.package_id = p.package_id
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
                NotEvaluable = { row.NotEvaluable },
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
        string? BasisReason, string VersionOrder, string Coverage, string? Reason, string[] NotEvaluable, int Total, int Critical, int High,
        int Medium, int Low, int Unknown)
    {
        private PackageMapping Taken => new(Ecosystem, Project, Basis, BasisReason, VersionOrder);

        public string Explanation => CoverageSentence.Of(
            Coverage, Reason, Manager, Name, Channel, Version, Taken, NotEvaluable);

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
