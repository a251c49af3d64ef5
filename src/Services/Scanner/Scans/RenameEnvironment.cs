using EnvPlatform.Contracts.Events;
using EnvPlatform.Postgres;

using MassTransit;

using Npgsql;

namespace EnvPlatform.Scanner.Scans;

/// <summary>An environment has another name or prefix.</summary>
internal sealed class RenameEnvironment(NpgsqlDataSource db) : IConsumer<EnvironmentRenamed>
{
    public Task Consume(ConsumeContext<EnvironmentRenamed> context) => db.HandleOnceAsync(this, context, (tx, renamed) => tx.ExecuteAsync(
        """
        insert into environments as e (org_id, environment_id, machine_id, prefix, name, name_version)
        values (@OrganizationId, @EnvironmentId, @MachineId, @Prefix, @Name, @Version)
        on conflict (org_id, environment_id) do update set
            machine_id = excluded.machine_id, prefix = excluded.prefix, name = excluded.name, name_version = excluded.name_version
        where excluded.name_version > e.name_version
        """, new { renamed.OrganizationId, renamed.EnvironmentId, renamed.MachineId, renamed.Prefix, renamed.Name, renamed.Version }));
}
