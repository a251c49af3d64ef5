using System.Net.Sockets;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Processes;
using Npgsql;

namespace Aspire.Hosting;

public static class PostgresBuilderExtensions
{
    /// <summary>A PostgreSQL server. Its data last as long as the application unless it has a data volume.</summary>
    public static IResourceBuilder<PostgresServerResource> AddPostgres(
        this IDistributedApplicationBuilder builder, string name, IResourceBuilder<ParameterResource>? userName = null,
        IResourceBuilder<ParameterResource>? password = null, int? port = null)
    {
        var secret = password?.Resource ?? ParameterResourceBuilderExtensions.CreateDefaultPasswordParameter(builder, $"{name}-password", special: false);
        var server = new PostgresServerResource(name, userName?.Resource, secret);
        return builder.AddResource(server)
            .WithEndpoint(port, name: "tcp", protocol: ProtocolType.Tcp)
            .WithAnnotation(new ServerAnnotation { PrepareAsync = (setting, ct) => PostgresProgram.PrepareAsync(server, setting, ct) })
            .WithAnnotation(new ReadinessAnnotation((_, ct) => ProbeAsync(server, ct)))
            .WithAnnotation(new WhenReadyAnnotation(ct => CreateDatabasesAsync(server, ct)));
    }

    /// <summary>A database of the server, created when it is missing.</summary>
    public static IResourceBuilder<PostgresDatabaseResource> AddDatabase(
        this IResourceBuilder<PostgresServerResource> builder, string name, string? databaseName = null)
    {
        var database = new PostgresDatabaseResource(name, databaseName ?? name, builder.Resource);
        builder.Resource.AddDatabase(name, database.DatabaseName);
        return builder.ApplicationBuilder.AddResource(database);
    }

    public static IResourceBuilder<PostgresServerResource> WithDataVolume(
        this IResourceBuilder<PostgresServerResource> builder, string? name = null, bool isReadOnly = false) =>
        builder.WithAnnotation(new DataVolumeAnnotation(), ResourceAnnotationMutationBehavior.Replace);

    private static async Task<string?> ProbeAsync(PostgresServerResource server, CancellationToken ct)
    {
        try
        {
            await using var connection = await OpenAsync(server, ct);
            return null;
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException)
        {
            return e.Message;
        }
    }

    private static async Task CreateDatabasesAsync(PostgresServerResource server, CancellationToken ct)
    {
        if (server.Databases.Count == 0)
            return;

        await using var connection = await OpenAsync(server, ct);
        foreach (var database in server.Databases.Values)
        {
            // There is no "create database if not exists", and no parameter in the place of a name.
            await using var exists = new NpgsqlCommand("select 1 from pg_database where datname = $1", connection) { Parameters = { new() { Value = database } } };
            if (await exists.ExecuteScalarAsync(ct) is not null)
                continue;

            var quoted = new NpgsqlCommandBuilder().QuoteIdentifier(database);
            await using var create = new NpgsqlCommand($"create database {quoted}", connection);
            await create.ExecuteNonQueryAsync(ct);
        }
    }

    private static async Task<NpgsqlConnection> OpenAsync(PostgresServerResource server, CancellationToken ct)
    {
        var settings = new NpgsqlConnectionStringBuilder(await server.ConnectionStringExpression.GetValueAsync(ct))
        {
            Database = "postgres",
            Pooling = false,
            Timeout = 3,
            CommandTimeout = 30,
        };
        var connection = new NpgsqlConnection(settings.ConnectionString);
        await connection.OpenAsync(ct);
        return connection;
    }
}
