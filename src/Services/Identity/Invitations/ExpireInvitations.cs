using EnvPlatform.Postgres;
using EnvPlatform.Postgres.Background;

using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Identity.Invitations;

/// <summary>
/// Notes in the audit log which invitations have expired, and drops those that have ended long ago. They are void by their time alone. Safe
/// with several instances.
/// </summary>
internal sealed class ExpireInvitations(NpgsqlDataSource db, TimeProvider clock, IOptions<IdentityOptions> options) : IPeriodicWork
{
    public static TimeSpan Interval { get; } = TimeSpan.FromMinutes(5);

    public async Task RunAsync(CancellationToken ct)
    {
        int expired;
        do
        {
            await using var tx = await db.BeginAsync(ct);
            var now = clock.GetUtcNow();
            expired = await Invitation.ExpireAsync(tx, now);
            await tx.ExecuteAsync(
                "delete from invitations where ended_at < @Before", new { Before = now.AddDays(-options.Value.EndedInvitationDays) });
            await tx.CommitAsync();
        }
        while (expired > 0);
    }
}
