using EnvPlatform.Postgres;

using Npgsql;

namespace EnvPlatform.Audit.AuditLogs;

/// <summary>The monthly partitions of the audit log: made two months ahead, and when an event needs one.</summary>
internal sealed partial class AuditPartitions(NpgsqlDataSource db, MigrationState migrated, TimeProvider clock, ILogger<AuditPartitions> log) : BackgroundService
{
    private const int MonthsAhead = 2;
    private static readonly TimeSpan Interval = TimeSpan.FromHours(1);
    private long ensuredUntilTicks;

    /// <summary>Makes sure that events recorded at a time, and for a while after it, have a partition.</summary>
    public async Task EnsureAsync(DateTimeOffset at, CancellationToken ct)
    {
        if (at.UtcTicks < Interlocked.Read(ref ensuredUntilTicks))
        {
            return;
        }

        for (var month = 0; month <= MonthsAhead; month++)
        {
            await db.QuerySingleOrDefaultAsync<string>("select ensure_audit_partition(@At)::text", new { At = at.ToUniversalTime().AddMonths(month) }, ct);
        }

        var utc = at.UtcDateTime;
        Interlocked.Exchange(ref ensuredUntilTicks, new DateTimeOffset(utc.Year, utc.Month, 1, 0, 0, 0, TimeSpan.Zero).AddMonths(1).UtcTicks);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await migrated.Ready.WaitAsync(stoppingToken);
        using var timer = new PeriodicTimer(Interval, clock);
        do
        {
            try
            {
                await EnsureAsync(clock.GetUtcNow(), stoppingToken);
            }
            catch (NpgsqlException exception)
            {
                LogFailed(exception.Message);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The partitions of the coming months could not be made: {Reason}")]
    private partial void LogFailed(string reason);
}
