using EnvPlatform.Contracts.Ids;
using EnvPlatform.Contracts.Ingest;

using Grpc.Core;

using IngestEnvironments = EnvPlatform.Contracts.Ingest.Environments;

namespace EnvPlatform.Scanner.Vulnerabilities;

/// <summary>Asks Ingest for what only it knows of environments: host name, who logged it, status, digest, times.</summary>
internal sealed partial class EnvironmentDescriptions(
    IngestEnvironments.EnvironmentsClient ingest, TimeProvider clock, ILogger<EnvironmentDescriptions> log)
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(3);

    /// <summary>By id; an environment is missing when Ingest no longer has it, all are when Ingest does not answer in time.</summary>
    public async Task<IReadOnlyDictionary<EnvironmentId, EnvironmentDescription>> GetAsync(
        OrganizationId organization, IReadOnlyCollection<EnvironmentId> environments, CancellationToken ct)
    {
        if (environments.Count == 0)
        {
            return new Dictionary<EnvironmentId, EnvironmentDescription>();
        }

        var request = new DescribeEnvironmentsRequest { OrganizationId = organization.ToString() };
        request.EnvironmentIds.AddRange(environments.Select(id => id.ToString()));
        try
        {
            var reply = await ingest.DescribeEnvironmentsAsync(
                request, deadline: clock.GetUtcNow().UtcDateTime + Deadline, cancellationToken: ct);
            return reply.Environments.ToDictionary(environment => new EnvironmentId(Guid.Parse(environment.EnvironmentId)));
        }
        catch (RpcException exception) when (!ct.IsCancellationRequested)
        {
            LogNoAnswer(environments.Count, exception.StatusCode);
            return new Dictionary<EnvironmentId, EnvironmentDescription>();
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Ingest did not describe {Count} environments: {Status}")]
    private partial void LogNoAnswer(int count, StatusCode status);
}
