using System.Collections.Frozen;
using System.Text.Json;

using EnvPlatform.Contracts.Events;
using EnvPlatform.ServiceDefaults;

using NpgsqlTypes;

namespace EnvPlatform.Postgres.Outbox;

/// <summary>An event on its way to the outbox table.</summary>
internal sealed record OutboxMessage(string MessageType, string Body, string? TraceParent, string? TraceState)
{
    /// <summary>Wakes the relays; sent in the transaction, so it arrives after the commit.</summary>
    public const string Channel = "outbox";

    /// <summary>Every event type by the name under which it is stored.</summary>
    public static FrozenDictionary<string, Type> Types { get; } = typeof(EnvironmentLogged).Assembly.GetExportedTypes()
        .Where(type => type.Namespace == typeof(EnvironmentLogged).Namespace && type is { IsAbstract: false, IsClass: true })
        .ToFrozenDictionary(type => type.Name, StringComparer.Ordinal);

    public static OutboxMessage Of<T>(T message, MessageTrace trace) where T : class =>
        new(typeof(T).Name, JsonSerializer.Serialize(message, Json.Options), trace.Parent, trace.State);

    public static async Task WriteAsync(Tx tx, List<OutboxMessage> messages)
    {
        await using var command = tx.Connection.CreateCommand();
        // The ids are UUIDv7 by the database's clock (RFC 9562): version 4 with the milliseconds of now in front and the version's two
        // other bits set.
        command.CommandText =
            """
            insert into outbox (message_id, message_type, body, trace_parent, trace_state)
            select
                encode(set_bit(set_bit(overlay(
                    uuid_send(gen_random_uuid()) placing substring(int8send(floor(extract(epoch from clock_timestamp()) * 1000)::bigint)
                        from 3) from 1 for 6),
                    52, 1), 53, 1), 'hex')::uuid,
                m.*
            from unnest($1, $2, $3, $4) as m
            """;
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
