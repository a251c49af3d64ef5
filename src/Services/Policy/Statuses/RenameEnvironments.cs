using EnvPlatform.Contracts.Events;
using EnvPlatform.Policy.Activations;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;

using MassTransit;

using Npgsql;

namespace EnvPlatform.Policy.Statuses;

/// <summary>Follows environments to their new prefix or name; the status goes with them.</summary>
internal sealed class RenameEnvironments(NpgsqlDataSource db, InvalidationChannel channel) : IConsumer<Batch<EnvironmentRenamed>>
{
    public async Task Consume(ConsumeContext<Batch<EnvironmentRenamed>> context)
    {
        await using var tx = await db.BeginAsync(context.CancellationToken);
        var places = await Placement.ApplyAsync(tx, [.. context.Message.Select(message => message.Message).Select(renamed => new Placement(
            renamed.OrganizationId, renamed.EnvironmentId, renamed.MachineId, null, null, renamed.Prefix, renamed.Name, renamed.Platform,
            renamed.Version, renamed.RenamedAt))]);
        await tx.CommitAsync();
        await channel.DropAsync(places);
    }

    internal sealed class Definition : BatchDefinition<RenameEnvironments>
    {
        /// <summary>The queue keeps the name from when the consumer was named after a move: messages may be waiting in it.</summary>
        public Definition(IEndpointNameFormatter names)
        {
            ArgumentNullException.ThrowIfNull(names);
            EndpointName = names.Consumer<RenameEnvironments>()
                .Replace("rename-environments", "move-environments", StringComparison.Ordinal);
        }
    }
}
