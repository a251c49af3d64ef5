using EnvPlatform.Contracts.Events;
using EnvPlatform.Postgres;

using MassTransit;

using Npgsql;

namespace EnvPlatform.Scanner.Organizations;

/// <summary>An organization is erased: its environments and curations go. What was found in packages belongs to nobody and stays.</summary>
/// <remarks>Erasing twice is harmless, so handled messages are not recorded.</remarks>
internal sealed class EraseOrganization(NpgsqlDataSource db) : IConsumer<OrganizationErased>
{
    public async Task Consume(ConsumeContext<OrganizationErased> context)
    {
        var erased = new { Org = context.Message.OrganizationId };
        var ct = context.CancellationToken;
        await db.EraseAsync(tx => tx.ExecuteAsync(
            """
            delete from environments where org_id = @Org and environment_id in (
                select environment_id from environments where org_id = @Org limit 2000)
            """, erased), ct);
        await db.EraseAsync(tx => tx.ExecuteAsync("delete from curations where org_id = @Org", erased), ct);
        await db.EraseAsync(tx => tx.ExecuteAsync("delete from organization_set_counts where org_id = @Org", erased), ct);
        await db.EraseAsync(tx => tx.ExecuteAsync("delete from set_environments where org_id = @Org", erased), ct);
    }
}
