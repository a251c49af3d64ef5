using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Policy.Activations;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;

using MassTransit;

using Npgsql;

namespace EnvPlatform.Policy.Statuses;

/// <summary>
/// Forgets environments that were removed. Their row stays as a tombstone, so that a log that arrives late does not bring them back.
/// </summary>
internal sealed class ForgetEnvironments(NpgsqlDataSource db, InvalidationChannel channel) : IConsumer<Batch<EnvironmentRemoved>>
{
    public async Task Consume(ConsumeContext<Batch<EnvironmentRemoved>> context)
    {
        var removals = context.Message.Select(message => message.Message)
            .NewestBy(removed => (removed.OrganizationId.Value, removed.EnvironmentId.Value), removed => removed.Version);
        await using var tx = await db.BeginAsync(context.CancellationToken);
        var places = await tx.QueryAsync<Place>(
            """
            insert into environment_status as s (org_id, environment_id, environment_version, removed)
            select org_id, environment_id, version, true
            from unnest(@Organizations, @Environments, @Versions) as t (org_id, environment_id, version)
            on conflict (org_id, environment_id) do update set removed = true, environment_version = excluded.environment_version
            where excluded.environment_version >= s.environment_version
            returning org_id, machine_id, prefix
            """,
            new
            {
                Organizations = removals.Select(removed => removed.OrganizationId.Value).ToArray(),
                Environments = removals.Select(removed => removed.EnvironmentId.Value).ToArray(),
                Versions = removals.Select(removed => removed.Version).ToArray(),
            });
        await tx.CommitAsync();
        await channel.DropAsync([.. places.Where(place => place.MachineId is not null)
            .Select(place => new Location(place.OrgId, place.MachineId!.Value, place.Prefix!))]);
    }

    private sealed record Place(OrganizationId OrgId, MachineId? MachineId, string? Prefix);

    internal sealed class Definition : BatchDefinition<ForgetEnvironments>;
}
