using System.Data;
using System.Diagnostics;
using System.Text.Json;

using Dapper;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Postgres.Outbox;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Npgsql;

namespace EnvPlatform.Postgres;

/// <summary>
/// A transaction with its outbox: what is published or audited in it is sent if and only if it commits. Disposing without
/// <see cref="CommitAsync"/> rolls back. Not safe for use by two threads.
/// </summary>
public sealed class Tx : IAsyncDisposable
{
    private readonly List<OutboxMessage> _messages = [];
    private readonly NpgsqlTransaction _transaction;
    private readonly CancellationToken _ct;
    private int _audited;
    private MessageTrace? _followed;
    private Activity? _begun;

    private Tx(NpgsqlTransaction transaction, CancellationToken ct)
    {
        _transaction = transaction;
        _ct = ct;
    }

    public NpgsqlConnection Connection => _transaction.Connection!;

    internal static async Task<Tx> BeginAsync(NpgsqlDataSource db, IsolationLevel isolation, CancellationToken ct)
    {
        var connection = await db.OpenConnectionAsync(ct);
        try
        {
            return new Tx(await connection.BeginTransactionAsync(isolation, ct), ct);
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    public Task<int> ExecuteAsync(string sql, object? parameters = null) => Connection.ExecuteAsync(Command(sql, parameters));

    public Task<T?> QuerySingleOrDefaultAsync<T>(string sql, object? parameters = null) =>
        Connection.QuerySingleOrDefaultAsync<T>(Command(sql, parameters));

    public Task<T> QuerySingleAsync<T>(string sql, object? parameters = null) => Connection.QuerySingleAsync<T>(Command(sql, parameters));

    public async Task<List<T>> QueryAsync<T>(string sql, object? parameters = null) =>
        (await Connection.QueryAsync<T>(Command(sql, parameters))).AsList();

    /// <summary>Publishes an event when the transaction commits, at least once.</summary>
    public void Publish<T>(T message) where T : class => _messages.Add(OutboxMessage.Of(message, Trace()));

    /// <summary>
    /// What is published from now on belongs to the trace of what brought it about: a request that was stored for later. Null for none.
    /// </summary>
    /// <param name="traceParent">As W3C trace context has it.</param>
    public void FollowTrace(string? traceParent) => _followed = MessageTrace.Of(traceParent);

    /// <summary>Records an action in the transaction that performs it. The action is one of <see cref="AuditActions"/>.</summary>
    /// <param name="now">
    /// When it was done, by the caller's clock. Events of one transaction keep their order: each is a microsecond after the previous one.
    /// </param>
    /// <param name="meta">Details and before and after values, serialized in snake_case; null for none. Never a secret.</param>
    public void Audit(Caller caller, DateTimeOffset now, string actionKey, AuditTarget target, string message, object? meta = null)
    {
        ArgumentNullException.ThrowIfNull(caller);
        if (!AuditActions.CategoryOf.ContainsKey(actionKey))
        {
            throw new ArgumentException($"'{actionKey}' is not in the catalogue of audit events.", nameof(actionKey));
        }

        var at = now.AddMicroseconds(_audited++);
        Publish(new AuditEventOccurred(
            Guid.CreateVersion7(at), caller.Organization?.Id, caller.Organization?.Slug, actionKey,
            new AuditActor(caller.SubjectId.ToString(), caller.Email, caller.SubjectType), target, caller.Service, message,
            JsonSerializer.SerializeToElement(meta ?? new { }, Json.Options), at, caller.SourceAddress, caller.UserAgent,
            Trace().Id, caller.RequestId));
    }

    /// <summary>
    /// True once for a message and consumer; false when the message was handled before: the transaction should then end without work.
    /// </summary>
    public async Task<bool> ReceiveAsync(Guid messageId, string consumer) =>
        await ExecuteAsync(
            "insert into inbox (consumer, message_id) values (@Consumer, @MessageId) on conflict do nothing",
            new { Consumer = consumer, MessageId = messageId }) == 1;

    /// <summary>The messages that this consumer has not handled before; they are marked as handled when the transaction commits.</summary>
    public async Task<HashSet<Guid>> ReceiveAsync(IReadOnlyCollection<Guid> messageIds, string consumer) =>
        [.. await QueryAsync<Guid>(
            """
            insert into inbox (consumer, message_id)
            select @Consumer, id from unnest(@MessageIds) as id
            on conflict do nothing
            returning message_id
            """, new { Consumer = consumer, MessageIds = messageIds.Distinct().ToArray() })];

    public async Task CommitAsync()
    {
        if (_messages.Count > 0)
        {
            await OutboxMessage.WriteAsync(this, _messages);
        }

        await BeforeCommit.RunAsync(this);
        await _transaction.CommitAsync(_ct);
    }

    public async ValueTask DisposeAsync()
    {
        _begun?.Dispose();
        var connection = _transaction.Connection;
        await _transaction.DisposeAsync();
        if (connection is not null)
        {
            await connection.DisposeAsync();
        }
    }

    private MessageTrace Trace() => _followed ?? MessageTrace.Of(
        Activity.Current is { IdFormat: ActivityIdFormat.W3C } current ? current : _begun ??= MessageTrace.Begin());

    private CommandDefinition Command(string sql, object? parameters) => new(sql, parameters, _transaction, cancellationToken: _ct);
}
