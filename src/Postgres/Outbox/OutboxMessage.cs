using System.Collections.Frozen;
using System.Diagnostics;
using System.Text.Json;

using EnvPlatform.Contracts.Events;
using EnvPlatform.ServiceDefaults;

using NpgsqlTypes;

namespace EnvPlatform.Postgres.Outbox;

/// <summary>An event on its way to the outbox table.</summary>
internal sealed record OutboxMessage(Guid MessageId, string MessageType, string Body, string? TraceParent, string? TraceState)
{
    /// <summary>Wakes the relays; sent in the transaction, so it arrives after the commit.</summary>
    public const string Channel = "outbox";

    /// <summary>Every event by the name under which it is stored.</summary>
    public static FrozenDictionary<string, Type> Types { get; } = typeof(EnvironmentLogged).Assembly.GetExportedTypes()
        .Where(type => type.Namespace == typeof(EnvironmentLogged).Namespace && type is { IsAbstract: false, IsClass: true })
        .ToFrozenDictionary(type => type.Name, StringComparer.Ordinal);

    public static OutboxMessage Of<T>(T message) where T : class
    {
        var activity = Activity.Current;
        return new(
            Guid.CreateVersion7(), typeof(T).Name, JsonSerializer.Serialize(message, Json.Options), activity?.Id, activity?.TraceStateString);
    }

    public static async Task WriteAsync(Tx tx, List<OutboxMessage> messages)
    {
        await using var command = tx.Connection.CreateCommand();
        command.CommandText =
            """
            insert into outbox (message_id, message_type, body, trace_parent, trace_state)
            select * from unnest($1, $2, $3, $4, $5)
            """;
        command.Parameters.Add(new() { Value = messages.Select(m => m.MessageId).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Uuid });
        command.Parameters.Add(Texts(messages.Select(m => m.MessageType)));
        command.Parameters.Add(Texts(messages.Select(m => m.Body)));
        command.Parameters.Add(Texts(messages.Select(m => m.TraceParent)));
        command.Parameters.Add(Texts(messages.Select(m => m.TraceState)));
        await command.ExecuteNonQueryAsync();
        await using var notify = tx.Connection.CreateCommand();
        notify.CommandText = "notify " + Channel;
        await notify.ExecuteNonQueryAsync();
    }

    private static Npgsql.NpgsqlParameter Texts(IEnumerable<string?> values) =>
        new() { Value = values.ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text };
}
