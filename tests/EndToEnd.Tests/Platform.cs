using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;

using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;

using EnvPlatform.LocalServers;
using EnvPlatform.Testing;

namespace EnvPlatform.EndToEnd.Tests;

/// <summary>What the first start wrote to bootstrap.json.</summary>
internal sealed record Bootstrap(string Url, string Organization, string Email, string Password, string Token);

/// <summary>
/// The whole platform, started through AppHost as <c>./run</c> does, on free ports with data of its own. The folder in
/// <c>ENVPLATFORM_KEEP_LOGS</c> gets a copy of every process's log.
/// </summary>
internal sealed class Platform : IAsyncDisposable
{
    private static readonly TimeSpan StartPatience = TimeSpan.FromMinutes(6);
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(4);
    public static readonly string[] Services = ["identity", "ingest", "scanner", "policy", "audit", "gateway"];
    private static readonly JsonSerializerOptions Snake = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };
    private readonly DistributedApplication _app;
    private readonly DirectoryInfo _data;

    private Platform(DistributedApplication app, DirectoryInfo data, Bootstrap bootstrap)
    {
        _app = app;
        _data = data;
        Bootstrap = bootstrap;
    }

    public Bootstrap Bootstrap { get; }

    /// <summary>The data folder of AppHost and everything that it starts.</summary>
    public string DataFolder => _data.FullName;

    public Uri Address => _app.GetEndpoint("gateway", "http");

    /// <param name="otlp">Where the services send their telemetry; null for nowhere.</param>
    /// <param name="settings">Of the services, by the names of environment variables.</param>
    /// <param name="instances">Processes of each service and of the gateway.</param>
    public static async Task<Platform> StartAsync(Uri? otlp = null, IReadOnlyDictionary<string, string>? settings = null, int instances = 1)
    {
        var folder = Directory.CreateTempSubdirectory("envplatform-e2e-");
        var builder = await DistributedApplicationTestingBuilder.CreateAsync<Projects.AppHost>(Arguments(folder.FullName, instances));
        foreach (var project in builder.Resources.OfType<ProjectResource>().ToArray())
        {
            var resource = builder.CreateResourceBuilder(project);
            if (otlp is not null)
            {
                resource.WithEnvironment("OTEL_EXPORTER_OTLP_ENDPOINT", otlp.ToString())
                    .WithEnvironment("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
                    .WithEnvironment("OTEL_BSP_SCHEDULE_DELAY", "200")
                    .WithEnvironment("OTEL_METRIC_EXPORT_INTERVAL", "1000");
            }

            foreach (var (name, value) in settings ?? new Dictionary<string, string>())
            {
                resource.WithEnvironment(name, value);
            }
        }

        var running = await builder.BuildAsync();
        using var timeout = new CancellationTokenSource(StartPatience);
        await running.StartAsync(timeout.Token);
        foreach (var service in builder.Resources.OfType<ProjectResource>()
            .Where(project => !project.Annotations.OfType<RunsOnceAnnotation>().Any()))
        {
            await running.ResourceNotifications.WaitForResourceHealthyAsync(service.Name, timeout.Token);
        }

        var file = Path.Combine(folder.FullName, "bootstrap.json");
        return new Platform(
            running, folder, JsonSerializer.Deserialize<Bootstrap>(await File.ReadAllTextAsync(file, timeout.Token), Snake)!);
    }

    /// <summary>A client of the public API; anonymous without a token.</summary>
    public Api Client(string? token) => new(Address, token);

    public Api Administrator() => Client(Bootstrap.Token);

    public Task<string?> ConnectionStringAsync(string resource) => _app.GetConnectionStringAsync(resource).AsTask();

    /// <summary>Where an instance of a service or of the gateway listens.</summary>
    public Uri AddressOf(string resource, string endpoint = "http") => _app.GetEndpoint(resource, endpoint);

    /// <summary>The id of the process that runs a resource now.</summary>
    public async Task<int> ProcessIdAsync(string resource)
    {
        using var timeout = new CancellationTokenSource(Patience);
        var running = await _app.ResourceNotifications.WaitForResourceAsync(
            ProcessOf(resource), change => ProcessId(change) is not null, timeout.Token);
        return ProcessId(running)!.Value;
    }

    /// <summary>The environment variables of the process that runs a resource: its settings and credentials.</summary>
    public async Task<Dictionary<string, string>> EnvironmentAsync(string resource) =>
        RunProcess.EnvironmentOf(await ProcessIdAsync(resource)).Select(variable => variable.Split('=', 2)).Where(pair => pair.Length == 2)
            .ToDictionary(pair => pair[0], pair => pair[1], StringComparer.Ordinal);

    /// <summary>Ends the process of a resource with SIGKILL, and waits until another one has taken its place and is ready.</summary>
    public async Task KillAsync(string resource)
    {
        var old = await ProcessIdAsync(resource);
        using (var process = Process.GetProcessById(old))
        {
            process.Kill();
        }

        using var timeout = new CancellationTokenSource(Patience);
        await _app.ResourceNotifications.WaitForResourceAsync(
            ProcessOf(resource), change => ProcessId(change) is { } pid && pid != old, timeout.Token);
        await WaitUntilReadyAsync(resource);
    }

    /// <summary>Waits until a service itself says that it is ready; the orchestrator's health status is up to 30 seconds old.</summary>
    public async Task WaitUntilReadyAsync(string resource)
    {
        if (!Services.Contains(resource.Split('-')[0]))
        {
            return;
        }

        using var http = new HttpClient { BaseAddress = AddressOf(resource) };
        await Eventually.BecomesTrueAsync(
            async () =>
            {
                try
                {
                    using var response = await http.GetAsync(new Uri("/health/ready", UriKind.Relative));
                    return response.IsSuccessStatusCode;
                }
                catch (HttpRequestException)
                {
                    return false;
                }
            },
            $"{resource} is ready", seconds: 120);
    }

    public async ValueTask DisposeAsync()
    {
        if (Environment.GetEnvironmentVariable("ENVPLATFORM_KEEP_LOGS") is { Length: > 0 } kept)
        {
            foreach (var log in Directory.EnumerateFiles(Path.Combine(_data.FullName, "logs")))
            {
                File.Copy(log, Path.Combine(Directory.CreateDirectory(kept).FullName, Path.GetFileName(log)), overwrite: true);
            }
        }

        await _app.StopAsync();
        await _app.DisposeAsync();
        try
        {
            _data.Delete(recursive: true);
        }
        catch (IOException)
        {
            // The application has removed it, or a server is still closing its last file.
        }
    }

    private static string[] Arguments(string folder, int instances) =>
        ["--data", folder, "--port", $"{FreePorts.Next()}", "--dashboard", "false", "--instances", $"{instances}"];

    /// <summary>A server's process is a resource of its own.</summary>
    private static string ProcessOf(string resource) =>
        Services.Contains(resource.Split('-')[0]) ? resource : resource + RunAsProcessExtensions.Suffix;

    private static int? ProcessId(ResourceEvent change) =>
        change.Snapshot.State?.Text == KnownResourceStates.Running
        && change.Snapshot.Properties.FirstOrDefault(property => property.Name == "executable.pid")?.Value is { } pid
            ? Convert.ToInt32(pid, CultureInfo.InvariantCulture) : null;
}

