using EnvPlatform.Contracts.Events;
using EnvPlatform.Postgres;

using MassTransit;

using Npgsql;

namespace EnvPlatform.Audit.Sinks;

/// <summary>An organization is erased: its log stays, and is sent to nobody any more.</summary>
/// <remarks>Erasing twice is harmless, so handled messages are not recorded.</remarks>
internal sealed class EraseSinks(NpgsqlDataSource db) : IConsumer<OrganizationErased>
{
    public async Task Consume(ConsumeContext<OrganizationErased> context)
    {
        await using var tx = await db.BeginAsync(context.CancellationToken);
        await tx.ExecuteAsync("delete from audit_sinks where org_id = @OrganizationId", new { context.Message.OrganizationId });
        await tx.CommitAsync();
    }
}
