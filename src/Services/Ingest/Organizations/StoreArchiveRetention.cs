using EnvPlatform.Contracts.Events;
using EnvPlatform.Postgres;

using MassTransit;

using Npgsql;

namespace EnvPlatform.Ingest.Organizations;

/// <summary>Copies from Identity for how long an organization keeps archived environments.</summary>
internal sealed class StoreArchiveRetention(NpgsqlDataSource db) : IConsumer<ArchiveRetentionChanged>
{
    public Task Consume(ConsumeContext<ArchiveRetentionChanged> context) =>
        db.HandleOnceAsync(this, context, (tx, changed) => tx.ExecuteAsync(
            """
            insert into archive_retentions (org_id, days, version) values (@OrganizationId, @Days, @Version)
            on conflict (org_id) do update set days = excluded.days, version = excluded.version
            where archive_retentions.version < excluded.version
            """, changed));
}
