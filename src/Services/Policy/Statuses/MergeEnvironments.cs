using EnvPlatform.Contracts;
using EnvPlatform.Contracts.Events;
using EnvPlatform.Policy.Activations;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Callers;

using MassTransit;

using Npgsql;

namespace EnvPlatform.Policy.Statuses;

/// <summary>
/// Two environments turned out to be one folder: the stricter of the statuses that persons set is that of the one that stays, with its
/// message and who set it. What policies hold of it they decide by themselves.
/// </summary>
internal sealed class MergeEnvironments(NpgsqlDataSource db, InvalidationChannel channel, TimeProvider clock) : IConsumer<EnvironmentMerged>
{
    public async Task Consume(ConsumeContext<EnvironmentMerged> context)
    {
        Location? place = null;
        await db.HandleOnceAsync(this, context, async (tx, merged) => place = await MergeAsync(tx, merged));
        if (place is { } changed)
        {
            await channel.DropAsync([changed]);
        }
    }

    /// <returns>The place whose status changed; null where none did.</returns>
    private async Task<Location?> MergeAsync(Tx tx, EnvironmentMerged merged)
    {
        await MoveExceptionsAsync(tx, merged);
        var rows = await tx.QueryAsync<StatusRow>(
            $"""
            {StatusRow.Select}
            where s.org_id = @OrganizationId and s.environment_id = any(@Environments)
            order by s.environment_id for update of s
            """, new { merged.OrganizationId, Environments = new[] { merged.EnvironmentId.Value, merged.Into.Value } });
        var goes = rows.Find(row => row.EnvironmentId == merged.EnvironmentId);
        var stays = rows.Find(row => row.EnvironmentId == merged.Into);
        if (goes is not { IsManual: true } || stays is null || goes.Status <= (stays.IsManual ? stays.Status : EnvironmentStatus.Ok))
        {
            return null;
        }

        var now = clock.GetUtcNow();
        var version = stays.Version + 1;
        var status = SetStatus.NameOf(goes.Status);
        await tx.ExecuteAsync(
            """
            update environment_status set status = @status, message = @Message, set_by = @SetBy, set_at = @SetAt, version = version + 1
            where org_id = @OrganizationId and environment_id = @Into
            """, new { merged.OrganizationId, merged.Into, status, goes.Message, goes.SetBy, goes.SetAt });
        tx.Publish(new EnvironmentStatusChanged(merged.OrganizationId, merged.Into, goes.Status, goes.Message, version, now));
        tx.Audit(
            Caller.OfSystem("policy", merged.OrganizationId), now, "environment_status_changed",
            new AuditTarget(merged.Into.ToString(), null, "environment"),
            $"The status of environment {stays.Name} was changed from {SetStatus.NameOf(stays.Effective)} to {status}: "
            + $"{goes.Prefix} is the same folder and had the stricter status.",
            new
            {
                stays.MachineId,
                stays.Prefix,
                stays.Name,
                MergedFrom = merged.EnvironmentId,
                Before = new { Status = stays.Effective, Message = stays.EffectiveMessage },
                After = new { goes.Status, goes.Message },
            });
        return stays.MachineId is { } machine ? new Location(merged.OrganizationId, machine, stays.Prefix!) : null;
    }

    /// <summary>Exceptions are of the folder, and so of the environment that stays.</summary>
    private static async Task MoveExceptionsAsync(Tx tx, EnvironmentMerged merged)
    {
        if (await tx.ExecuteAsync(
            """
            update exceptions set scope_id = @Into, version = version + 1
            where org_id = @OrganizationId and scope_type = 'environment' and scope_id = @EnvironmentId
            """, new { merged.OrganizationId, merged.Into, merged.EnvironmentId }) > 0)
        {
            await StaleDecisions.MarkEnvironmentsAsync(tx, [(merged.OrganizationId, merged.Into)]);
        }
    }
}
