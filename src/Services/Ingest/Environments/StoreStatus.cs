using System.Text.Json;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Postgres;

using MassTransit;

using Npgsql;

namespace EnvPlatform.Ingest.Environments;

/// <summary>Copies an environment's status and message from Policy, for the list.</summary>
internal sealed class StoreStatus(NpgsqlDataSource db) : IConsumer<EnvironmentStatusChanged>
{
    public Task Consume(ConsumeContext<EnvironmentStatusChanged> context) =>
        db.HandleOnceAsync(this, context, (tx, change) => tx.ExecuteAsync(
            """
            update environments set status = @Status, status_message = @Message, status_version = @Version
            where org_id = @OrganizationId and environment_id = @EnvironmentId and status_version < @Version
            """,
            new
            {
                change.OrganizationId,
                change.EnvironmentId,
                Status = JsonNamingPolicy.SnakeCaseLower.ConvertName(change.Status.ToString()),
                change.Message,
                change.Version,
            }));
}
