using EnvPlatform.Contracts.Events;
using EnvPlatform.Postgres;

using MassTransit;

using Npgsql;

namespace EnvPlatform.Policy.Facts;

/// <summary>Something of the findings changed, for an organization or for all: the facts of those sets are fetched again.</summary>
/// <remarks>Fetching again is harmless, so handled messages are not recorded.</remarks>
internal sealed class RefreshFacts(NpgsqlDataSource db) : IConsumer<FindingsChanged>
{
    public async Task Consume(ConsumeContext<FindingsChanged> context)
    {
        await using var tx = await db.BeginAsync(context.CancellationToken);
        await FactsToFetch.AddKnownAsync(tx, context.Message.OrganizationId, context.Message.PackageSetIds);
        await tx.CommitAsync();
    }
}
