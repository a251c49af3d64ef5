using EnvPlatform.Contracts.Events;
using EnvPlatform.Postgres;

using MassTransit;

using Npgsql;

namespace EnvPlatform.Scanner.Scans;

/// <summary>An environment has another name or prefix.</summary>
internal sealed class RenameEnvironment(NpgsqlDataSource db) : IConsumer<EnvironmentRenamed>
{
    public async Task Consume(ConsumeContext<EnvironmentRenamed> context)
    {
        var renamed = context.Message;
        await using var tx = await db.BeginAsync(context.CancellationToken);
        if (!await tx.ReceiveAsync(context.MessageId!.Value, nameof(RenameEnvironment)))
        {
            return;
        }

        await tx.ExecuteAsync(
            """
            insert into environments as e (org_id, environment_id, machine_id, prefix, name, name_version)
            values (@OrganizationId, @EnvironmentId, @MachineId, @Prefix, @Name, @Version)
            on conflict (org_id, environment_id) do update set
                machine_id = excluded.machine_id, prefix = excluded.prefix, name = excluded.name, name_version = excluded.name_version
            where excluded.name_version > e.name_version
            """, new { renamed.OrganizationId, renamed.EnvironmentId, renamed.MachineId, renamed.Prefix, renamed.Name, renamed.Version });
        await tx.CommitAsync();
    }
}

/// <summary>An environment is no more. Its row stays, so that a late event does not bring it back.</summary>
internal sealed class ForgetEnvironment(NpgsqlDataSource db) : IConsumer<EnvironmentRemoved>
{
    public async Task Consume(ConsumeContext<EnvironmentRemoved> context)
    {
        var removed = context.Message;
        await using var tx = await db.BeginAsync(context.CancellationToken);
        if (!await tx.ReceiveAsync(context.MessageId!.Value, nameof(ForgetEnvironment)))
        {
            return;
        }

        await tx.ExecuteAsync(
            """
            insert into environments as e (org_id, environment_id, removed_version) values (@OrganizationId, @EnvironmentId, @Version)
            on conflict (org_id, environment_id) do update set removed_version = greatest(e.removed_version, excluded.removed_version)
            """, new { removed.OrganizationId, removed.EnvironmentId, removed.Version });
        await tx.CommitAsync();
    }
}

/// <summary>An environment was archived, or taken back: lists leave archived environments out unless asked.</summary>
internal sealed class ArchiveEnvironment(NpgsqlDataSource db) : IConsumer<EnvironmentArchived>
{
    public async Task Consume(ConsumeContext<EnvironmentArchived> context)
    {
        var archived = context.Message;
        await using var tx = await db.BeginAsync(context.CancellationToken);
        if (!await tx.ReceiveAsync(context.MessageId!.Value, nameof(ArchiveEnvironment)))
        {
            return;
        }

        await tx.ExecuteAsync(
            """
            insert into environments as e (org_id, environment_id, archived, archived_version)
            values (@OrganizationId, @EnvironmentId, @Archived, @Version)
            on conflict (org_id, environment_id) do update set archived = excluded.archived, archived_version = excluded.archived_version
            where excluded.archived_version > e.archived_version
            """, new { archived.OrganizationId, archived.EnvironmentId, archived.Archived, archived.Version });
        await tx.CommitAsync();
    }
}
