using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.Postgres.Background;
using EnvPlatform.ServiceDefaults.Prefixes;

using Npgsql;

namespace EnvPlatform.Policy.Activations;

/// <summary>
/// Gives the environments of which Policy heard before there were folded prefixes theirs, so that an activation check finds them by any
/// spelling. After that there is nothing to do.
/// </summary>
internal sealed class FoldPlaces(NpgsqlDataSource db) : IPeriodicWork
{
    private const int Batch = 1_000;

    public static TimeSpan Interval { get; } = TimeSpan.FromHours(6);

    public async Task RunAsync(CancellationToken ct)
    {
        while (await FoldAsync(ct) == Batch)
        {
        }
    }

    private async Task<int> FoldAsync(CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        var rows = await tx.QueryAsync<Row>(
            """
            select org_id, environment_id, prefix from environment_status
            where folded is null and machine_id is not null
            order by org_id, environment_id limit @Batch for update skip locked
            """, new { Batch });
        await tx.ExecuteAsync(
            """
            update environment_status s set folded = f.folded
            from unnest(@Organizations, @Environments, @Folded) as f (org_id, environment_id, folded)
            where s.org_id = f.org_id and s.environment_id = f.environment_id
            """,
            new
            {
                Organizations = rows.Select(row => row.OrgId.Value).ToArray(),
                Environments = rows.Select(row => row.EnvironmentId.Value).ToArray(),
                Folded = rows.Select(row => PrefixIdentity.FoldedDigest(row.Prefix)).ToArray(),
            });
        await tx.CommitAsync();
        return rows.Count;
    }

    private sealed record Row(OrganizationId OrgId, EnvironmentId EnvironmentId, string Prefix);
}
