using EnvPlatform.Contracts.Events;
using EnvPlatform.Policy.Directories;
using EnvPlatform.Postgres;

using MassTransit;

using Npgsql;

namespace EnvPlatform.Policy.Organizations;

/// <summary>An organization is erased: the statuses of its environments go, and what was found for it.</summary>
/// <remarks>Erasing twice is harmless, so handled messages are not recorded.</remarks>
internal sealed class EraseOrganization(NpgsqlDataSource db) : IConsumer<OrganizationErased>
{
    public async Task Consume(ConsumeContext<OrganizationErased> context)
    {
        var erased = new { Org = context.Message.OrganizationId };
        var ct = context.CancellationToken;
        await db.EraseAsync(tx => tx.ExecuteAsync(
            """
            delete from environment_status where org_id = @Org and environment_id in (
                select environment_id from environment_status where org_id = @Org limit 2000)
            """, erased), ct);
        await db.EraseAsync(tx => tx.ExecuteAsync(
            """
            delete from scan_facts where org_id = @Org and package_set_id in (
                select package_set_id from scan_facts where org_id = @Org limit 10000)
            """, erased), ct);
        await db.EraseAsync(tx => tx.ExecuteAsync(
            """
            delete from environment_decisions where org_id = @Org and environment_id in (
                select environment_id from environment_decisions where org_id = @Org limit 2000)
            """, erased), ct);
        await db.EraseAsync(tx => tx.ExecuteAsync("delete from status_changes where org_id = @Org", erased), ct);
        await db.EraseAsync(tx => tx.ExecuteAsync("delete from policy_changes where org_id = @Org", erased), ct);
        await db.EraseAsync(tx => tx.ExecuteAsync("delete from decision_runs where org_id = @Org", erased), ct);
        await db.EraseAsync(tx => DirectoryCopy.EraseAsync(tx, context.Message.OrganizationId), ct);
        // After its sets: whoever writes facts of them holds the rows of the sets.
        await db.EraseAsync(tx => tx.ExecuteAsync(
            """
            delete from facts_to_fetch where org_id = @Org and package_set_id in (
                select package_set_id from facts_to_fetch where org_id = @Org limit 10000)
            """, erased), ct);
        await db.EraseAsync(tx => tx.ExecuteAsync(
            """
            delete from finding_statuses where ctid in (select ctid from finding_statuses where org_id = @Org limit 10000)
            """, erased), ct);
        await db.EraseAsync(tx => tx.ExecuteAsync(
            """
            delete from organization_packages where org_id = @Org and package_id in (
                select package_id from organization_packages where org_id = @Org limit 10000)
            """, erased), ct);
        await db.EraseAsync(tx => tx.ExecuteAsync("delete from policy_assignments where org_id = @Org", erased), ct);
        await db.EraseAsync(tx => tx.ExecuteAsync("delete from policy_versions where org_id = @Org", erased), ct);
        await db.EraseAsync(tx => tx.ExecuteAsync("delete from policies where org_id = @Org", erased), ct);
        await db.EraseAsync(tx => tx.ExecuteAsync("delete from policy_defaults where org_id = @Org", erased), ct);
        await db.EraseAsync(tx => tx.ExecuteAsync("delete from exceptions where org_id = @Org", erased), ct);
        await db.EraseAsync(tx => tx.ExecuteAsync("delete from stale_decisions where org_id = @Org", erased), ct);
        await db.EraseAsync(tx => tx.ExecuteAsync("delete from activation_denials where org_id = @Org", erased), ct);
    }
}
