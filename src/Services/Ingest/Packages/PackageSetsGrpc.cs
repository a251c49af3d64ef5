using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;

using Grpc.Core;

using Npgsql;

using Wire = EnvPlatform.Contracts.Ingest;

namespace EnvPlatform.Ingest.Packages;

/// <summary>Streams what is known of packages to another service, page by page as it is read.</summary>
internal sealed class PackageSetsGrpc(NpgsqlDataSource db) : Wire.PackageSets.PackageSetsBase
{
    private const int PageSize = 1_000;

    /// <summary>A licence may have 2,000 characters, and a message 4 MiB.</summary>
    private const int LicensePageSize = 500;

    public override async Task GetPackageSet(
        Wire.GetPackageSetRequest request, IServerStreamWriter<Wire.PackagePage> responseStream, ServerCallContext context)
    {
        var ct = context.CancellationToken;
        var ids = await db.QuerySingleOrDefaultAsync<int[]>(
            "select package_ids from package_sets where package_set_id = @PackageSetId", new { request.PackageSetId }, ct)
            ?? throw new RpcException(new Status(StatusCode.NotFound, "There is no such package set."));
        foreach (var page in ids.Chunk(PageSize))
        {
            var packages = await db.QueryAsync<Row>(
                """
                select package_id, manager, channel, subdir, name, version, build
                from packages where package_id = any(@page) order by package_id
                """, new { page }, ct);
            var answer = new Wire.PackagePage();
            answer.Packages.AddRange(packages.Select(package => new Wire.Package
            {
                PackageId = package.PackageId,
                Manager = package.Manager,
                Channel = package.Channel,
                Subdir = package.Subdir,
                Name = package.Name,
                Version = package.Version,
                Build = package.Build,
            }));
            await responseStream.WriteAsync(answer, ct);
        }
    }

    public override async Task GetLicenses(
        Wire.GetLicensesRequest request, IServerStreamWriter<Wire.LicensePage> responseStream, ServerCallContext context)
    {
        if (!OrganizationId.TryParse(request.OrganizationId, out var organization))
        {
            throw new RpcException(new Status(StatusCode.InvalidArgument, "The organization is not an id."));
        }

        foreach (var page in request.PackageIds.Distinct().Order().Chunk(LicensePageSize))
        {
            var licenses = await db.QueryAsync<LicenseRow>(
                """
                select package_id, license from organization_packages
                where org_id = @organization and package_id = any(@page) and license is not null order by package_id
                """, new { organization, page }, context.CancellationToken);
            var answer = new Wire.LicensePage();
            answer.Packages.AddRange(licenses.Select(row => new Wire.PackageLicense { PackageId = row.PackageId, License = row.License }));
            await responseStream.WriteAsync(answer, context.CancellationToken);
        }
    }

    private sealed record LicenseRow(int PackageId, string License);

    private sealed record Row(int PackageId, string Manager, string Channel, string Subdir, string Name, string Version, string Build);
}
