using MassTransit;

using Npgsql;

namespace EnvPlatform.Postgres;

/// <summary>
/// The frame of every consumer that writes: one transaction, in which the message is marked as handled and the work is done, or neither. A
/// duplicate message is dropped, for each consumer by its name. An exception rolls back and is left to the retries of the endpoint.
/// </summary>
public static class Inbox
{
    /// <summary>Does the work for a message that this consumer has not handled before, and commits.</summary>
    /// <param name="consumer">The consumer itself: the inbox identifies it by its type's name.</param>
    public static async Task HandleOnceAsync<T>(
        this NpgsqlDataSource db, IConsumer<T> consumer, ConsumeContext<T> context, Func<Tx, T, Task> handleAsync)
        where T : class
    {
        ArgumentNullException.ThrowIfNull(consumer);
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(handleAsync);
        await using var tx = await db.BeginAsync(context.CancellationToken);
        if (await tx.ReceiveAsync(context.MessageId!.Value, consumer.GetType().Name))
        {
            await handleAsync(tx, context.Message);
            await tx.CommitAsync();
        }
    }

    /// <summary>
    /// Does the work for those messages of a batch that this consumer has not handled before, each once, and commits; nothing where there
    /// are none.
    /// </summary>
    /// <param name="consumer">The consumer itself: its type's name is what the inbox knows it by.</param>
    public static Task HandleBatchOnceAsync<T>(
        this NpgsqlDataSource db, IConsumer<Batch<T>> consumer, ConsumeContext<Batch<T>> context,
        Func<Tx, IReadOnlyList<T>, Task> handleAsync)
        where T : class
    {
        ArgumentNullException.ThrowIfNull(context);
        return db.HandleBatchOnceAsync(consumer, context.Message, handleAsync, context.CancellationToken);
    }

    /// <summary>The same for a part of a batch, where all of it would be too much work for one transaction.</summary>
    /// <param name="consumer">The consumer itself: its type's name is what the inbox knows it by.</param>
    public static async Task HandleBatchOnceAsync<T>(
        this NpgsqlDataSource db, IConsumer<Batch<T>> consumer, IEnumerable<ConsumeContext<T>> part,
        Func<Tx, IReadOnlyList<T>, Task> handleAsync, CancellationToken ct)
        where T : class
    {
        ArgumentNullException.ThrowIfNull(consumer);
        ArgumentNullException.ThrowIfNull(handleAsync);
        var messages = part.DistinctBy(message => message.MessageId!.Value).ToArray();
        await using var tx = await db.BeginAsync(ct);
        var fresh = await tx.ReceiveAsync([.. messages.Select(message => message.MessageId!.Value)], consumer.GetType().Name);
        if (fresh.Count > 0)
        {
            await handleAsync(
                tx, [.. messages.Where(message => fresh.Contains(message.MessageId!.Value)).Select(message => message.Message)]);
            await tx.CommitAsync();
        }
    }
}
