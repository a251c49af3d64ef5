using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;

using Google.Protobuf.WellKnownTypes;

using Grpc.Core;

using Npgsql;

using Wire = EnvPlatform.Contracts.Ingest;

namespace EnvPlatform.Ingest.Environments;

/// <summary>Answers other services about environments: one that they do not know yet, or for many what only Ingest knows.</summary>
internal sealed class EnvironmentsGrpc(NpgsqlDataSource db) : Wire.Environments.EnvironmentsBase
{
    private const int MaxDescribed = 1_000;

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

    public override async Task<Wire.DescribeEnvironmentsReply> DescribeEnvironments(
        Wire.DescribeEnvironmentsRequest request, ServerCallContext context)
    {
        var ids = request.EnvironmentIds.Select(id => Guid.TryParse(id, out var parsed) ? parsed : (Guid?)null).ToArray();
        if (!OrganizationId.TryParse(request.OrganizationId, out var org) || ids.Contains(null) || ids.Length > MaxDescribed)
        {
            throw new RpcException(new Status(StatusCode.InvalidArgument, $"An id is not a UUID, or there are more than {MaxDescribed}."));
        }

        var rows = await db.QueryAsync<Description>(
            $"""
            select e.environment_id, m.hostname, o.email, o.display_name, e.status, e.status_message, s.digest, e.created_at, e.updated_at
            {EnvironmentRow.From}
            where e.org_id = @org and e.environment_id = any(@Ids) and e.removed_at is null
            """, new { org, Ids = ids.Select(id => id!.Value).ToArray() }, context.CancellationToken);
        var reply = new Wire.DescribeEnvironmentsReply();
        reply.Environments.AddRange(rows.Select(row => row.ToWire()));
        return reply;
    }

    private sealed record Description(
        EnvironmentId EnvironmentId, string? Hostname, string? Email, string? DisplayName, string Status, string? StatusMessage,
        string Digest, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt)
    {
        public Wire.EnvironmentDescription ToWire()
        {
            var wire = new Wire.EnvironmentDescription
            {
                EnvironmentId = EnvironmentId.ToString(),
                Status = Status,
                Digest = Digest,
                CreatedAt = Timestamp.FromDateTimeOffset(CreatedAt),
                UpdatedAt = Timestamp.FromDateTimeOffset(UpdatedAt),
            };
            // A field that is not set is absent; it cannot be set to null.
            if (Hostname is not null)
            {
                wire.Hostname = Hostname;
            }

            if (Email is not null)
            {
                wire.Email = Email;
            }

            if (DisplayName is not null)
            {
                wire.DisplayName = DisplayName;
            }

            if (StatusMessage is not null)
            {
                wire.Message = StatusMessage;
            }

            return wire;
        }
    }

    private sealed record Row(
        EnvironmentId EnvironmentId, MachineId MachineId, SubjectId OwnerId, string Prefix, string Name, string Platform, long PackageSetId,
        string Digest, bool Archived, long Version, int PackageCount);
}
