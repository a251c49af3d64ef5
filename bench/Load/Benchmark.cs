using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;

namespace EnvPlatform.Bench.Load;

/// <param name="Seconds">Seconds that each measurement runs.</param>
/// <param name="Workers">Concurrent requests.</param>
/// <param name="Environments">Existing environments when activation checks and unchanged logs are measured.</param>
/// <param name="Only">What to measure; everything when empty.</param>
internal sealed record Settings(int Seconds, int Workers, int Environments, IReadOnlyCollection<string> Only)
{
    public bool Measures(string what) => Only.Count == 0 || Only.Contains(what);
}

/// <summary>The measurements, in the order of the table.</summary>
internal static class Benchmark
{
    public static async Task<int> RunAsync(Settings settings, CancellationToken ct)
    {
        var fleet = Fleet.Read();
        Console.WriteLine("Starting the platform...");
        await using var platform = await RunningPlatform.StartAsync(ct);
        using var api = platform.Client();
        var machine = Guid.CreateVersion7();
        await api.PutMachineAsync(machine, ct);
        var results = new List<Measured>();

        Console.WriteLine($"Logging {settings.Environments} environments...");
        var unchanged = Enumerable.Range(0, settings.Environments).Select(n => fleet.Log(machine, n, digestOnly: true)).ToArray();
        for (var n = 0; n < settings.Environments; n++)
        {
            await api.LogAsync(fleet.Log(machine, n, digestOnly: false), ct);
        }

        if (settings.Measures("bare"))
        {
            results.Add(await MeasureBareAsync(settings, ct));
        }

        if (settings.Measures("activation"))
        {
            results.Add(await Meter.RunAsync(
                "activation check", settings.Seconds, settings.Workers,
                (n, c) => api.CheckAsync(machine, Fleet.Prefix((int)((uint)n % (uint)settings.Environments)), c), ct));
        }

        if (settings.Measures("unchanged-logs"))
        {
            results.Add(await Meter.RunAsync(
                "unchanged log (digest alone)", settings.Seconds, settings.Workers,
                (n, c) => api.LogAsync(unchanged[(uint)n % (uint)unchanged.Length], c), ct));
        }

        var before = (await platform.UsageAsync(ct)).ToDictionary(process => process.Name, process => process.Seconds);
        if (settings.Measures("new-logs"))
        {
            results.AddRange(await MeasureNewLogsAsync(settings, api, fleet, machine, ct));
        }

        await PrintAsync(results, settings, platform, before, ct);
        return results.Any(result => result.Failures > 0) ? 1 : 0;
    }

    /// <summary>New logs a second, and how fast the scanner worked off the backlog: environments scanned a second until all were.</summary>
    private static async Task<IReadOnlyList<Measured>> MeasureNewLogsAsync(
        Settings settings, ApiClient api, Fleet fleet, Guid machine, CancellationToken ct)
    {
        // Created beforehand, so that this does not affect the measurement.
        var count = Math.Min(6_000, settings.Seconds * 600);
        var bodies = Enumerable.Range(0, count).Select(n => fleet.Log(machine, 1_000_000 + n, digestOnly: false)).ToArray();
        var before = await api.ScannedAsync(ct);
        var clock = Stopwatch.StartNew();
        var next = -1;
        var logs = await Meter.RunAsync(
            "new log of 300 packages", settings.Seconds, Math.Min(settings.Workers, 16),
            async (_, c) => Interlocked.Increment(ref next) is var n && n < count && await api.LogAsync(bodies[n], c), ct);
        var logged = Math.Min(next + 1, count);
        while (await api.ScannedAsync(ct) - before < logged && clock.Elapsed < TimeSpan.FromMinutes(5))
        {
            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, ct);
        }

        var scans = new Measured(
            $"environments scanned while and after ({logged:N0} new sets)", logged / clock.Elapsed.TotalSeconds, 0, 0, 0);
        return [logs, scans];
    }

    private static async Task<Measured> MeasureBareAsync(Settings settings, CancellationToken ct)
    {
        var (empty, proxy) = ($"http://127.0.0.1:{FreePort()}", $"http://127.0.0.1:{FreePort()}");
        using var endpoint = StartBare("empty", empty);
        using var bare = StartBare("proxy", proxy, empty);
        try
        {
            using var http = new HttpClient { BaseAddress = new Uri(proxy) };
            http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", "envp_" + new string('x', 40));
            while (!ct.IsCancellationRequested)
            {
                try
                {
                    (await http.GetAsync(new Uri("/", UriKind.Relative), ct)).EnsureSuccessStatusCode();
                    break;
                }
                catch (HttpRequestException)
                {
                    await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, ct);
                }
            }

            var path = new Uri(
                $"/api/v1/orgs/default/activation?machine_id={Guid.CreateVersion7()}&prefix=%2Fopt%2Fenvs%2Fenv-1", UriKind.Relative);
            return await Meter.RunAsync("bare YARP route to an empty endpoint", settings.Seconds, settings.Workers, async (_, c) =>
            {
                using var response = await http.GetAsync(path, c);
                await response.Content.ReadAsByteArrayAsync(c);
                return response.StatusCode == HttpStatusCode.OK;
            }, ct);
        }
        finally
        {
            bare.Kill();
            endpoint.Kill();
        }
    }

    private static Process StartBare(params string[] arguments)
    {
        var configuration = Path.GetFileName(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar));
        var start = new ProcessStartInfo("dotnet");
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "..", "..", "BareProxy", configuration, "EnvPlatform.BareProxy.dll"));
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        return Process.Start(start)!;
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static async Task PrintAsync(
        List<Measured> results, Settings settings, RunningPlatform platform, Dictionary<string, double> before, CancellationToken ct)
    {
        Console.WriteLine();
        Console.WriteLine($"{Environment.ProcessorCount} cores, {GC.GetGCMemoryInfo().TotalAvailableMemoryBytes >> 30} GiB, "
            + $"{Environment.OSVersion.VersionString}, .NET {Environment.Version}; {settings.Seconds} s each, {settings.Workers} at once, "
            + "load and platform on the same cores.");
        Console.WriteLine();
        Console.WriteLine("| what | a second | p50 ms | p99 ms | failures |");
        Console.WriteLine("|---|---|---|---|---|");
        results.ForEach(result => Console.WriteLine(result));
        Console.WriteLine();
        Console.WriteLine("| process | resident memory, MiB | processor time during new logs and their scans, s |");
        Console.WriteLine("|---|---|---|");
        foreach (var (name, mebibytes, seconds) in await platform.UsageAsync(ct))
        {
            Console.WriteLine($"| {name} | {mebibytes:N0} | {seconds - before.GetValueOrDefault(name):N1} |");
        }
    }
}
