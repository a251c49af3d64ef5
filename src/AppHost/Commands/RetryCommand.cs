using System.Globalization;

using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace EnvPlatform.AppHost.Commands;

/// <summary>The dashboard's "Send errors again": moves failed messages from the error queues back to their original queues.</summary>
internal static class RetryCommand
{
    private const string ErrorSuffix = "_error";

    private const string Queue = "queue";

    public static IResourceBuilder<RabbitMQServerResource> WithRetryCommand(this IResourceBuilder<RabbitMQServerResource> messaging) =>
        messaging.WithCommand(
            "retry-errors",
            "Send errors again",
            async context =>
            {
                var queue = context.Arguments.GetString(Queue) ?? "";
                if (!queue.EndsWith(ErrorSuffix, StringComparison.Ordinal))
                {
                    return CommandResults.Failure(
                        $"An error queue's name ends with {ErrorSuffix}, such as scanner-scan-environment{ErrorSuffix}.");
                }

                var address = await messaging.Resource.ConnectionStringExpression.GetValueAsync(context.CancellationToken);
                return await MoveAsync(new Uri(address!), queue, context.CancellationToken);
            },
            new CommandOptions
            {
                Description = "Moves the messages of an error queue back to the queue where they failed. Mend the cause first.",
                IconName = "ArrowRepeatAll",
                UpdateState = context => CommandStates.WhileHealthy(context.ResourceSnapshot),
                Arguments = [new InteractionInput { Name = Queue, Label = "Error queue", InputType = InputType.Text, Required = true }],
            });

    /// <summary>
    /// Each message is confirmed by its old queue before it leaves the error queue: a crash in between leaves it in both, never in neither.
    /// </summary>
    private static async Task<ExecuteCommandResult> MoveAsync(Uri address, string errorQueue, CancellationToken ct)
    {
        var target = errorQueue[..^ErrorSuffix.Length];
        await using var connection = await new ConnectionFactory { Uri = address }.CreateConnectionAsync(ct);
        await using var channel = await connection.CreateChannelAsync(
            new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true), ct);
        try
        {
            var waiting = await channel.MessageCountAsync(errorQueue, ct);
            for (var moved = 0u; moved < waiting; moved++)
            {
                if (await channel.BasicGetAsync(errorQueue, autoAck: false, ct) is not { } message)
                {
                    return Moved(moved, target);
                }

                await channel.BasicPublishAsync(
                    "", target, mandatory: true, new BasicProperties(message.BasicProperties), message.Body, ct);
                await channel.BasicAckAsync(message.DeliveryTag, multiple: false, ct);
            }

            return Moved(waiting, target);
        }
        catch (OperationInterruptedException e) when (e.ShutdownReason?.ReplyCode == Constants.NotFound)
        {
            return CommandResults.Success($"There is no queue {errorQueue}: nothing has failed there.");
        }
        catch (PublishException)
        {
            return CommandResults.Failure($"There is no queue {target}: the messages stay in {errorQueue}.");
        }
    }

    private static ExecuteCommandResult Moved(uint count, string queue) =>
        CommandResults.Success(string.Create(CultureInfo.InvariantCulture, $"{count} messages went back to {queue}."));
}
