using System.Diagnostics;
using System.Text.Json;

namespace EnvPlatform.Bench.Load.Organizations;

/// <param name="Members">People; a tenth as many service accounts come with them.</param>
internal sealed record OrganizationSize(int Members, int Groups, int Channels);

/// <summary>The lists of an organization that administrators look at, over a large one.</summary>
internal static class OrganizationBenchmark
{
    private const int Warm = 50;
    private const double TargetMs = 50;

    public static async Task<int> RunAsync(OrganizationSize size, int requests, CancellationToken ct)
    {
        Console.WriteLine("Starting the platform...");
        await using var platform = await RunningPlatform.StartAsync(ct);
        using var api = platform.Client();
        await using var database = await OrganizationDatabase.OpenAsync(platform, ct);
        Console.WriteLine("Filling the organization...");
        await database.FillAsync(size, ct);
        var all = await database.TextAsync("select id from user_groups order by members desc limit 1", ct);
        var group = await database.TextAsync("select id from user_groups order by channels desc, id limit 1", ct);
        var channel = await database.TextAsync("select id from channels order by groups desc, id limit 1", ct);
        var lines = new List<string>();
        foreach (var (what, path) in new[]
        {
            ("members", "members"),
            ("members, searched", "members?search=AB"),
            ("members, searched by three letters", "members?search=ABC"),
            ("members, by e-mail address", "members?sort=email"),
            ("members, by role", "members?sort=role"),
            ("members, latest first", "members?sort=-joined_at"),
            ("members, last active first", "members?sort=-last_active_at"),
            ("members, auditors", "members?role=auditor"),
            ("invitations", "invitations"),
            ("invitations, searched", "invitations?search=99"),
            ("invitations, pending", "invitations?state=pending"),
            ("service accounts", "service-accounts"),
            ("tokens", "tokens"),
            ("machines", "machines"),
            ("groups", "groups"),
            ("groups, most members first", "groups?sort=-members"),
            ("groups, searched", "groups?search=AB"),
            ("members of the group with everybody", $"groups/{all}/members"),
            ("members of the group with everybody, searched", $"groups/{all}/members?search=AB"),
            ("channels of a group", $"groups/{group}/channels"),
            ("channels", "channels"),
            ("channels, most environments first", "channels?sort=-environments"),
            ("channels, searched", "channels?search=AB"),
            ("channels, discovered", "channels?kind=discovered"),
            ("groups of a channel", $"channels/{channel}/groups"),
            ("seats", "products/environments/seats"),
            ("seats, searched", "products/environments/seats?search=AB"),
            ("people without a seat", "products/environments/seats?assigned=false"),
        })
        {
            lines.Add(await MeasureAsync(api, what, path, requests, ct));
            Console.WriteLine(lines[^1]);
        }

        Console.WriteLine();
        Console.WriteLine($"{Environment.ProcessorCount} cores, {Environment.OSVersion.VersionString}, .NET {Environment.Version}; "
            + $"{size.Members:N0} members, {size.Groups:N0} groups, {size.Channels:N0} channels.");
        Console.WriteLine();
        if (OperatingSystem.IsLinux())
        {
            var load = await File.ReadAllTextAsync("/proc/loadavg", ct);
            Console.WriteLine($"Load average of the last five minutes: {load.Split(' ')[1]}.");
        }

        Console.WriteLine();
        Console.WriteLine($"| list | items | p50 ms | p99 ms | target of {TargetMs:N0} ms |");
        Console.WriteLine("|---|---|---|---|---|");
        lines.ForEach(Console.WriteLine);
        return 0;
    }

    /// <summary>Pages of 100, one after the other, from the first again behind the last.</summary>
    private static async Task<string> MeasureAsync(ApiClient api, string what, string path, int requests, CancellationToken ct)
    {
        var times = new List<double>();
        var total = 0L;
        string? cursor = null;
        for (var n = -Warm; n < requests; n++)
        {
            var watch = Stopwatch.StartNew();
            var page = await api.GetAsync(
                cursor is null ? path
                    : $"{path}{(path.Contains('?', StringComparison.Ordinal) ? '&' : '?')}cursor={Uri.EscapeDataString(cursor)}", ct);
            if (n >= 0)
            {
                times.Add(watch.Elapsed.TotalMilliseconds);
            }

            total = page.GetProperty("total_count").GetInt64();
            cursor = page.GetProperty("next_cursor") is { ValueKind: JsonValueKind.String } next ? next.GetString() : null;
        }

        times.Sort();
        var (p50, p99) = (times[times.Count / 2], times[Math.Min(times.Count - 1, (int)(times.Count * 0.99))]);
        return $"| {what} | {total:N0} | {p50:N1} | {p99:N1} | {Verdict(p50, p99)} |";
    }

    /// <summary>A list that misses by half of its pages is slow; one that misses by a few may have waited for the machine.</summary>
    private static string Verdict(double p50, double p99) =>
        p99 <= TargetMs ? "met" : p50 <= TargetMs ? "missed at p99, met at p50" : "missed at p50 and p99";
}
