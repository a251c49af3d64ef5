using Dapper;

using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Postgres;

/// <summary>Drops handled message ids and idempotency keys that are older than the options keep them.</summary>
internal sealed partial class Housekeeping(
    NpgsqlDataSource db, MigrationState migrated, TimeProvider clock, IOptions<PostgresOptions> options, ILogger<Housekeeping> log) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(30);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await migrated.Ready.WaitAsync(stoppingToken);
        using var timer = new PeriodicTimer(Interval, clock);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await using var connection = await db.OpenConnectionAsync(stoppingToken);
                await connection.ExecuteAsync(new CommandDefinition(
                    """
                    delete from inbox where received_at < now() - @InboxDays * interval '1 day';
                    delete from idempotency_keys where created_at < now() - @IdempotencyHours * interval '1 hour';
                    """, new { options.Value.InboxDays, options.Value.IdempotencyHours }, commandTimeout: 300, cancellationToken: stoppingToken));
            }
            catch (NpgsqlException exception)
            {
                LogFailed(exception.Message);
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Old inbox and idempotency rows were not dropped: {Reason}")]
    private partial void LogFailed(string reason);
}
