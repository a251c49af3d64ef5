using System.Diagnostics;
using System.Text.Json;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Npgsql;

namespace EnvPlatform.Policy.Activations;

/// <summary>
/// Warnings and refusals become audit events, each of them, up to one a second for a subject and an environment; any beyond that are
/// counted in the database and become one event with the count within seconds.
/// </summary>
internal static class ActivationDenials
{
    private const int FlushBatch = 500;

    public static async Task RecordAsync(NpgsqlDataSource db, Caller caller, Location location, ActivationAnswer answer, TimeProvider clock)
    {
        var actionKey = answer.Status == ActivationStatus.Block ? "activation_blocked" : "activation_warned";
        var details = new Details(caller, location.MachineId, location.Prefix, answer, Activity.Current?.Id);
        // The caller may hang up, as agents do when they have waited long enough: the refusal is recorded all the same.
        await using var tx = await db.BeginAsync(CancellationToken.None);
        var now = clock.GetUtcNow();
        var atOnce = await tx.QuerySingleAsync<bool>(
            """
            insert into activation_denials as d (org_id, environment_id, action_key, subject_id, recorded_at, details)
            values (@OrgId, @EnvironmentId, @ActionKey, @SubjectId, @Now, @Details::jsonb)
            on conflict (org_id, environment_id, action_key, subject_id) do update set
                details = excluded.details,
                recorded_at = case when d.pending = 0 and d.recorded_at <= @Now - interval '1 second' then @Now else d.recorded_at end,
                first_pending_at = case when d.pending = 0 then @Now else d.first_pending_at end,
                last_pending_at = @Now,
                pending = case when d.pending = 0 and d.recorded_at <= @Now - interval '1 second' then 0 else d.pending + 1 end
            returning pending = 0
            """,
            new
            {
                caller.OrgId,
                answer.EnvironmentId,
                ActionKey = actionKey,
                caller.SubjectId,
                Now = now,
                Details = JsonSerializer.Serialize(details, Json.Options)
            });
        if (atOnce)
        {
            Audit(tx, actionKey, details, 1, now, now);
        }

        await tx.CommitAsync();
    }

    /// <summary>Turns what was counted into events, and drops rows that have been idle for an hour.</summary>
    /// <returns>How many events were written.</returns>
    public static async Task<int> FlushAsync(NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        var now = clock.GetUtcNow();
        var rows = await tx.QueryAsync<Row>(
            """
            select org_id, environment_id, action_key, subject_id, pending, first_pending_at, last_pending_at, details::text as details
            from activation_denials
            where pending > 0 and recorded_at <= @Now - interval '1 second'
            order by recorded_at limit @FlushBatch for update skip locked
            """, new { Now = now, FlushBatch });
        foreach (var row in rows)
        {
            Audit(tx, row.ActionKey, JsonSerializer.Deserialize<Details>(row.Details, Json.Options)!, row.Pending,
                row.FirstPendingAt, row.LastPendingAt);
        }

        if (rows.Count > 0)
        {
            await tx.ExecuteAsync(
                """
                update activation_denials as d set pending = 0, recorded_at = @Now
                from unnest(@Orgs, @Environments, @Actions, @Subjects) as k (org_id, environment_id, action_key, subject_id)
                where (d.org_id, d.environment_id, d.action_key, d.subject_id) = (k.org_id, k.environment_id, k.action_key, k.subject_id)
                """,
                new
                {
                    Now = now,
                    Orgs = rows.Select(row => row.OrgId.Value).ToArray(),
                    Environments = rows.Select(row => row.EnvironmentId.Value).ToArray(),
                    Actions = rows.Select(row => row.ActionKey).ToArray(),
                    Subjects = rows.Select(row => row.SubjectId.Value).ToArray(),
                });
        }

        await tx.ExecuteAsync(
            "delete from activation_denials where pending = 0 and recorded_at < @Now - interval '1 hour'", new { Now = now });
        await tx.CommitAsync();
        return rows.Count;
    }

    private static void Audit(Tx tx, string actionKey, Details details, int count, DateTimeOffset firstAt, DateTimeOffset lastAt)
    {
        tx.FollowTrace(details.TraceParent);
        tx.Audit(
            details.Caller, lastAt, actionKey, new AuditTarget(details.Answer.EnvironmentId.ToString()!, null, "environment"),
            $"Activation of {details.Prefix} was "
            + $"{(details.Answer.Status == ActivationStatus.Block ? "blocked" : "warned about")}{(count > 1 ? $" {count} times" : "")}.",
            new
            {
                details.Answer.Status,
                details.Answer.Message,
                details.MachineId,
                details.Prefix,
                Count = count,
                FirstAt = firstAt,
                LastAt = lastAt
            });
    }

    private sealed record Details(Caller Caller, MachineId MachineId, string Prefix, ActivationAnswer Answer, string? TraceParent = null);

    private sealed record Row(
        OrganizationId OrgId, EnvironmentId EnvironmentId, string ActionKey, SubjectId SubjectId, int Pending,
        DateTimeOffset FirstPendingAt, DateTimeOffset LastPendingAt, string Details);
}
