using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;

namespace EnvPlatform.Bench.Load;

/// <summary>The calls that are measured, in the organization of the first start.</summary>
internal sealed class ApiClient : IDisposable
{
    private readonly HttpClient _http;
    private readonly string _organization;

    public ApiClient(Uri address, string organization, string token)
    {
        _organization = $"/api/v1/orgs/{organization}";
        _http = new HttpClient { BaseAddress = address };
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
    }

    public async Task PutMachineAsync(Guid machine, CancellationToken ct)
    {
        using var response = await _http.PutAsJsonAsync(
            $"{_organization}/machines/{machine}", new { hostname = "bench", platform = "linux-64", agent_version = "bench" }, ct);
        response.EnsureSuccessStatusCode();
    }

    public async Task<bool> LogAsync(byte[] body, CancellationToken ct)
    {
        using var content = new ByteArrayContent(body) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } };
        using var response = await _http.PostAsync(new Uri($"{_organization}/environment-logs", UriKind.Relative), content, ct);
        await response.Content.ReadAsByteArrayAsync(ct);
        return response.StatusCode is HttpStatusCode.OK or HttpStatusCode.Created;
    }

    public async Task<bool> CheckAsync(Guid machine, string prefix, CancellationToken ct)
    {
        using var response = await _http.GetAsync(
            new Uri($"{_organization}/activation?machine_id={machine}&prefix={Uri.EscapeDataString(prefix)}", UriKind.Relative), ct);
        await response.Content.ReadAsByteArrayAsync(ct);
        return response.StatusCode == HttpStatusCode.OK;
    }

    /// <summary>How many environments have been scanned: the sort order puts the others at the end.</summary>
    public async Task<long> ScannedAsync(CancellationToken ct)
    {
        var all = await _http.GetFromJsonAsync<JsonElement>(new Uri($"{_organization}/environments?limit=1", UriKind.Relative), ct);
        var waiting = await _http.GetFromJsonAsync<JsonElement>(
            new Uri($"{_organization}/environments?limit=1&scanned=false", UriKind.Relative), ct);
        return all.GetProperty("total_count").GetInt64() - waiting.GetProperty("total_count").GetInt64();
    }

    /// <summary>An answer about the organization; the path begins after it.</summary>
    public Task<JsonElement> GetAsync(string path, CancellationToken ct) =>
        _http.GetFromJsonAsync<JsonElement>(new Uri($"{_organization}/{path}", UriKind.Relative), ct);

    /// <summary>The same for what is sent.</summary>
    public async Task<JsonElement> PostAsync(string path, object body, CancellationToken ct)
    {
        using var response = await _http.PostAsJsonAsync(new Uri($"{_organization}/{path}", UriKind.Relative), body, ct);
        response.EnsureSuccessStatusCode();
        return await response.Content.ReadFromJsonAsync<JsonElement>(ct);
    }

    /// <summary>Imports a file of advisories, and waits for the import to end.</summary>
    public async Task<JsonElement> ImportAsync(string file, string format, CancellationToken ct)
    {
        await using var stream = File.OpenRead(file);
        using var content = new StreamContent(stream);
        using var response = await _http.PostAsync(new Uri($"/api/v1/advisories/imports?format={format}", UriKind.Relative), content, ct);
        response.EnsureSuccessStatusCode();
        var id = (await response.Content.ReadFromJsonAsync<JsonElement>(ct)).GetProperty("id").GetString();
        while (true)
        {
            var import = await _http.GetFromJsonAsync<JsonElement>(new Uri($"/api/v1/advisories/imports/{id}", UriKind.Relative), ct);
            switch (import.GetProperty("status").GetString())
            {
                case "completed": return import;
                case "failed":
                    throw new InvalidOperationException($"The import of {file} failed: {import.GetProperty("error").GetString()}");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, ct);
        }
    }

    public void Dispose() => _http.Dispose();
}
