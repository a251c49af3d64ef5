using EnvPlatform.Postgres;

using Grpc.Core;

using Npgsql;

using Wire = EnvPlatform.Contracts.Ingest;

namespace EnvPlatform.Ingest.Packages;

/// <summary>Streams the packages of a set to another service, page by page as they are read.</summary>
internal sealed class PackageSetsGrpc(NpgsqlDataSource db) : Wire.PackageSets.PackageSetsBase
{
    private const int PageSize = 1_000;

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

    private sealed record Row(int PackageId, string Manager, string Channel, string Subdir, string Name, string Version, string Build);
}
