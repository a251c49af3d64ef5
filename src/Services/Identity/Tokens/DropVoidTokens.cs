using EnvPlatform.Postgres;

using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Identity.Tokens;

/// <summary>Drops tokens that have been void for long, and counts of failed sign-ins whose window is over. Safe with several instances.</summary>
internal sealed partial class DropVoidTokens(
    NpgsqlDataSource db, MigrationState migrated, TimeProvider clock, IOptions<IdentityOptions> options, ILogger<DropVoidTokens> log) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(30);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await migrated.Ready.WaitAsync(stoppingToken);
        using var timer = new PeriodicTimer(Interval, clock);
        do
        {
            try
            {
                await using var tx = await db.BeginAsync(stoppingToken);
                var now = clock.GetUtcNow();
                var before = now.AddDays(-options.Value.VoidTokenDays);
                await tx.ExecuteAsync("delete from tokens where expires_at < @before or revoked_at < @before", new { before });
                await tx.ExecuteAsync("delete from failed_sign_ins where window_ends_at < @now", new { now });
                await tx.CommitAsync();
            }
            catch (NpgsqlException exception)
            {
                LogFailed(exception.Message);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Void tokens were not dropped: {Reason}")]
    private partial void LogFailed(string reason);
}
