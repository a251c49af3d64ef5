using EnvPlatform.Contracts.Events;
using EnvPlatform.Policy.Activations;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;

using MassTransit;

using Npgsql;

namespace EnvPlatform.Policy.Statuses;

/// <summary>
/// Learns which environment is at which prefix of which machine. Stale and duplicate events are dropped by the environment's version.
/// </summary>
internal sealed class PlaceEnvironments(NpgsqlDataSource db, InvalidationChannel channel) : IConsumer<Batch<EnvironmentLogged>>
{
    public async Task Consume(ConsumeContext<Batch<EnvironmentLogged>> context)
    {
        await using var tx = await db.BeginAsync(context.CancellationToken);
        var places = await Placement.ApplyAsync(tx, [.. context.Message.Select(message => message.Message).Select(logged => new Placement(
            logged.OrganizationId, logged.EnvironmentId, logged.MachineId, logged.Owner, logged.PackageSetId, logged.Prefix,
            logged.Name, logged.Platform, logged.Version, logged.LoggedAt))]);
        await tx.CommitAsync();
        await channel.DropAsync(places);
    }

    internal sealed class Definition : BatchDefinition<PlaceEnvironments>;
}
