using System.Text.Json;

using EnvPlatform.Contracts;
using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Policy.Statuses;
using EnvPlatform.Postgres;
using EnvPlatform.Postgres.Background;
using EnvPlatform.ServiceDefaults.Callers;

using Npgsql;

namespace EnvPlatform.Policy.Decisions;

/// <summary>
/// Tells of the statuses that policies changed: to the other services, and to the audit log in each environment's own history. Each change
/// is told in the transaction that forgets it, so that none is told twice.
/// </summary>
internal sealed class AnnounceStatuses(NpgsqlDataSource db) : IListeningWork
{
    private const int Batch = 1_000;

    public static string Channel => "status_changes";

    public async Task<TimeSpan> RunAsync(CancellationToken ct)
    {
        while (await AnnounceAsync(ct) == Batch)
        {
        }

        return TimeSpan.FromSeconds(10);
    }

    private async Task<int> AnnounceAsync(CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        var changes = await tx.QueryAsync<Change>(
            """
            with taken as (
                delete from status_changes where id in (
                    select id from status_changes order by id limit @Batch for update skip locked)
                returning *)
            select t.id, t.org_id, t.environment_id, t.version, t.status, t.message, t.former_status, t.former_message, t.policy_id,
                t.policy, t.rule, t.deadline, t.caused_by::text as caused_by, t.changed_at, s.machine_id, s.prefix, s.name
            from taken t left join environment_status s using (org_id, environment_id)
            order by t.id
            """, new { Batch });
        foreach (var change in changes)
        {
            tx.Publish(new EnvironmentStatusChanged(
                change.OrgId, change.EnvironmentId, change.Status, change.Message, change.Version, change.ChangedAt));
            // Another wording of the same status is no step of its history.
            if (change.Status != change.FormerStatus)
            {
                Audit(tx, change);
            }
        }

        await tx.CommitAsync();
        return changes.Count;
    }

    private static void Audit(Tx tx, Change change) => tx.Audit(
        Caller.OfSystem("policy", change.OrgId), change.ChangedAt, "environment_status_changed",
        new AuditTarget(change.EnvironmentId.ToString(), null, "environment"),
        $"Policy {change.Policy} changed the status of environment {change.Name} from {SetStatus.NameOf(change.FormerStatus)} to "
        + $"{SetStatus.NameOf(change.Status)}.",
        new
        {
            change.MachineId,
            change.Prefix,
            change.Name,
            Before = new { Status = change.FormerStatus, Message = change.FormerMessage },
            After = new { change.Status, change.Message },
            Policy = new { Id = change.PolicyId, Name = change.Policy, change.Rule, change.Deadline },
            CausedBy = change.CausedBy is { } cause ? JsonSerializer.Deserialize<JsonElement>(cause) : (JsonElement?)null,
        });

    private sealed record Change(
        long Id, OrganizationId OrgId, EnvironmentId EnvironmentId, long Version, EnvironmentStatus Status, string? Message,
        EnvironmentStatus FormerStatus, string? FormerMessage, Guid? PolicyId, string? Policy, string? Rule, DateTimeOffset? Deadline,
        string? CausedBy, DateTimeOffset ChangedAt, MachineId? MachineId, string? Prefix, string? Name);
}
