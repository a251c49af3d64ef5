using EnvPlatform.Contracts.Events;
using EnvPlatform.Postgres;

using MassTransit;

using Npgsql;

namespace EnvPlatform.Policy.Directories;

/// <summary>Keeps the name of each machine, which policies can name.</summary>
/// <remarks>Stale and duplicate messages are dropped by the time of the registration, so handled messages are not recorded.</remarks>
internal sealed class StoreMachine(NpgsqlDataSource db) : IConsumer<MachineRegistered>
{
    public async Task Consume(ConsumeContext<MachineRegistered> context)
    {
        var machine = context.Message;
        await using var tx = await db.BeginAsync(context.CancellationToken);
        var changed = await MachineCopies.StoreAsync(
            tx, [new(machine.OrganizationId, machine.MachineId, machine.Hostname, machine.RegisteredAt)]);
        await MachineCopies.MarkAsync(tx, machine.OrganizationId, changed);
        await tx.CommitAsync();
    }
}
