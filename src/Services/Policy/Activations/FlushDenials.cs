using EnvPlatform.Postgres;

using Npgsql;

namespace EnvPlatform.Policy.Activations;

/// <summary>Writes the audit events of denials that came faster than one a second, once a second.</summary>
internal sealed partial class FlushDenials(NpgsqlDataSource db, MigrationState migrated, TimeProvider clock, ILogger<FlushDenials> log) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await migrated.Ready.WaitAsync(stoppingToken);
        using var timer = new PeriodicTimer(Interval, clock);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await ActivationDenials.FlushAsync(db, clock, stoppingToken);
            }
            catch (NpgsqlException exception)
            {
                LogFailed(exception.Message);
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Counted activation denials wait for the database: {Reason}")]
    private partial void LogFailed(string reason);
}
