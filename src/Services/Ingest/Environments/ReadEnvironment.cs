using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;

using Grpc.Core;

using Npgsql;

using Wire = EnvPlatform.Contracts.Ingest;

namespace EnvPlatform.Ingest.Environments;

/// <summary>Tells another service of an environment that it has not heard of yet.</summary>
internal sealed class ReadEnvironment(NpgsqlDataSource db) : Wire.Environments.EnvironmentsBase
{
    public override async Task<Wire.Environment> GetEnvironment(Wire.GetEnvironmentRequest request, ServerCallContext context)
    {
        if (!OrganizationId.TryParse(request.OrganizationId, out var org) || !EnvironmentId.TryParse(request.EnvironmentId, out var id))
        {
            throw new RpcException(new Status(StatusCode.InvalidArgument, "An id is not a UUID."));
        }

        var row = await db.QuerySingleOrDefaultAsync<Row>(
            """
            select environment_id, machine_id, owner_id, prefix, name, platform, package_set_id, digest, archived, version, e.package_count
            from environments e join package_sets using (package_set_id)
            where org_id = @org and environment_id = @id and removed_at is null
            """, new { org, id }, context.CancellationToken)
            ?? throw new RpcException(new Status(StatusCode.NotFound, "There is no such environment."));
        return new()
        {
            EnvironmentId = row.EnvironmentId.ToString(),
            MachineId = row.MachineId.ToString(),
            OwnerId = row.OwnerId.ToString(),
            Prefix = row.Prefix,
            Name = row.Name,
            Platform = row.Platform,
            PackageSetId = row.PackageSetId,
            Digest = row.Digest,
            Archived = row.Archived,
            Version = row.Version,
            PackageCount = row.PackageCount,
        };
    }

    private sealed record Row(
        EnvironmentId EnvironmentId, MachineId MachineId, SubjectId OwnerId, string Prefix, string Name, string Platform, long PackageSetId,
        string Digest, bool Archived, long Version, int PackageCount);
}
