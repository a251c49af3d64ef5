using System.Diagnostics;
using System.Text.Json;

namespace EnvPlatform.Bench.Load.Scale;

/// <param name="Data">The data folder.</param>
/// <param name="Sets">Distinct package sets.</param>
/// <param name="Environments">Sizes of the fleet, ascending; the import is measured at the first.</param>
/// <param name="Requests">Requests of each kind, one after the other.</param>
internal sealed record ScaleSettings(string Data, int Sets, IReadOnlyList<int> Environments, int Requests);

/// <summary>A feed that changes over a large fleet, and the lists of such a fleet.</summary>
internal static class ScaleBenchmark
{
    private const int Page = 100;
    private const int Loggers = 8;

    /// <summary>Warm-up requests of each kind, not counted.</summary>
    private const int Warm = 100;

    public static async Task<int> RunAsync(ScaleSettings settings, CancellationToken ct)
    {
        if (!File.Exists(Feed(settings, "pypa-osv.zip")))
        {
            Console.Error.WriteLine($"There is no data in {settings.Data}. Say where it is with --data or ENVPLATFORM_DATA.");
            return 1;
        }

        var lines = new List<string>();
        await MeasureFirstImportAsync(settings, lines, ct);
        Console.WriteLine("Starting the platform...");
        await using var platform = await RunningPlatform.StartAsync(ct);
        using var api = platform.Client();
        await using var databases = await Databases.OpenAsync(platform, ct);
        await api.ImportAsync(Feed(settings, "pypa-osv-2024-10.zip"), "osv", ct);
        await LogSetsAsync(settings, api, databases, ct);
        await GrowAsync(settings.Environments[0], databases, ct);
        await MeasureDeltaAsync(settings, api, databases, lines, ct);
        foreach (var environments in settings.Environments)
        {
            await GrowAsync(environments, databases, ct);
            await MeasureListsAsync(settings, environments, api, databases, lines, ct);
        }

        Console.WriteLine();
        Console.WriteLine($"{Environment.ProcessorCount} cores, {Environment.OSVersion.VersionString}, .NET {Environment.Version}; "
            + $"{await databases.SetsAsync(ct):N0} package sets.");
        Console.WriteLine();
        lines.ForEach(Console.WriteLine);
        return 0;
    }

    private static string Feed(ScaleSettings settings, string name) => Path.Combine(settings.Data, "advisories", name);

    private static async Task MeasureFirstImportAsync(ScaleSettings settings, List<string> lines, CancellationToken ct)
    {
        Console.WriteLine("Importing a whole feed on a first start...");
        await using var platform = await RunningPlatform.StartAsync(ct);
        using var api = platform.Client();
        var watch = Stopwatch.StartNew();
        var import = await api.ImportAsync(Feed(settings, "pypa-osv.zip"), "osv", ct);
        lines.Add($"| import of {import.GetProperty("advisories").GetInt32():N0} advisories, nothing there before | "
            + $"{watch.Elapsed.TotalSeconds:N1} s |");
    }

    private static async Task LogSetsAsync(ScaleSettings settings, ApiClient api, Databases databases, CancellationToken ct)
    {
        var sets = RealSets.Read(settings.Data);
        Console.WriteLine($"Logging {settings.Sets:N0} sets: {Math.Min(sets.Real, settings.Sets)} real ones and variants of them...");
        var machine = Guid.CreateVersion7();
        await api.PutMachineAsync(machine, ct);
        var next = -1;
        await Task.WhenAll(Enumerable.Range(0, Loggers).Select(async _ =>
        {
            while (Interlocked.Increment(ref next) is var n && n < settings.Sets)
            {
                if (!await api.LogAsync(LogBody.Of(machine, Fleet.Prefix(n), $"env-{n}", sets[n], digestOnly: false), ct))
                {
                    throw new InvalidOperationException($"The log of set {n} was refused.");
                }

                if (n % 1_000 == 999)
                {
                    Console.WriteLine($"  {n + 1:N0}");
                }
            }
        }));
        await WaitAsync(
            async () => await databases.ScannedAsync(ct) == settings.Sets && await databases.AgreeAsync(ct), "the sets to be scanned", ct);
    }

    private static async Task GrowAsync(int environments, Databases databases, CancellationToken ct)
    {
        Console.WriteLine($"Growing the fleet to {environments:N0} environments...");
        await databases.GrowAsync(environments, ct);
    }

