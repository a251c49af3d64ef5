using EnvPlatform.Contracts.Events;
using EnvPlatform.Postgres;

using MassTransit;

using Npgsql;

namespace EnvPlatform.Scanner.Scans;

/// <summary>An environment was archived or unarchived: lists leave archived environments out unless asked.</summary>
internal sealed class ArchiveEnvironment(NpgsqlDataSource db) : IConsumer<EnvironmentArchived>
{
    public Task Consume(ConsumeContext<EnvironmentArchived> context) => db.HandleOnceAsync(this, context, (tx, archived) => tx.ExecuteAsync(
        """
        insert into environments as e (org_id, environment_id, archived, archived_version)
        values (@OrganizationId, @EnvironmentId, @Archived, @Version)
        on conflict (org_id, environment_id) do update set archived = excluded.archived, archived_version = excluded.archived_version
        where excluded.archived_version > e.archived_version
        """, new { archived.OrganizationId, archived.EnvironmentId, archived.Archived, archived.Version }));
}
