using System.Globalization;
using System.Text.Json;

using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;

using EnvPlatform.LocalServers;

using Microsoft.Extensions.DependencyInjection;

namespace EnvPlatform.Bench.Load;

/// <summary>The platform, started through AppHost on free ports with data of its own.</summary>
internal sealed class RunningPlatform : IAsyncDisposable
{
    private static readonly JsonSerializerOptions Snake = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };
    private readonly DistributedApplication _app;
    private readonly Bootstrap _bootstrap;

    private RunningPlatform(DistributedApplication app, Bootstrap bootstrap)
    {
        _app = app;
        _bootstrap = bootstrap;
    }

    public static async Task<RunningPlatform> StartAsync(CancellationToken ct)
    {
        var data = Directory.CreateTempSubdirectory("envplatform-bench-").FullName;
        var builder = await DistributedApplicationTestingBuilder.CreateAsync<Projects.AppHost>(
            ["--data", data, "--port", $"{FreePorts.Next()}", "--dashboard", "false"], ct);
        var running = await builder.BuildAsync(ct);
        await running.StartAsync(ct);
        foreach (var service in new[] { "identity", "ingest", "scanner", "policy", "audit", "gateway" })
        {
            await running.ResourceNotifications.WaitForResourceHealthyAsync(service, ct);
        }

        return new(
            running, JsonSerializer.Deserialize<Bootstrap>(await File.ReadAllTextAsync(Path.Combine(data, "bootstrap.json"), ct), Snake)!);
    }

    /// <summary>The address of a service's database.</summary>
    public async Task<string> DatabaseAsync(string service, CancellationToken ct) =>
        (await _app.GetConnectionStringAsync(service + "-db", ct))!;

    public ApiClient Client() => new(_app.GetEndpoint("gateway", "http"), _bootstrap.Organization, _bootstrap.Token);

    /// <summary>
    /// For each process with its children: resident memory in MiB and processor time in seconds since its start (proc(5)).
    /// </summary>
    public async Task<IReadOnlyList<(string Name, double Mebibytes, double Seconds)>> UsageAsync(CancellationToken ct)
    {
        var usage = new List<(string Name, double Mebibytes, double Seconds)>();
        foreach (var resource in _app.Services.GetRequiredService<DistributedApplicationModel>().Resources)
        {
            if (resource is ProjectResource || resource.Name.EndsWith(RunAsProcessExtensions.Suffix, StringComparison.Ordinal))
            {
                var tree = Tree(await ProcessIdAsync(resource.Name, ct));
                var name = resource.Name.Replace(RunAsProcessExtensions.Suffix, "", StringComparison.Ordinal);
                usage.Add((name, tree.Sum(Resident) / 1024, tree.Sum(ProcessorTime)));
            }
        }

        return usage;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task<int> ProcessIdAsync(string resource, CancellationToken ct)
    {
        var running = await _app.ResourceNotifications.WaitForResourceAsync(
            resource, change => change.Snapshot.Properties.Any(property => property.Name == "executable.pid"), ct);
        return Convert.ToInt32(
            running.Snapshot.Properties.First(property => property.Name == "executable.pid").Value, CultureInfo.InvariantCulture);
    }

    private static List<int> Tree(int root)
    {
        var parents = Directory.EnumerateDirectories("/proc").Select(Path.GetFileName).Where(name => int.TryParse(name, out _))
            .Select(name => int.Parse(name!)).Select(pid => (Pid: pid, Parent: (int)Field(pid, "PPid:"))).ToArray();
        var tree = new List<int> { root };
        for (var i = 0; i < tree.Count; i++)
        {
            tree.AddRange(parents.Where(process => process.Parent == tree[i]).Select(process => process.Pid));
        }

        return tree;
    }

    private static double Resident(int pid) => Field(pid, "VmRSS:");

    /// <summary>User and system time; the kernel counts in hundredths of a second.</summary>
    private static double ProcessorTime(int pid)
    {
        try
        {
            var fields = File.ReadAllText($"/proc/{pid}/stat").Split(") ")[^1].Split(' ');
            return (double.Parse(fields[11], CultureInfo.InvariantCulture) + double.Parse(fields[12], CultureInfo.InvariantCulture)) / 100;
        }
        catch (IOException)
        {
            return 0;
        }
    }

    private static double Field(int pid, string name)
    {
        try
        {
            var line = File.ReadLines($"/proc/{pid}/status").FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal));
            return line is null ? 0 : double.Parse(
                line[name.Length..].Replace("kB", "", StringComparison.Ordinal), CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return 0;
        }
    }

    private sealed record Bootstrap(string Url, string Organization, string Email, string Password, string Token);
}