    private static async Task MeasureDeltaAsync(
        ScaleSettings settings, ApiClient api, Databases databases, List<string> lines, CancellationToken ct)
    {
        Console.WriteLine("Importing the newer feed...");
        var watch = Stopwatch.StartNew();
        var import = await api.ImportAsync(Feed(settings, "pypa-osv.zip"), "osv", ct);
        var imported = watch.Elapsed;
        await WaitAsync(() => databases.AgreeAsync(ct), "the counts to arrive", ct);
        lines.Add(
            $"| import of the newer feed over {await databases.EnvironmentsAsync(ct):N0} environments "
            + $"({import.GetProperty("added").GetInt32():N0} new, {import.GetProperty("changed").GetInt32():N0} changed), "
            + $"until the last environment is up to date | {watch.Elapsed.TotalSeconds:N1} s (import {imported.TotalSeconds:N1} s) |");
    }

    private static async Task MeasureListsAsync(
        ScaleSettings settings, int environments, ApiClient api, Databases databases, List<string> lines, CancellationToken ct)
    {
        Console.WriteLine("Measuring lists...");
        var widespread = await databases.WidespreadAsync(ct);
        var random = new Random(environments);
        var some = random.GetItems(widespread.ToArray(), settings.Requests);
        var most = (await api.GetAsync($"vulnerabilities/{widespread[0]}/environments?limit=1", ct)).GetProperty("total_count").GetInt64();
        lines.Add(await TimeAsync($"{environments:N0} environments: those of the most widespread vulnerability ({most:N0})",
            _ => $"vulnerabilities/{widespread[0]}/environments?limit={Page}"));
        lines.Add(await TimeAsync($"{environments:N0} environments: the same, by highest score",
            _ => $"vulnerabilities/{widespread[0]}/environments?limit={Page}&sort=-max_cvss"));
        lines.Add(await TimeAsync($"{environments:N0} environments: those of random vulnerabilities",
            n => $"vulnerabilities/{some[n]}/environments?limit={Page}"));
        lines.Add(await TimeAsync(
            $"{environments:N0} environments: list by highest score, first page", _ => $"environments?limit={Page}&sort=-max_cvss"));
        lines.Add(await TimeAsync(
            $"{environments:N0} environments: list by highest score, ascending", _ => $"environments?limit={Page}&sort=max_cvss"));
        lines.Add(await PagesAsync(
            $"{environments:N0} environments: list by highest score, page after page", "environments?limit=100&sort=-max_cvss"));
        lines.Add(await TimeAsync($"{environments:N0} environments: list by name", _ => $"environments?limit={Page}"));
        lines.Add(
            await TimeAsync($"{environments:N0} environments: vulnerabilities of the organization", _ => $"vulnerabilities?limit={Page}"));

        async Task<string> TimeAsync(string what, Func<int, string> path)
        {
            var times = new List<double>();
            for (var n = -Warm; n < settings.Requests; n++)
            {
                var watch = Stopwatch.StartNew();
                await api.GetAsync(path(Math.Max(n, 0)), ct);
                if (n >= 0)
                {
                    times.Add(watch.Elapsed.TotalMilliseconds);
                }
            }

            return Row(what, times);
        }

        async Task<string> PagesAsync(string what, string path)
        {
            var times = new List<double>();
            string? cursor = null;
            for (var n = 0; n < settings.Requests; n++)
            {
                var watch = Stopwatch.StartNew();
                var page = await api.GetAsync(cursor is null ? path : $"{path}&cursor={Uri.EscapeDataString(cursor)}", ct);
                times.Add(watch.Elapsed.TotalMilliseconds);
                cursor = page.GetProperty("next_cursor") is { ValueKind: JsonValueKind.String } next ? next.GetString() : null;
            }

            return Row(what, times);
        }
    }

    private static string Row(string what, List<double> times)
    {
        times.Sort();
        return $"| {what} | p50 {times[times.Count / 2]:N1} ms, p99 {times[Math.Min(times.Count - 1, (int)(times.Count * 0.99))]:N1} ms |";
    }

    private static async Task WaitAsync(Func<Task<bool>> condition, string what, CancellationToken ct)
    {
        var watch = Stopwatch.StartNew();
        while (!await condition())
        {
            if (watch.Elapsed > TimeSpan.FromMinutes(10))
            {
                throw new TimeoutException($"Waited ten minutes for {what}.");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, ct);
        }
    }
}
