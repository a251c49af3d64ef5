using EnvPlatform.Contracts.Events;
using EnvPlatform.Postgres;

using MassTransit;

using Npgsql;

namespace EnvPlatform.Ingest.Machines;

/// <summary>A machine was removed: it logs no more until it registers again. Its environments stay.</summary>
internal sealed class ForgetMachine(NpgsqlDataSource db) : IConsumer<MachineRemoved>
{
    public Task Consume(ConsumeContext<MachineRemoved> context) => db.HandleOnceAsync(this, context, (tx, removed) => tx.ExecuteAsync(
        """
        insert into machines (org_id, machine_id, owner_id, hostname, platform, registered_at, removed_at)
        values (@OrganizationId, @MachineId, @Owner, @Hostname, @Platform, @RemovedAt, @RemovedAt)
        on conflict (org_id, machine_id) do update set registered_at = excluded.registered_at, removed_at = excluded.removed_at
        where machines.registered_at < excluded.registered_at
        """, removed));
}
