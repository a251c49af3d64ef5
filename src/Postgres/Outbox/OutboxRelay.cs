using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Text.Json;

using Dapper;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Postgres.Background;
using EnvPlatform.ServiceDefaults;

using MassTransit;

using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Postgres.Outbox;

/// <summary>
/// Publishes what committed transactions left in the outbox: at least once, with the broker's confirm and <c>mandatory</c> (RabbitMQ
/// confirms what it cannot route otherwise). Several instances share the work by skipping each other's locked rows. Audit events, which
/// every service publishes, carry the broker's user, which the broker checks: nobody can publish in the name of another service.
/// </summary>
internal sealed partial class OutboxRelay(
    NpgsqlDataSource db, IBus bus, TimeProvider clock, IOptions<PostgresOptions> options, MessagingUser user,
    ILogger<OutboxRelay> log)
    : IListeningWork
{
    private static readonly ActivitySource Activities = new(Telemetry.ActivitySourceName);
    private static readonly Counter<long> Published = Telemetry.Meter.CreateCounter<long>("envplatform.outbox.published", "{message}");
    private static readonly Counter<long> Refused = Telemetry.Meter.CreateCounter<long>("envplatform.outbox.refused", "{message}");

    public static string Channel => OutboxMessage.Channel;

    public async Task<TimeSpan> RunAsync(CancellationToken ct)
    {
        while (await RelayBatchAsync(ct) == options.Value.RelayBatch)
        {
        }

        return TimeSpan.FromSeconds(options.Value.RelayPollSeconds);
    }

    /// <returns>How many rows were read.</returns>
    private async Task<int> RelayBatchAsync(CancellationToken ct)
    {
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(options.Value.RelayTimeoutSeconds), clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, timeout.Token);
        await using var connection = await db.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        var rows = (await connection.QueryAsync<Row>(new CommandDefinition(
            """
            select id, message_id, message_type, body, trace_parent, trace_state, attempts
            from outbox where not_before <= now()
            order by id limit @Limit for update skip locked
            """, new { Limit = options.Value.RelayBatch }, transaction, cancellationToken: ct))).AsList();
        if (rows.Count == 0)
        {
            return 0;
        }

        var confirmed = await Task.WhenAll(rows.Select(row => PublishAsync(row, either.Token)));
        var done = rows.Where((_, i) => confirmed[i]).Select(row => row.Id).ToArray();
        var refused = rows.Where((_, i) => !confirmed[i]).Select(row => row.Id).ToArray();
        await connection.ExecuteAsync(
            new CommandDefinition("delete from outbox where id = any(@done)", new { done }, transaction, cancellationToken: ct));
        if (refused.Length > 0)
        {
            await connection.ExecuteAsync(new CommandDefinition(
                """
                update outbox
                set attempts = attempts + 1, not_before = now() + least(60, 0.25 * power(2, least(attempts, 10))) * interval '1 second'
                where id = any(@refused)
                """, new { refused }, transaction, cancellationToken: ct));
        }

        await transaction.CommitAsync(ct);
        Published.Add(done.Length);
        Refused.Add(refused.Length);
        return refused.Length == 0 ? rows.Count : 0;
    }

    /// <summary>
    /// True when the broker confirmed the message; false when it did not confirm in time, returned it, or the row cannot be read.
    /// </summary>
    private async Task<bool> PublishAsync(Row row, CancellationToken ct)
    {
        if (!OutboxMessage.Types.TryGetValue(row.MessageType, out var type))
        {
            LogUnknown(row.Id, row.MessageType);
            return false;
        }

        _ = ActivityContext.TryParse(row.TraceParent, row.TraceState, isRemote: true, out var parent);
        using var activity = Activities.StartActivity("outbox relay", ActivityKind.Internal, parent);
        try
        {
            var message = JsonSerializer.Deserialize(row.Body, type, Json.Options)!;
            await bus.Publish(message, type, Pipe.Execute<PublishContext>(context =>
            {
                context.MessageId = row.MessageId;
                context.Mandatory = true;
                context.Durable = true;
                if (message is AuditEventOccurred && context.TryGetPayload(out RabbitMqSendContext? rabbit))
                {
                    rabbit.BasicProperties.UserId = user.Name;
                }
            }), ct);
            return true;
        }
        catch (Exception exception) when (exception
            is MassTransitException or OperationCanceledException or RabbitMQ.Client.Exceptions.RabbitMQClientException or JsonException)
        {
            // An unavailable broker, or a queue that is not declared yet, delays the message; the row stays and is retried.
            LogRefused(row.Id, row.MessageType, row.Attempts + 1, exception.Message);
            return false;
        }
    }

    private sealed record Row(
        long Id, Guid MessageId, string MessageType, string Body, string? TraceParent, string? TraceState, int Attempts);

    [LoggerMessage(Level = LogLevel.Error, Message = "Outbox row {Id} holds a message of unknown type {Type}")]
    private partial void LogUnknown(long id, string type);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Outbox row {Id} ({Type}) was not accepted by the broker, try {Attempt}: {Reason}")]
    private partial void LogRefused(long id, string type, int attempt, string reason);
}
