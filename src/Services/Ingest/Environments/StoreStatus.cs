using System.Text.Json;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Postgres;

using MassTransit;

using Npgsql;

namespace EnvPlatform.Ingest.Environments;

/// <summary>Copies an environment's status and message from Policy, for the list.</summary>
public sealed class StoreStatus(NpgsqlDataSource db) : IConsumer<EnvironmentStatusChanged>
{
    public async Task Consume(ConsumeContext<EnvironmentStatusChanged> context)
    {
        ArgumentNullException.ThrowIfNull(context);
        await using var tx = await db.BeginAsync(context.CancellationToken);
        if (!await tx.ReceiveAsync(context.MessageId!.Value, nameof(StoreStatus)))
        {
            return;
        }

        var change = context.Message;
        await tx.ExecuteAsync(
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
            });
        await tx.CommitAsync();
    }
}
