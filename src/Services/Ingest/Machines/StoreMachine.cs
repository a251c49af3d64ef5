using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;

using MassTransit;

using Npgsql;

namespace EnvPlatform.Ingest.Machines;

/// <summary>Keeps a copy of each machine, so that a log finds its owner and a list its host name without calling Identity.</summary>
internal sealed class StoreMachine(NpgsqlDataSource db) : IConsumer<MachineRegistered>
{
    public Task Consume(ConsumeContext<MachineRegistered> context) => db.HandleOnceAsync(this, context, (tx, registered) => StoreAsync(
        tx, registered.OrganizationId, registered.MachineId, registered.Owner, registered.Hostname, registered.Platform,
        registered.RegisteredAt));

    /// <summary>The latest registration wins, in whatever order they arrive.</summary>
    internal static Task<int> StoreAsync(
        Tx tx, OrganizationId organization, MachineId machine, SubjectId owner, string hostname, string platform, DateTimeOffset at) =>
        tx.ExecuteAsync(
            """
            insert into machines (org_id, machine_id, owner_id, hostname, platform, registered_at)
            values (@organization, @machine, @owner, @hostname, @platform, @at)
            on conflict (org_id, machine_id) do update set
                owner_id = excluded.owner_id, hostname = excluded.hostname, platform = excluded.platform,
                    registered_at = excluded.registered_at,
                removed_at = null
            where machines.registered_at < excluded.registered_at
            """, new { organization, machine, owner, hostname, platform, at });
}
