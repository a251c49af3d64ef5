using EnvPlatform.Contracts.Ids;
using EnvPlatform.Contracts.Ingest;
using EnvPlatform.Policy.Activations;
using EnvPlatform.Postgres;

using Grpc.Core;

using Microsoft.Extensions.Options;

using Npgsql;

using IngestEnvironments = EnvPlatform.Contracts.Ingest.Environments;

namespace EnvPlatform.Policy.Statuses;

/// <summary>The outcome of looking up an environment.</summary>
internal abstract record Lookup
{
    public sealed record Found(StatusRow Row) : Lookup;

    public sealed record Missing : Lookup;

    /// <summary>It is not known here, and Ingest, which may know it, does not answer.</summary>
    public sealed record Unanswered : Lookup;
}

/// <summary>Finds an environment; one whose event has not arrived yet is fetched from Ingest and stored.</summary>
internal sealed class KnownEnvironments(
    NpgsqlDataSource db, IngestEnvironments.EnvironmentsClient ingest, InvalidationChannel channel,
    IOptions<PolicyOptions> options, TimeProvider clock)
{
    public async Task<Lookup> FindAsync(OrganizationId organization, EnvironmentId environment, CancellationToken ct)
    {
        if (await ReadAsync(organization, environment, ct) is { } known)
        {
            return known.Removed || known.MachineId is null ? new Lookup.Missing() : new Lookup.Found(known);
        }

        try
        {
            var reply = await ingest.GetEnvironmentAsync(
                new GetEnvironmentRequest { OrganizationId = organization.ToString(), EnvironmentId = environment.ToString() },
                deadline: clock.GetUtcNow().UtcDateTime.AddSeconds(options.Value.IngestTimeoutSeconds), cancellationToken: ct);
            await LearnAsync(organization, environment, reply, ct);
        }
        catch (RpcException exception) when (exception.StatusCode is StatusCode.NotFound)
        {
            return new Lookup.Missing();
        }
        catch (RpcException exception) when (exception.StatusCode is StatusCode.Unavailable or StatusCode.DeadlineExceeded)
        {
            return new Lookup.Unanswered();
        }

        return await ReadAsync(organization, environment, ct) is { Removed: false } learned
            ? new Lookup.Found(learned)
            : new Lookup.Missing();
    }

    private async Task LearnAsync(
        OrganizationId organization, EnvironmentId environment, Contracts.Ingest.Environment reply, CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        var places = await Placement.ApplyAsync(tx,
        [
            new(
                organization, environment, new(Guid.Parse(reply.MachineId)), new(Guid.Parse(reply.OwnerId)), reply.PackageSetId,
                reply.Prefix, reply.Name, reply.Platform, reply.Version,
                clock.GetUtcNow()),
        ]);
        await tx.CommitAsync();
        await channel.DropAsync(places);
    }

    private Task<StatusRow?> ReadAsync(OrganizationId organization, EnvironmentId environment, CancellationToken ct) =>
        db.QuerySingleOrDefaultAsync<StatusRow>(
            $"""
            {StatusRow.Select}
            where s.org_id = @organization and s.environment_id = @environment
            """, new { organization, environment }, ct);
}
