using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Identity;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Machines;

/// <summary>A member removes one of its machines, an administrator any. What was logged from it stays until it is removed itself.</summary>
public static class RemoveMachine
{
    internal static void MapRemoveMachine(this IEndpointRouteBuilder machines) =>
        machines.MapDelete("/{machine_id}", HandleAsync).RequireAuthorization(Roles.Member).WithName(nameof(RemoveMachine))
            .WithSummary("Remove a machine.").ProducesProblem(StatusCodes.Status404NotFound);

    private static async Task<Results<NoContent, ProblemHttpResult>> HandleAsync(
        [Microsoft.AspNetCore.Mvc.FromRoute(Name = "machine_id")] MachineId machineId, Caller caller, NpgsqlDataSource db, CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        var hostname = await tx.QuerySingleOrDefaultAsync<string>(
            "delete from machines where org_id = @OrgId and id = @machineId and (@OnlyOwner::uuid is null or owner_id = @OnlyOwner) returning hostname",
            new { caller.OrgId, machineId, caller.OnlyOwner });
        if (hostname is null)
        {
            return Problems.NotFound();
        }

        tx.Audit(
            caller, "machine_removed", new AuditTarget(machineId.ToString(), null, "machine"), $"{caller.DisplayName} removed the machine {hostname}.", new { hostname });
        await tx.CommitAsync();
        return TypedResults.NoContent();
    }
}
