using EnvPlatform.Contracts.Events;
using EnvPlatform.Postgres;

using MassTransit;

using Npgsql;

namespace EnvPlatform.Scanner.Scans;

/// <summary>An environment is no more. Its row stays, so that a late event does not bring it back.</summary>
internal sealed class ForgetEnvironment(NpgsqlDataSource db) : IConsumer<EnvironmentRemoved>
{
    public Task Consume(ConsumeContext<EnvironmentRemoved> context) => db.HandleOnceAsync(this, context, (tx, removed) => tx.ExecuteAsync(
        """
        insert into environments as e (org_id, environment_id, removed_version) values (@OrganizationId, @EnvironmentId, @Version)
        on conflict (org_id, environment_id) do update set removed_version = greatest(e.removed_version, excluded.removed_version)
        """, new { removed.OrganizationId, removed.EnvironmentId, removed.Version }));
}
