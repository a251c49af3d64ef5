using Dapper;

using EnvPlatform.ServiceDefaults.Background;

using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

using Npgsql;

namespace EnvPlatform.Postgres;

/// <summary>Whether the schema is as this version of the service needs it.</summary>
public sealed class MigrationState
{
    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes when the schema is ready; background work that touches the database waits for it.</summary>
    public Task Ready => _done.Task;

    internal void Complete() => _done.TrySetResult();
}

/// <summary>
/// Waits until the database has the migrations that this version of the service needs, so that a service started before they are applied
/// becomes ready by itself. The service cannot apply them: its role may not change the schema. Newer ones that it does not know are no
/// obstacle. One whose text is another than this version's stops the service.
/// </summary>
internal sealed partial class SchemaCheck(
    NpgsqlDataSource db, IReadOnlyList<MigrationScript> scripts, MigrationState state, TimeProvider clock,
    IHostApplicationLifetime lifetime, ILogger<SchemaCheck> log) : BackgroundService
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);
    private bool _hasWaited;

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        new RepeatedWork(nameof(SchemaCheck), clock, log).RunAsync(CheckAsync, stoppingToken);

    private async Task<TimeSpan?> CheckAsync(CancellationToken ct)
    {
        try
        {
            var applied = await AppliedAsync(ct);
            foreach (var script in scripts)
            {
                if (!applied.TryGetValue((script.Source, script.Name), out var sha256))
                {
                    return Missing($"{script.Source}/{script.Name}");
                }

                script.RefuseWhenEdited(sha256);
            }

            state.Complete();
        }
        catch (PostgresException exception) when (exception.SqlState
            is PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.InvalidCatalogName or PostgresErrorCodes.InvalidPassword
                or PostgresErrorCodes.InsufficientPrivilege or PostgresErrorCodes.InvalidAuthorizationSpecification)
        {
            // Neither the database nor the role need be there yet.
            return Missing(exception.MessageText);
        }
        catch (Exception exception) when (exception is PostgresException { IsTransient: false } or InvalidOperationException)
        {
            LogFailed(exception);
            Environment.ExitCode = 1;
            lifetime.StopApplication();
        }

        return null;
    }

    private async Task<Dictionary<(string Source, string Name), string>> AppliedAsync(CancellationToken ct)
    {
        await using var connection = await db.OpenConnectionAsync(ct);
        return (await connection.QueryAsync<(string Source, string Name, string Sha256)>(
                new CommandDefinition("select source, name, sha256 from migrations", cancellationToken: ct)))
            .ToDictionary(row => (row.Source, row.Name), row => row.Sha256);
    }

    private TimeSpan Missing(string what)
    {
        if (!_hasWaited)
        {
            LogWaiting(what);
            _hasWaited = true;
        }

        return Pause;
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Waiting for the database to be prepared: {What}")]
    private partial void LogWaiting(string what);

    [LoggerMessage(Level = LogLevel.Critical, Message = "The database is not as this version of the service needs it")]
    private partial void LogFailed(Exception exception);
}

/// <summary>Ready when the schema is migrated and the database answers.</summary>
internal sealed class PostgresHealth(NpgsqlDataSource db, MigrationState state) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        if (!state.Ready.IsCompleted)
        {
            return HealthCheckResult.Unhealthy("The database is not migrated yet.");
        }

        try
        {
            await using var command = db.CreateCommand("select 1");
            await command.ExecuteScalarAsync(cancellationToken);
            return HealthCheckResult.Healthy();
        }
        catch (NpgsqlException)
        {
            return HealthCheckResult.Unhealthy("The database does not answer.");
        }
    }
}
