using Dapper;

using EnvPlatform.Postgres;

using Npgsql;

namespace EnvPlatform.Ingest.Environments;

/// <summary>Makes the partitions of <c>environment_logs</c> for this month and the two after it, before they are needed.</summary>
internal sealed partial class LogPartitions(NpgsqlDataSource db, MigrationState migrated, TimeProvider clock, ILogger<LogPartitions> log) : BackgroundService
{
    private const int MonthsAhead = 2;
    private static readonly TimeSpan Interval = TimeSpan.FromHours(6);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await migrated.Ready.WaitAsync(stoppingToken);
        using var timer = new PeriodicTimer(Interval, clock);
        do
        {
            try
            {
                await MakeAsync(stoppingToken);
            }
            catch (NpgsqlException exception)
            {
                LogFailed(exception.Message);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    /// <remarks>
    /// One statement under a lock of its own, as several instances may do this at once. A month whose rows already lie in the partition for
    /// the rest stays there.
    /// </remarks>
    private async Task MakeAsync(CancellationToken ct)
    {
        await using var connection = await db.OpenConnectionAsync(ct);
        await connection.ExecuteAsync(new CommandDefinition(
            "select make_environment_log_partitions(@Now, @MonthsAhead)", new { Now = clock.GetUtcNow(), MonthsAhead }, cancellationToken: ct));
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The months' partitions of environment_logs could not be made: {Reason}")]
    private partial void LogFailed(string reason);
}
