using EnvPlatform.Postgres;
using EnvPlatform.Postgres.Background;

using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Identity.Tokens;

/// <summary>
/// Drops tokens that expired or were revoked long ago, and counts of failed sign-ins whose window is over. Safe with several instances.
/// </summary>
internal sealed class DropVoidTokens(NpgsqlDataSource db, TimeProvider clock, IOptions<IdentityOptions> options) : IPeriodicWork
{
    public static TimeSpan Interval { get; } = TimeSpan.FromMinutes(30);

    public async Task RunAsync(CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        var now = clock.GetUtcNow();
        var before = now.AddDays(-options.Value.VoidTokenDays);
        await tx.ExecuteAsync("delete from tokens where expires_at < @before or revoked_at < @before", new { before });
        await tx.ExecuteAsync("delete from failed_sign_ins where window_ends_at < @now", new { now });
        await tx.CommitAsync();
    }
}