/// <summary>The public API for one caller: answers are checked, and an error shows its text.</summary>
internal sealed class Api : IDisposable
{
    public Api(Uri address, string? token)
    {
        Http = new HttpClient(new MadeSecrets()) { BaseAddress = address, Timeout = TimeSpan.FromSeconds(100) };
        if (token is not null)
        {
            Http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        }
    }

    public HttpClient Http { get; }

    public Task<JsonElement> GetAsync(string path) => ReadAsync(Http.GetAsync(new Uri(path, UriKind.Relative)));

    public Task<JsonElement> PostAsync(string path, object? body) => ReadAsync(Http.PostAsJsonAsync(path, body));

    public Task<JsonElement> PutAsync(string path, object? body) => ReadAsync(Http.PutAsJsonAsync(path, body));

    /// <summary>All items of a list, page after page.</summary>
    public async Task<List<JsonElement>> ListAsync(string path, int limit = 1_000)
    {
        var items = new List<JsonElement>();
        string? cursor = null;
        do
        {
            var separator = path.Contains('?', StringComparison.Ordinal) ? '&' : '?';
            var page = await GetAsync($"{path}{separator}limit={limit}{(cursor is null ? "" : "&cursor=" + Uri.EscapeDataString(cursor))}");
            items.AddRange(page.GetProperty("items").EnumerateArray());
            cursor = page.GetProperty("next_cursor").GetString();
            if (cursor is null)
            {
                Assert.That(page.GetProperty("total_count").GetInt64(), Is.EqualTo(items.Count), path);
            }
        }
        while (cursor is not null);
        return items;
    }

    public void Dispose() => Http.Dispose();

    private static async Task<JsonElement> ReadAsync(Task<HttpResponseMessage> sent)
    {
        using var response = await sent;
        var text = await response.Content.ReadAsStringAsync();
        Assert.That(response.IsSuccessStatusCode, Is.True,
            $"{response.RequestMessage!.Method} {response.RequestMessage.RequestUri} answered {(int)response.StatusCode}: {text}");
        return text.Length == 0 ? default : JsonDocument.Parse(text).RootElement;
    }
}
