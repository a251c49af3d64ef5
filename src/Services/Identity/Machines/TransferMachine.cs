using System.ComponentModel.DataAnnotations;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

using Npgsql;

namespace EnvPlatform.Identity.Machines;

/// <summary>
/// An administrator gives a machine to another member or service account: its owner has left, or was a person where it should be a program.
/// From then on the new owner logs from it and has its environments; tokens that are bound to the machine are void.
/// </summary>
internal static class TransferMachine
{
    /// <param name="Owner">A user or service account of the organization that may log environments.</param>
    public sealed record Request([Required] SubjectId? Owner);

    internal static void MapTransferMachine(this IEndpointRouteBuilder machines) =>
        machines.MapPost("/{machine_id}/transfer", HandleAsync).RequireAuthorization(Permission.MachinesWriteAll)
            .WithName(nameof(TransferMachine)).WithSummary("Give a machine to another member or service account.")
            .ProducesProblem(StatusCodes.Status400BadRequest).ProducesProblem(StatusCodes.Status404NotFound);

    private static async Task<Results<Ok<RegisterMachine.Response>, ProblemHttpResult>> HandleAsync(
        [FromRoute(Name = "machine_id")] MachineId machineId, Request request, Caller caller, NpgsqlDataSource db, TimeProvider clock,
        CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        var before = await tx.QuerySingleOrDefaultAsync<Row>(
            """
            select m.owner_id, s.display_name as owner_name, m.updated_at
            from machines m
            join subjects s on s.id = m.owner_id
            where m.org_id = @OrgId and m.id = @machineId
            for update of m
            """, new { caller.OrgId, machineId });
        if (before is null)
        {
            return Problems.NotFound();
        }

        var owner = await tx.QuerySingleOrDefaultAsync<OwnerRow>(
            """
            select s.email, s.display_name, m.role
            from active_memberships m
            join subjects s on s.id = m.subject_id
            where m.org_id = @OrgId and m.subject_id = @Owner
            """, new { caller.OrgId, request.Owner });
        if (owner is null || !Roles.Allow(owner.Role, Permission.EnvironmentsLog))
        {
            return Problems.Invalid("owner", "Must be a member or service account of the organization that may log environments.");
        }

        // Later than the registration that it follows, whatever the other instance's clock.
        var now = clock.GetUtcNow();
        var at = now > before.UpdatedAt ? now : before.UpdatedAt.AddMicroseconds(1);
        var machine = await tx.QuerySingleAsync<RegisterMachine.Response>(
            """
            update machines set owner_id = @Owner, updated_at = case when owner_id = @Owner then updated_at else @at end
            where org_id = @OrgId and id = @machineId
            returning id, owner_id, hostname, platform, agent_version, created_at, updated_at
            """, new { caller.OrgId, machineId, request.Owner, at });
        if (before.OwnerId == machine.OwnerId)
        {
            return TypedResults.Ok(machine);
        }

        var revoked = await MachineTokens.RevokeAsync(tx, caller.OrgId, machineId, now);
        tx.Publish(new MachineRegistered(
            caller.OrgId, machine.Id, machine.OwnerId, machine.Hostname, machine.Platform, machine.AgentVersion, machine.UpdatedAt));
        tx.Publish(new MachineTransferred(
            caller.OrgId, machine.Id, machine.OwnerId, owner.Email, owner.DisplayName, machine.Hostname, machine.Platform,
            machine.UpdatedAt));
        tx.Audit(
            caller, now, "machine_transferred", new AuditTarget(machineId.ToString(), null, "machine"),
            $"{caller.DisplayName} gave the machine {machine.Hostname} of {before.OwnerName} to {owner.DisplayName}.",
            new
            {
                machine.Hostname,
                before = new { owner_id = before.OwnerId, before.OwnerName },
                after = new { owner_id = machine.OwnerId, owner_name = owner.DisplayName },
                changed = (string[])["owner_id"],
                tokens_revoked = revoked,
            });
        await tx.CommitAsync();
        return TypedResults.Ok(machine);
    }

    private sealed record Row(SubjectId OwnerId, string OwnerName, DateTimeOffset UpdatedAt);

    private sealed record OwnerRow(string? Email, string DisplayName, string Role);
}
