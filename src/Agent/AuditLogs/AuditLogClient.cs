using System.Text.Json;

using EnvPlatform.Agent.Client;

namespace EnvPlatform.Agent.AuditLogs;

/// <summary>Calls of the audit log's API for one organization.</summary>
internal sealed class AuditLogClient(PlatformClient client, string organization)
{
    private static readonly CallOptions Options = CallOptions.Usual;

    /// <param name="path">Below <c>/api/audit-logs/</c>.</param>
    public Task<PlatformAnswer> GetAsync(string path, CancellationToken ct) =>
        client.GetAsync("api/audit-logs/" + path, Options, ct, organization);

    /// <summary>The events themselves.</summary>
    /// <param name="query">Begins with <c>?</c>, or is empty.</param>
    public Task<PlatformAnswer> ListAsync(string query, CancellationToken ct) =>
        client.GetAsync("api/audit-logs" + query, Options, ct, organization);

    /// <summary>Starts an export.</summary>
    public async Task<ExportView> StartExportAsync(ExportRequest request, CancellationToken ct)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(request, AgentJson.Default.ExportRequest);
        var answer = await client.WriteAsync(
            HttpMethod.Post, "api/audit-logs/export",
            () => new ByteArrayContent(body) { Headers = { ContentType = new("application/json") } }, Options, ct,
            organization: organization);
        return answer.As(AgentJson.Default.ExportView);
    }

    /// <summary>Begins to read an answer of any length, once; whoever reads it disposes it.</summary>
    /// <param name="prepare">Sets the headers of the request.</param>
    public Task<HttpResponseMessage> OpenAsync(string path, Action<HttpRequestMessage> prepare, CancellationToken ct) =>
        client.OpenAsync("api/audit-logs/" + path, prepare, ct, organization);
}
