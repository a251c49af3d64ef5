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
/// Migrates in the background, retrying until the database is available, so that a service started before it becomes ready by itself.
/// </summary>
internal sealed partial class MigrateAtStart(
    Migrator migrator, MigrationState state, TimeProvider clock, IHostApplicationLifetime lifetime,
    ILogger<MigrateAtStart> log) : BackgroundService
{
    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        new RepeatedWork(nameof(MigrateAtStart), clock, log).RunAsync(MigrateAsync, stoppingToken);

    private async Task<TimeSpan?> MigrateAsync(CancellationToken ct)
    {
        try
        {
            await migrator.MigrateAsync(ct);
            state.Complete();
        }
        catch (Exception exception) when (exception is PostgresException { IsTransient: false } or InvalidOperationException)
        {
            LogFailed(exception);
            Environment.ExitCode = 1;
            lifetime.StopApplication();
        }

        return null;
    }

    [LoggerMessage(Level = LogLevel.Critical, Message = "The database could not be migrated")]
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
