using EnvPlatform.Contracts.Events;
using EnvPlatform.Postgres;

using MassTransit;

using Npgsql;

namespace EnvPlatform.Ingest.Organizations;

/// <summary>
/// An organization is erased: its environments, their history, machines and owners go. Packages and sets belong to nobody and stay.
/// </summary>
/// <remarks>Erasing twice is harmless, so handled messages are not recorded.</remarks>
internal sealed class EraseOrganization(NpgsqlDataSource db) : IConsumer<OrganizationErased>
{
    public async Task Consume(ConsumeContext<OrganizationErased> context)
    {
        var erased = new { Org = context.Message.OrganizationId };
        var ct = context.CancellationToken;
        await db.EraseAsync(tx => tx.ExecuteAsync(
            """
            delete from environment_logs where org_id = @Org and environment_id in (
                select environment_id from environment_logs where org_id = @Org limit 2000)
            """, erased), ct);
        await db.EraseAsync(tx => tx.ExecuteAsync(
            """
            delete from environments where org_id = @Org and environment_id in (
                select environment_id from environments where org_id = @Org limit 2000)
            """, erased), ct);
        await db.EraseAsync(tx => tx.ExecuteAsync(
            """
            delete from organization_packages where org_id = @Org and package_id in (
                select package_id from organization_packages where org_id = @Org limit 10000)
            """, erased), ct);
        await db.EraseAsync(tx => tx.ExecuteAsync(
            """
            delete from organization_package_sets where org_id = @Org and package_set_id in (
                select package_set_id from organization_package_sets where org_id = @Org limit 10000)
            """, erased), ct);
        await db.EraseAsync(tx => tx.ExecuteAsync("delete from environment_counts where org_id = @Org", erased), ct);
        await db.EraseAsync(tx => tx.ExecuteAsync("delete from channel_marks where org_id = @Org", erased), ct);
        await db.EraseAsync(tx => tx.ExecuteAsync("delete from channel_counts where org_id = @Org", erased), ct);
        await db.EraseAsync(tx => tx.ExecuteAsync("delete from organization_channels where org_id = @Org", erased), ct);
        await db.EraseAsync(tx => tx.ExecuteAsync("delete from organization_additions where org_id = @Org", erased), ct);
        await db.EraseAsync(tx => tx.ExecuteAsync("delete from archive_retentions where org_id = @Org", erased), ct);
        await db.EraseAsync(tx => tx.ExecuteAsync("delete from machines where org_id = @Org", erased), ct);
        await db.EraseAsync(tx => tx.ExecuteAsync("delete from owners where org_id = @Org", erased), ct);
    }
}
