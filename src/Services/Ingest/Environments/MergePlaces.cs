using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.Postgres.Background;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.ServiceDefaults.Prefixes;

using Npgsql;

namespace EnvPlatform.Ingest.Environments;

/// <summary>
/// Gives the environments that were logged before there were places their place, and makes one of those that are one folder: the one that
/// was logged last stays, the stricter status counts (Policy sees to that), and the other is removed. After that there is nothing to do.
/// </summary>
/// <remarks>
/// No step of the migration, as SQL does not fold text as <see cref="PrefixIdentity"/> does, and as other services and the audit log hear
/// of what is merged.
/// </remarks>
internal sealed partial class MergePlaces(NpgsqlDataSource db, TimeProvider clock, ILogger<MergePlaces> log) : IPeriodicWork
{
    private const int Batch = 500;

    public static TimeSpan Interval { get; } = TimeSpan.FromHours(6);

    public async Task RunAsync(CancellationToken ct)
    {
        while (await PlaceAsync(ct) == Batch)
        {
        }
    }

    private async Task<int> PlaceAsync(CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        var rows = await tx.QueryAsync<Row>(
            """
            select org_id, environment_id, machine_id, prefix, name, platform, archived, updated_at, version
            from environments where removed_at is null and place is null
            order by org_id, environment_id limit @Batch for update skip locked
            """, new { Batch });
        var merged = 0;
        foreach (var row in rows)
        {
            merged += await PlaceAsync(tx, row, PrefixIdentity.Of(row.Prefix, row.Platform)) ? 1 : 0;
        }

        await tx.CommitAsync();
        if (merged > 0)
        {
            LogMerged(merged);
        }

        return rows.Count;
    }

    /// <returns>Whether another environment was at the place.</returns>
    private async Task<bool> PlaceAsync(Tx tx, Row row, Guid place)
    {
        var other = await tx.QuerySingleOrDefaultAsync<Row>(
            """
            select org_id, environment_id, machine_id, prefix, name, platform, archived, updated_at, version
            from environments
            where org_id = @OrgId and machine_id = @MachineId and place = @place and removed_at is null for update
            """, new { row.OrgId, row.MachineId, place });
        var stays = other is null || row.UpdatedAt > other.UpdatedAt ? row : other;
        if (other is not null)
        {
            await RemoveAsync(tx, stays == row ? other : row, stays);
        }

        await tx.ExecuteAsync(
            """
            update environments set
                place = @place, archived = @Archived, archived_at = case when @Archived then coalesce(archived_at, @Now::timestamptz) end
            where org_id = @OrgId and environment_id = @EnvironmentId
            """,
            new
            {
                stays.OrgId,
                stays.EnvironmentId,
                place,
                Archived = row.Archived && other?.Archived != false,
                Now = clock.GetUtcNow(),
            });
        return other is not null;
    }

    private async Task RemoveAsync(Tx tx, Row goes, Row stays)
    {
        var now = clock.GetUtcNow();
        await tx.ExecuteAsync(
            """
            update environments set removed_at = @now, version = version + 1 where org_id = @OrgId and environment_id = @EnvironmentId
            """, new { goes.OrgId, goes.EnvironmentId, now });
        tx.Publish(new EnvironmentMerged(goes.OrgId, goes.EnvironmentId, stays.EnvironmentId, now));
        tx.Publish(new EnvironmentRemoved(goes.OrgId, goes.EnvironmentId, goes.Version + 1, now));
        tx.Audit(
            Caller.OfSystem("ingest", goes.OrgId), now, "environment_merged", new(goes.EnvironmentId.ToString(), null, "environment"),
            $"{goes.Prefix} and {stays.Prefix} are one folder: the environment {goes.Name} was merged into {stays.Name}.",
            new
            {
                goes.MachineId,
                Before = new { goes.Name, goes.Prefix, goes.Archived },
                After = new { stays.EnvironmentId, stays.Name, stays.Prefix },
            });
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "{Count} environments were merged with others at the same folder")]
    private partial void LogMerged(int count);

    private sealed record Row(
        OrganizationId OrgId, EnvironmentId EnvironmentId, MachineId MachineId, string Prefix, string Name, string Platform, bool Archived,
        DateTimeOffset UpdatedAt, long Version);
}
