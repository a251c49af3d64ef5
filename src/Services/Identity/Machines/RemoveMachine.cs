using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Machines;

/// <summary>
/// A member removes one of its machines, an administrator any. Environments logged from it stay until they are removed themselves.
/// </summary>
internal static class RemoveMachine
{
    internal static void MapRemoveMachine(this IEndpointRouteBuilder machines) =>
        machines.MapDelete("/{machine_id}", HandleAsync).RequireAuthorization(Permission.EnvironmentsLog).WithName(nameof(RemoveMachine))
            .WithSummary("Remove a machine.").ProducesProblem(StatusCodes.Status404NotFound);

    private static async Task<Results<NoContent, ProblemHttpResult>> HandleAsync(
        [Microsoft.AspNetCore.Mvc.FromRoute(Name = "machine_id")] MachineId machineId, Caller caller, NpgsqlDataSource db,
        TimeProvider clock, CancellationToken ct)
    {
        if (!caller.IsGoodFor(machineId))
        {
            return RegisterMachine.OtherMachine();
        }

        await using var tx = await db.BeginAsync(ct);
        var row = await tx.QuerySingleOrDefaultAsync<Row>(
            """
            delete from machines where org_id = @OrgId and id = @machineId and (@OnlyOwner::uuid is null or owner_id = @OnlyOwner)
            returning owner_id, hostname, platform, updated_at
            """, new { caller.OrgId, machineId, OnlyOwner = caller.OnlyOwnWithout(Permission.MachinesWriteAll) });
        if (row is null)
        {
            return Problems.NotFound();
        }

        // Later than the registration that it ends, whatever the other instance's clock.
        var now = clock.GetUtcNow();
        var removedAt = now > row.UpdatedAt ? now : row.UpdatedAt.AddMicroseconds(1);
        await MachineTokens.RevokeAsync(tx, caller.OrgId, machineId, now);
        tx.Publish(new MachineRemoved(caller.OrgId, machineId, row.OwnerId, row.Hostname, row.Platform, removedAt));
        tx.Audit(
            caller, now, "machine_removed", new AuditTarget(machineId.ToString(), null, "machine"),
            $"{caller.DisplayName} removed the machine {row.Hostname}.", new { row.Hostname });
        await tx.CommitAsync();
        return TypedResults.NoContent();
    }

    private sealed record Row(SubjectId OwnerId, string Hostname, string Platform, DateTimeOffset UpdatedAt);
}
