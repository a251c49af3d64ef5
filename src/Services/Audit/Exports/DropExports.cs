using EnvPlatform.Postgres;
using EnvPlatform.Postgres.Background;

using Npgsql;

namespace EnvPlatform.Audit.Exports;

/// <summary>Removes exports whose time is over.</summary>
internal sealed class DropExports(NpgsqlDataSource db, TimeProvider clock) : IPeriodicWork
{
    public static TimeSpan Interval { get; } = TimeSpan.FromMinutes(10);

    public async Task RunAsync(CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        await tx.ExecuteAsync("delete from audit_exports where expires_at <= @Now", new { Now = clock.GetUtcNow() });
        await tx.CommitAsync();
    }
}
