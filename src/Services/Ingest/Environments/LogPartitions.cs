using EnvPlatform.Postgres;
using EnvPlatform.Postgres.Background;

using Npgsql;

namespace EnvPlatform.Ingest.Environments;

/// <summary>Creates the partitions of <c>environment_logs</c> for this month and the two after it, before they are needed.</summary>
internal sealed class LogPartitions(NpgsqlDataSource db, TimeProvider clock) : IPeriodicWork
{
    private const int MonthsAhead = 2;

    public static TimeSpan Interval { get; } = TimeSpan.FromHours(6);

    /// <remarks>
    /// One statement under its own lock, as several instances may do this at once. A month whose rows are already in the default partition
    /// stays there.
    /// </remarks>
    public Task RunAsync(CancellationToken ct) => db.QuerySingleOrDefaultAsync<string>(
        "select make_environment_log_partitions(@Now, @MonthsAhead)::text", new { Now = clock.GetUtcNow(), MonthsAhead }, ct);
}
