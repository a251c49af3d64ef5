using EnvPlatform.Postgres;
using EnvPlatform.Postgres.Background;

using Npgsql;

namespace EnvPlatform.Audit.AuditLogs;

/// <summary>The monthly partitions of the audit log: created two months ahead, and when an event needs one.</summary>
internal sealed class AuditPartitions(NpgsqlDataSource db, TimeProvider clock) : IPeriodicWork
{
    private const int MonthsAhead = 2;
    private long _ensuredUntilTicks;

    public static TimeSpan Interval { get; } = TimeSpan.FromHours(1);

    /// <summary>Makes sure that events recorded at a time, and for a while after it, have a partition.</summary>
    public async Task EnsureAsync(DateTimeOffset at, CancellationToken ct)
    {
        if (at.UtcTicks < Interlocked.Read(ref _ensuredUntilTicks))
        {
            return;
        }

        for (var month = 0; month <= MonthsAhead; month++)
        {
            await db.QuerySingleOrDefaultAsync<string>(
                "select ensure_audit_partition(@At)::text", new { At = at.ToUniversalTime().AddMonths(month) }, ct);
        }

        var utc = at.UtcDateTime;
        Interlocked.Exchange(
            ref _ensuredUntilTicks, new DateTimeOffset(utc.Year, utc.Month, 1, 0, 0, 0, TimeSpan.Zero).AddMonths(1).UtcTicks);
    }

    public Task RunAsync(CancellationToken ct) => EnsureAsync(clock.GetUtcNow(), ct);
}
