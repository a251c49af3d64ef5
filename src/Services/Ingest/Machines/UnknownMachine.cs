using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;

using Grpc.Core;

using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;

using Npgsql;

using Wire = EnvPlatform.Contracts.Identity;

namespace EnvPlatform.Ingest.Machines;

/// <summary>A machine that was registered a moment ago, whose event has not arrived yet: asks Identity and stores the answer.</summary>
internal sealed partial class UnknownMachine(
    Wire.Machines.MachinesClient identity, NpgsqlDataSource db, IOptions<IngestOptions> options, TimeProvider clock,
    ILogger<UnknownMachine> log)
{
    /// <summary>Null when the machine is known now; otherwise the answer for the caller.</summary>
    public async Task<ProblemHttpResult?> LearnAsync(OrganizationId org, MachineId machineId, CancellationToken ct)
    {
        var asked = clock.GetUtcNow();
        Wire.Machine machine;
        try
        {
            machine = await identity.GetMachineAsync(
                new() { OrganizationId = org.ToString(), MachineId = machineId.ToString() },
                deadline: clock.GetUtcNow().UtcDateTime.AddMilliseconds(options.Value.IdentityTimeoutMs), cancellationToken: ct);
        }
        catch (RpcException exception) when (exception.StatusCode == StatusCode.NotFound)
        {
            return NotRegistered();
        }
        catch (RpcException exception) when (exception.StatusCode != StatusCode.Cancelled || !ct.IsCancellationRequested)
        {
            LogNoAnswer(machineId.Value, exception.StatusCode);
            return Problems.Of(
                StatusCodes.Status503ServiceUnavailable, "identity_unavailable", "Try again in a moment.",
                "Whether the machine is registered could not be found out.");
        }

        await using var tx = await db.BeginAsync(ct);
        // The event that is on its way is newer than this. So is a removal after the query was sent.
        await tx.ExecuteAsync(
            """
            insert into machines (org_id, machine_id, owner_id, hostname, platform, registered_at)
            values (@org, @machineId, @Owner, @Hostname, @Platform, '1970-01-01 00:00:00+00')
            on conflict (org_id, machine_id) do update set
                owner_id = excluded.owner_id, hostname = excluded.hostname, platform = excluded.platform, removed_at = null
            where machines.removed_at < @asked
            """, new { org, machineId, Owner = Guid.Parse(machine.OwnerId), machine.Hostname, machine.Platform, asked });
        await tx.CommitAsync();
        return null;
    }

    public static ProblemHttpResult NotRegistered() =>
        Problems.Of(StatusCodes.Status404NotFound, "machine_not_registered", "Not found.",
            "The machine is not registered in this organization by the caller.");

    [LoggerMessage(Level = LogLevel.Warning, Message = "Identity could not say whether machine {MachineId} is registered: {Status}")]
    private partial void LogNoAnswer(Guid machineId, StatusCode status);
}
