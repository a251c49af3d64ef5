using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;

using MassTransit;

using Npgsql;

namespace EnvPlatform.Policy.Activations;

/// <summary>
/// Drops the answers for environments whose status changed, again and durably: the request that changed it drops them at once, but its
/// process may die after the commit and before that. Dropping twice is harmless, so handled messages are not recorded.
/// </summary>
internal sealed class DropAnswers(NpgsqlDataSource db, InvalidationChannel channel) : IConsumer<Batch<EnvironmentStatusChanged>>
{
    public async Task Consume(ConsumeContext<Batch<EnvironmentStatusChanged>> context)
    {
        var changes = context.Message.Select(message => message.Message).ToList();
        var places = await db.QueryAsync<Place>(
            """
            select org_id, machine_id, prefix from environment_status
            where (org_id, environment_id) in (select * from unnest(@Orgs, @Environments)) and machine_id is not null
            """,
            new
            {
                Orgs = changes.Select(c => c.OrganizationId.Value).ToArray(),
                Environments = changes.Select(c => c.EnvironmentId.Value).ToArray()
            },
            context.CancellationToken);
        await channel.DropAsync([.. places.Select(place => new Location(place.OrgId, place.MachineId, place.Prefix))]);
    }

    private sealed record Place(OrganizationId OrgId, MachineId MachineId, string Prefix);

    internal sealed class Definition : BatchDefinition<DropAnswers>;
}
