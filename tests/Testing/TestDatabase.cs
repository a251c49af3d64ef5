using System.Reflection;

using EnvPlatform.Postgres;
using EnvPlatform.Postgres.Setup;

using Microsoft.Extensions.Logging.Abstractions;

using Npgsql;

namespace EnvPlatform.Testing;

/// <summary>A separate database on the test server, dropped at the end.</summary>
public sealed class TestDatabase : IAsyncDisposable
{
    private readonly string _name;
    private readonly Lock _gate = new();
    private readonly Dictionary<Assembly, Task<string>> _prepared = [];

    private TestDatabase(string name)
    {
        _name = name;
        ConnectionString = new NpgsqlConnectionStringBuilder(TestServers.Postgres) { Database = name, MaxPoolSize = 30 }.ConnectionString;
    }

    /// <summary>Of the server's administrator, for what tests look at.</summary>
    public string ConnectionString { get; }

    /// <summary>Prepares it for a service as a real platform does, once.</summary>
    /// <param name="service">The service's assembly, which has the migrations.</param>
    /// <returns>The connection string of the service, whose role has no right beyond its own rows.</returns>
    public Task<string> PrepareAsync(Assembly service)
    {
        lock (_gate)
        {
            return _prepared.TryGetValue(service, out var known) ? known : _prepared[service] = PrepareOnceAsync(service);
        }
    }

    public static async Task<TestDatabase> CreateAsync()
    {
        var database = new TestDatabase("test_" + Guid.CreateVersion7().ToString("N"));
        await ExecuteAsync($"create database {database._name} strategy file_copy");
        return database;
    }

    public async ValueTask DisposeAsync()
    {
        await using (var connection = new NpgsqlConnection(ConnectionString))
        {
            NpgsqlConnection.ClearPool(connection);
        }

        await ExecuteAsync($"drop database if exists {_name} with (force)");
        foreach (var role in _prepared.Count > 0 ? [_name, _name + "_owner"] : Array.Empty<string>())
        {
            await ExecuteAsync($"drop role if exists {role}");
        }
    }

    private async Task<string> PrepareOnceAsync(Assembly service)
    {
        const string Password = "tests-tests-tests";
        await new DatabaseSetup(TestServers.Postgres, NullLoggerFactory.Instance).PrepareAsync(
            new(_name, _name, Password, MigrationScript.Of(service), ServiceDatabase.RightsIn(service, "Rights.sql")),
            CancellationToken.None);
        return new NpgsqlConnectionStringBuilder(ConnectionString) { Username = _name, Password = Password }.ConnectionString;
    }

    private static async Task ExecuteAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(
            new NpgsqlConnectionStringBuilder(TestServers.Postgres) { Pooling = false }.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }
}
