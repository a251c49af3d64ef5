using System.Text.Json;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres.Background;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Refusals;

using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Postgres.Refusals;

/// <summary>
/// Writes what the <see cref="RefusalLog"/> holds to the audit log: of each caller, organization, action and operation the first at once,
/// and those that follow as one event with their count, once in <see cref="PostgresOptions.RefusalSeconds"/>. All instances of a service
/// count together, in the database. A process that is killed loses the refusals of its last quarter of a second.
/// </summary>
internal sealed class KeepRefusals(NpgsqlDataSource db, RefusalLog log, TimeProvider clock, IOptions<PostgresOptions> options)
    : IPeriodicWork
{
    private const int CountBatch = 500;
    private DateTimeOffset _countedAt;

    public static TimeSpan Interval { get; } = TimeSpan.FromMilliseconds(250);

    private TimeSpan Window => TimeSpan.FromSeconds(options.Value.RefusalSeconds);

    /// <summary>Between two looks at the database, in which another instance may have left something.</summary>
    private TimeSpan CountInterval => Window / 12;

    public async Task RunAsync(CancellationToken ct)
    {
        await KeepAsync(ct);
        if (clock.GetUtcNow() - _countedAt >= CountInterval)
        {
            while (await WriteCountsAsync(ct) == CountBatch)
            {
            }

            _countedAt = clock.GetUtcNow();
        }
    }

    /// <summary>What was added since the last time. When that fails it is kept for the next.</summary>
    public async Task KeepAsync(CancellationToken ct)
    {
        var taken = log.Take();
        if (taken.Count == 0)
        {
            return;
        }

        try
        {
            await StoreAsync([.. taken], ct);
        }
        catch
        {
            log.Return(taken);
            throw;
        }
    }

    private async Task StoreAsync(RefusalCount[] taken, CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        var now = clock.GetUtcNow();
        // In the order of the keys, to avoid deadlocks between instances.
        var atOnce = (await tx.QueryAsync<Key>(
            """
            insert into refusals as r (
                org_id, subject_id, action_key, operation, recorded_at, pending, first_pending_at, last_pending_at, details)
            select org_id, subject_id, action_key, operation, @Now, count - 1, first_at, last_at, details::jsonb
            from unnest(@Organizations, @Subjects, @Actions, @Operations, @Counts, @Firsts, @Lasts, @Details)
                as n (org_id, subject_id, action_key, operation, count, first_at, last_at, details)
            order by org_id, subject_id, action_key, operation
            on conflict (org_id, subject_id, action_key, operation) do update set
                details = excluded.details,
                first_pending_at = case when r.pending = 0 then excluded.first_pending_at else r.first_pending_at end,
                last_pending_at = excluded.last_pending_at,
                pending = case when r.pending = 0 and r.recorded_at <= @Now - @Window then excluded.pending
                    else r.pending + excluded.pending + 1 end,
                recorded_at = case when r.pending = 0 and r.recorded_at <= @Now - @Window then @Now else r.recorded_at end
            returning org_id, subject_id, action_key, operation, recorded_at = @Now as first
            """,
            new
            {
                Now = now,
                Window,
                Organizations = taken.Select(one => Key.Of(one.First).OrgId.Value).ToArray(),
                Subjects = taken.Select(one => one.First.Caller.SubjectId.Value).ToArray(),
                Actions = taken.Select(one => one.First.Action).ToArray(),
                Operations = taken.Select(one => one.First.Operation).ToArray(),
                Counts = taken.Select(one => one.Count).ToArray(),
                Firsts = taken.Select(one => one.First.At).ToArray(),
                Lasts = taken.Select(one => one.Last.At).ToArray(),
                Details = taken.Select(one => JsonSerializer.Serialize(one.Last, Json.Options)).ToArray(),
            })).ToHashSet();
        foreach (var one in taken.Where(one => atOnce.Contains(Key.Of(one.First))))
        {
            Write(tx, one.First, 1, one.First.At, one.First.At);
        }

        await tx.CommitAsync();
    }

    /// <returns>How many events were written.</returns>
    private async Task<int> WriteCountsAsync(CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        var now = clock.GetUtcNow();
        var rows = await tx.QueryAsync<Row>(
            """
            select org_id, subject_id, action_key, operation, pending, first_pending_at, last_pending_at, details::text as details
            from refusals
            where pending > 0 and recorded_at <= @Now - @Window
            order by org_id, subject_id, action_key, operation limit @CountBatch for update skip locked
            """, new { Now = now, Window, CountBatch });
        foreach (var row in rows)
        {
            Write(tx, JsonSerializer.Deserialize<Refusal>(row.Details, Json.Options)!, row.Pending, row.FirstPendingAt, row.LastPendingAt);
        }

        if (rows.Count > 0)
        {
            await tx.ExecuteAsync(
                """
                update refusals as r set pending = 0, recorded_at = @Now
                from unnest(@Organizations, @Subjects, @Actions, @Operations) as k (org_id, subject_id, action_key, operation)
                where (r.org_id, r.subject_id, r.action_key, r.operation) = (k.org_id, k.subject_id, k.action_key, k.operation)
                """,
                new
                {
                    Now = now,
                    Organizations = rows.Select(row => row.OrgId.Value).ToArray(),
                    Subjects = rows.Select(row => row.SubjectId.Value).ToArray(),
                    Actions = rows.Select(row => row.ActionKey).ToArray(),
                    Operations = rows.Select(row => row.Operation).ToArray(),
                });
        }

        await tx.ExecuteAsync("delete from refusals where pending = 0 and recorded_at < @Now - @Window * 2", new { Now = now, Window });
        await tx.CommitAsync();
        return rows.Count;
    }

    private static void Write(Tx tx, Refusal refusal, long count, DateTimeOffset since, DateTimeOffset until)
    {
        tx.FollowTrace(refusal.TraceParent);
        var who = refusal.Operation == RefusalLog.Others ? "Somebody"
            : refusal.Caller.DisplayName.Length > 0 ? refusal.Caller.DisplayName : "Somebody of another organization";
        var times = count == 1 ? "" : $" {count} times";
        tx.Audit(
            refusal.Caller, until, refusal.Action, new AuditTarget(refusal.Operation, null, "operation"),
            $"{who} was refused {refusal.Operation}{times}: {refusal.Reason}.",
            new
            {
                refusal.Operation,
                refusal.Method,
                refusal.Path,
                refusal.Status,
                refusal.Reason,
                refusal.Detail,
                Outcome = "refused",
                Count = count,
                Since = since,
                Until = until,
            });
    }

    private sealed record Key(OrganizationId OrgId, SubjectId SubjectId, string ActionKey, string Operation, bool First)
    {
        public static Key Of(Refusal refusal) => new(
            refusal.Caller.Organization?.Id ?? default, refusal.Caller.SubjectId, refusal.Action, refusal.Operation, true);
    }

    private sealed record Row(
        OrganizationId OrgId, SubjectId SubjectId, string ActionKey, string Operation, long Pending,
        DateTimeOffset FirstPendingAt, DateTimeOffset LastPendingAt, string Details);
}
