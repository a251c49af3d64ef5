using System.ComponentModel.DataAnnotations;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Machines;

/// <summary>
/// A member registers a machine under the id that its agent chose, or updates it. A machine belongs to the member who registered it first;
/// another organization may know the same machine, independently.
/// </summary>
internal static class RegisterMachine
{
    /// <param name="Platform">conda's name of it: <c>linux-64</c>, <c>osx-arm64</c>...</param>
    public sealed record Request(
        [Required, MinLength(1), MaxLength(253)] string Hostname,
        [Required, MaxLength(40), RegularExpression(
            "^[a-z0-9_]+(-[a-z0-9_]+)?$", ErrorMessage = "Must be a conda platform such as linux-64.")] string Platform,
        [Required, MinLength(1), MaxLength(100)] string AgentVersion);

    public sealed record Response(
        MachineId Id, SubjectId OwnerId, string Hostname, string Platform, string AgentVersion, DateTimeOffset CreatedAt,
        DateTimeOffset UpdatedAt);

    internal static void MapRegisterMachine(this IEndpointRouteBuilder machines) =>
        machines.MapPut("/{machine_id}", HandleAsync).RequireAuthorization(Permission.EnvironmentsLog).WithName(nameof(RegisterMachine))
            .WithSummary("Register a machine, or say something new of it.").ProducesProblem(StatusCodes.Status403Forbidden)
            .ProducesProblem(StatusCodes.Status409Conflict);

    private static async Task<Results<Created<Response>, Ok<Response>, ProblemHttpResult>> HandleAsync(
        [Microsoft.AspNetCore.Mvc.FromRoute(Name = "machine_id")] MachineId machineId, Request request, Caller caller, NpgsqlDataSource db,
        TimeProvider clock, CancellationToken ct)
    {
        if (!caller.IsGoodFor(machineId))
        {
            return OtherMachine();
        }

        await using var tx = await db.BeginAsync(ct);
        var (machine, created) = await StoreAsync(tx, caller, machineId, request, clock.GetUtcNow());
        if (machine is null)
        {
            return Taken();
        }

        await tx.CommitAsync();
        return created
            ? TypedResults.Created($"/api/v1/orgs/{caller.Organization!.Slug}/machines/{machineId}", machine)
            : TypedResults.Ok(machine);
    }

    internal static ProblemHttpResult Taken() =>
        Problems.Conflict("machine_taken", "Another member of the organization has registered a machine with this id.");

    /// <summary>The answer to a token that is bound to another machine.</summary>
    internal static ProblemHttpResult OtherMachine() => Problems.Of(
        StatusCodes.Status403Forbidden, "other_machine", "Not allowed.", "The token is bound to another machine.");

    /// <summary>Registers the machine as the caller's, or says something new of it; null when it is another's.</summary>
    internal static async Task<(Response? Machine, bool Created)> StoreAsync(
        Tx tx, Caller caller, MachineId machineId, Request request, DateTimeOffset now)
    {
        var parameters =
            new { caller.OrgId, machineId, Owner = caller.SubjectId, request.Hostname, request.Platform, request.AgentVersion, now };
        var created = await tx.QuerySingleOrDefaultAsync<Response>(
            """
            insert into machines (org_id, id, owner_id, hostname, platform, agent_version, created_at, updated_at)
            values (@OrgId, @machineId, @Owner, @Hostname, @Platform, @AgentVersion, @now, @now)
            on conflict (org_id, id) do nothing
            returning id, owner_id, hostname, platform, agent_version, created_at, updated_at
            """, parameters);
        if (created is not null)
        {
            Announce(tx, caller, created, before: null);
            return (created, true);
        }

        var before = await tx.QuerySingleOrDefaultAsync<Response>(
            """
            select id, owner_id, hostname, platform, agent_version, created_at, updated_at
            from machines where org_id = @OrgId and id = @machineId
            for update
            """, parameters);
        if (before is null || before.OwnerId != caller.SubjectId)
        {
            return (null, false);
        }

        if ((before.Hostname, before.Platform, before.AgentVersion) == (request.Hostname, request.Platform, request.AgentVersion))
        {
            return (before, false);
        }

        var after = await tx.QuerySingleAsync<Response>(
            """
            update machines set hostname = @Hostname, platform = @Platform, agent_version = @AgentVersion, updated_at = @now
            where org_id = @OrgId and id = @machineId
            returning id, owner_id, hostname, platform, agent_version, created_at, updated_at
            """, parameters);
        Announce(tx, caller, after, before);
        return (after, false);
    }

    private static void Announce(Tx tx, Caller caller, Response machine, Response? before)
    {
        tx.Publish(new MachineRegistered(
            caller.OrgId, machine.Id, machine.OwnerId, machine.Hostname, machine.Platform, machine.AgentVersion, machine.UpdatedAt));
        tx.Audit(
            caller, machine.UpdatedAt, "machine_registered", new AuditTarget(machine.Id.ToString(), null, "machine"),
            $"{caller.DisplayName} registered the machine {machine.Hostname}{(before is null ? "" : " again")}.",
            new { before = Said(before), after = Said(machine) });
    }

    private static object? Said(Response? machine) =>
        machine is null ? null : new { machine.Hostname, machine.Platform, machine.AgentVersion };
}
