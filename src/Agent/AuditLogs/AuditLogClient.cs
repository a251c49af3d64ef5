using EnvPlatform.Agent.Client;

namespace EnvPlatform.Agent.AuditLogs;

/// <summary>Calls of the audit log's API for one organization.</summary>
internal sealed class AuditLogClient(PlatformClient client, string organization)
{
    private static readonly CallOptions Options = CallOptions.Usual;

    /// <param name="path">Below <c>/api/audit-logs/</c>.</param>
    public Task<PlatformAnswer> GetAsync(string path, CancellationToken ct) =>
        client.GetAsync("api/audit-logs/" + path, Options, ct, organization);
}
