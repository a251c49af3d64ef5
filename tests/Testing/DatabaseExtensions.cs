using System.Text.Json;

using Dapper;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;

using Npgsql;

namespace EnvPlatform.Testing;

/// <summary>What tests do with the database of a service.</summary>
public static class DatabaseExtensions
{
    /// <summary>The first column of the first row; parameters by name.</summary>
    public static async Task<T> ScalarAsync<T>(this NpgsqlDataSource db, string sql, object? parameters = null)
    {
        ArgumentNullException.ThrowIfNull(db);
        await using var connection = await db.OpenConnectionAsync();
        return (await connection.ExecuteScalarAsync<T>(sql, parameters))!;
    }

    public static async Task ExecuteAsync(this NpgsqlDataSource db, string sql, object? parameters = null)
    {
        ArgumentNullException.ThrowIfNull(db);
        await using var connection = await db.OpenConnectionAsync();
        await connection.ExecuteAsync(sql, parameters);
    }

    /// <summary>Publishes through the service's own outbox.</summary>
    public static async Task PublishAsync<T>(this NpgsqlDataSource db, params T[] messages) where T : class
    {
        await using var tx = await db.BeginAsync(CancellationToken.None);
        foreach (var message in messages)
        {
            tx.Publish(message);
        }

        await tx.CommitAsync();
    }

    /// <summary>Publishes one message several times, as a broker may after a lost acknowledgement.</summary>
    public static Task PublishAgainAsync<T>(this NpgsqlDataSource db, T message, int times) where T : class => db.ExecuteAsync(
        "insert into outbox (message_id, message_type, body) select @Id, @Type, @Body from generate_series(1, @times); notify outbox",
        new { Id = Guid.CreateVersion7(), Type = typeof(T).Name, Body = JsonSerializer.Serialize(message, Json.Options), times });

    /// <summary>Publishes a machine to Ingest, as Identity does, and waits until Ingest knows it.</summary>
    /// <param name="ingest">The database of Ingest.</param>
    public static async Task<MachineId> RegisterMachineAsync(
        this NpgsqlDataSource ingest, TestCaller owner, string hostname = "host", MachineId? id = null, DateTimeOffset? at = null)
    {
        ArgumentNullException.ThrowIfNull(owner);
        var machine = id ?? new MachineId(Guid.CreateVersion7());
        await ingest.PublishAsync(new MachineRegistered(
            owner.Memberships[0].Id, machine, owner.SubjectId, hostname, "linux-64", "1.0", at ?? TimeProvider.System.GetUtcNow()));
        await Eventually.BecomesTrueAsync(
            async () => await ingest.ScalarAsync<long>("select count(*) from machines where machine_id = @Value", new { machine.Value })
                == 1, "the machine is known");
        return machine;
    }
}
