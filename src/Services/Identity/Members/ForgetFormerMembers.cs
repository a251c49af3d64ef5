using EnvPlatform.Postgres;
using EnvPlatform.Postgres.Background;

using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Identity.Members;

/// <summary>
/// Drops what is remembered of the groups and seats of those who were removed long ago. Their memberships stay, so that what they did keeps
/// a name. Safe with several instances.
/// </summary>
internal sealed class ForgetFormerMembers(NpgsqlDataSource db, TimeProvider clock, IOptions<IdentityOptions> options) : IPeriodicWork
{
    public static TimeSpan Interval { get; } = TimeSpan.FromMinutes(30);

    public async Task RunAsync(CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        await tx.ExecuteAsync(
            """
            update memberships set left_groups = '{}', left_products = '{}'
            where removed_at < @Before and (left_groups <> '{}' or left_products <> '{}')
            """, new { Before = clock.GetUtcNow().AddDays(-options.Value.FormerMemberDays) });
        await tx.CommitAsync();
    }
}
