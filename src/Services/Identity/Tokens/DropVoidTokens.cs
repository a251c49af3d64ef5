using EnvPlatform.Identity.Notices;
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

        await tx.ExecuteAsync("delete from expiry_notices where expires_at < @before", new { before });
        await tx.ExecuteAsync(
            "delete from known_devices where last_used_at < @Unused", new { Unused = now.AddDays(-KnownDevices.Days) });

        // A used code or refresh token is known until it would have expired: a second use of it ends the grant.
        await tx.ExecuteAsync("delete from oauth_tokens where expires_at < @now", new { now });
        await tx.ExecuteAsync(
            """
            delete from oauth_grants g
            where g.created_at < @Waiting and (g.subject_id is null or g.created_at < @Oldest)
            """, new { Waiting = now.AddDays(-1), Oldest = now.AddDays(-options.Value.GrantDays) });
        await tx.CommitAsync();
    }
}
