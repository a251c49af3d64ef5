using EnvPlatform.Contracts.Identity;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;

using Grpc.Core;

using Npgsql;

namespace EnvPlatform.Identity.Machines;

/// <summary>Answers another service about a registered machine.</summary>
internal sealed class MachinesGrpc(NpgsqlDataSource db) : Contracts.Identity.Machines.MachinesBase
{
    public override async Task<Machine> GetMachine(GetMachineRequest request, ServerCallContext context)
    {
        if (!OrganizationId.TryParse(request.OrganizationId, out var organization)
            || !MachineId.TryParse(request.MachineId, out var machine))
        {
            throw new RpcException(new Status(StatusCode.InvalidArgument, "organization_id and machine_id must be UUIDs."));
        }

        var row = await db.QuerySingleOrDefaultAsync<Row>(
            "select id, owner_id, hostname, platform, agent_version from machines where org_id = @organization and id = @machine",
            new { organization, machine }, context.CancellationToken);
        return row is null
            ? throw new RpcException(new Status(StatusCode.NotFound, "There is no such machine in the organization."))
            : new Machine
            {
                MachineId = row.Id.ToString(),
                OwnerId = row.OwnerId.ToString(),
                Hostname = row.Hostname,
                Platform = row.Platform,
                AgentVersion = row.AgentVersion,
            };
    }

    private sealed record Row(MachineId Id, SubjectId OwnerId, string Hostname, string Platform, string AgentVersion);
}
