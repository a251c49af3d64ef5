using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.Postgres.Background;
using EnvPlatform.ServiceDefaults.Callers;

using Npgsql;

namespace EnvPlatform.Ingest.Environments;

/// <summary>
/// Erases archived environments, with their history, when the organization's days are over since they were archived and since they were
/// logged last. A blocked one stays: a block must not end by itself. Safe with several instances.
/// </summary>
internal sealed class EraseArchivedEnvironments(NpgsqlDataSource db, TimeProvider clock) : IPeriodicWork
{
    private const int Batch = 200;

    public static TimeSpan Interval { get; } = TimeSpan.FromHours(1);

    public async Task RunAsync(CancellationToken ct)
    {
        foreach (var retention in await db.QueryAsync<Retention>(
            "select org_id, days from archive_retentions where days is not null order by org_id", null, ct))
        {
            while (await EraseAsync(retention, ct) == Batch)
            {
            }
        }
    }

    private async Task<int> EraseAsync(Retention retention, CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        var now = clock.GetUtcNow();
        var rows = await tx.QueryAsync<Row>(
            """
            select environment_id, name, prefix, machine_id, coalesce(archived_at, updated_at) as archived_at, version
            from environments e
            where org_id = @OrgId and archived and removed_at is null and status <> 'block'
              and greatest(coalesce(archived_at, updated_at), seen_at) < @Before
              and exists (select from archive_retentions r where r.org_id = e.org_id and r.days = @Days)
            order by environment_id limit @Batch for update of e skip locked
            """, new { retention.OrgId, retention.Days, Before = now.AddDays(-retention.Days), Batch });
        var parameters = new { retention.OrgId, Ids = rows.Select(row => row.EnvironmentId.Value).ToArray() };
        await tx.ExecuteAsync("delete from environment_logs where org_id = @OrgId and environment_id = any(@Ids)", parameters);
        await tx.ExecuteAsync("delete from environments where org_id = @OrgId and environment_id = any(@Ids)", parameters);
        foreach (var row in rows)
        {
            tx.Publish(new EnvironmentRemoved(retention.OrgId, row.EnvironmentId, row.Version + 1, now));
            tx.Audit(
                Caller.OfSystem("ingest", retention.OrgId), now, "environment_removed",
                new(row.EnvironmentId.ToString(), null, "environment"),
                $"Erased the environment {row.Name} ({row.Prefix}): it was archived more than {retention.Days} days ago.",
                new
                {
                    Before = new { row.Name, row.Prefix, row.MachineId },
                    reason = "retention",
                    retention_days_archived = retention.Days,
                    row.ArchivedAt,
                });
        }

        await tx.CommitAsync();
        return rows.Count;
    }

    private sealed record Retention(OrganizationId OrgId, int Days);

    private sealed record Row(
        EnvironmentId EnvironmentId, string Name, string Prefix, MachineId MachineId, DateTimeOffset ArchivedAt, long Version);
}
