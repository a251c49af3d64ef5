using System.Diagnostics;
using System.Text.Json;

using EnvPlatform.Scanner.Advisories;
using EnvPlatform.Scanner.Advisories.Osv;
using EnvPlatform.Scanner.Mapping;
using EnvPlatform.Scanner.Matching;

namespace EnvPlatform.Bench.Matching;

/// <summary>The measurements, all in this process and on one thread.</summary>
internal static class Benchmark
{
    public static int Run(string data, string feed, TimeSpan time)
    {
        var file = Path.Combine(data, "advisories", feed);
        var environments = Path.Combine(data, "environments", "environments.jsonl");
        if (!File.Exists(file) || !File.Exists(environments))
        {
            Console.Error.WriteLine($"There is no {file} or no {environments}. Say where the data is with --data or ENVPLATFORM_DATA.");
            return 1;
        }

        // Once to warm up the compiler, then measured.
        _ = Read(file);
        var (advisories, reading) = Time(() => Read(file));
        var complete = advisories.SelectMany(advisory => advisory.Affected).Select(affected => affected.Ecosystem)
            .Distinct(StringComparer.Ordinal).ToArray();
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var (groups, grouping) = Time(() => VulnerabilityGroups.Of(advisories));
        var grouped = GC.GetTotalMemory(forceFullCollection: true);
        var (index, building) = Time(() => AdvisoryIndex.Build(advisories, groups, ConventionMapping.BuiltIn, complete));
        var built = GC.GetTotalMemory(forceFullCollection: true);

        Console.WriteLine("| what | |\n|---|---|");
        Console.WriteLine($"| advisories read from the archive | {advisories.Length:n0} in {reading.TotalMilliseconds:n0} ms |");
        Console.WriteLine($"| grouped into vulnerabilities by their aliases | {groups.All.Count:n0} in {grouping.TotalMilliseconds:n0} ms, "
            + $"{Mebibytes(grouped - before)} |");
        Console.WriteLine(
            $"| index built | {index.Projects:n0} projects in {building.TotalMilliseconds:n0} ms, {Mebibytes(built - grouped)} |");

        var packages = File.ReadLines(environments).SelectMany(Packages).ToArray();
        var straightforward = new StraightforwardMatcher(advisories, ConventionMapping.BuiltIn);
        var (withIndex, hits) = Rate(packages, package => index.Match(package).Hits.Length, time);
        var filled = GC.GetTotalMemory(forceFullCollection: true);
        var (withLoop, expected) = Rate(packages, package => straightforward.Match(package), time);
        var allocated = Allocated(packages, index);
        Console.WriteLine(
            $"| memory of the index after the packages of {packages.Length:n0} rows were matched | {Mebibytes(filled - grouped)} |");
        Console.WriteLine($"| packages matched a second, with the index | {withIndex:n0} |");
        Console.WriteLine($"| packages matched a second, with the straightforward loop | {withLoop:n0} |");
        Console.WriteLine($"| ratio | {withIndex / withLoop:n0} |");
        Console.WriteLine($"| bytes allocated for each package, with the index | {allocated:n2} |");
        Console.WriteLine($"| advisories that affect packages, with the index and with the loop | {hits:n0}, {expected:n0} |");
        GC.KeepAlive(index);
        return hits == expected ? 0 : 1;
    }

    private static Advisory[] Read(string file)
    {
        using var stream = File.OpenRead(file);
        return [.. OsvArchive.Read(stream).Select(entry => entry.Record).OfType<OsvRecord.Valid>().Select(valid => valid.Advisory)];
    }

    /// <summary>Matches all packages repeatedly; returns also what one round finds. The first round is not counted.</summary>
    private static (double PerSecond, long Found) Rate(InstalledPackage[] packages, Func<InstalledPackage, int> match, TimeSpan time)
    {
        var found = packages.Sum(package => (long)match(package));
        var watch = Stopwatch.StartNew();
        long matched = 0;
        while (watch.Elapsed < time)
        {
            // Checks the clock now and then, since a round may take long.
            for (var start = 0; start < packages.Length && watch.Elapsed < time; start += 1_000)
            {
                foreach (ref readonly var package in packages.AsSpan(start, Math.Min(1_000, packages.Length - start)))
                {
                    _ = match(package);
                    matched++;
                }
            }
        }

        return (matched / watch.Elapsed.TotalSeconds, found);
    }

    private static double Allocated(InstalledPackage[] packages, AdvisoryIndex index)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        foreach (ref readonly var package in packages.AsSpan())
        {
            _ = index.Match(package);
        }

        return (double)(GC.GetAllocatedBytesForCurrentThread() - before) / packages.Length;
    }

    private static (T Result, TimeSpan Elapsed) Time<T>(Func<T> work)
    {
        var watch = Stopwatch.StartNew();
        return (work(), watch.Elapsed);
    }

    private static string Mebibytes(long bytes) => $"{bytes / 1024.0 / 1024:n1} MiB";

    private static IEnumerable<InstalledPackage> Packages(string line)
    {
        using var environment = JsonDocument.Parse(line);
        return
        [
            .. environment.RootElement.GetProperty("packages").EnumerateArray().Select(package => new InstalledPackage(
                Text(package, "manager") == "pip" ? PackageManager.PyPI : PackageManager.Conda, Text(package, "name")!,
                Text(package, "version"), Text(package, "build"), Text(package, "channel"))),
        ];
    }

    private static string? Text(JsonElement element, string name) => element.TryGetProperty(name, out var value) ? value.GetString() : null;
}
