using System.Diagnostics;

namespace EnvPlatform.Bench.Load.Policies;

/// <param name="Requests">Of each kind, one after the other.</param>
internal sealed record PolicySettings(int Environments, int Sets, int Requests, int Seconds, int Workers);

/// <summary>Decisions by policies over a large fleet.</summary>
internal static class PolicyBenchmark
{
    private const int OnOneMachine = 500;

    private const string FiveRules =
        """
        {"name":"five-rules","rules":[
        {"name":"kev","when":{"known_exploited":true,"status":["active","reported"]},"then":"block","grace":"14d"},
        {"name":"critical","when":{"severity":">= critical","fix_available":true},"then":"block","grace":"30d"},
        {"name":"channels","when":{"channel":"not_granted"},"then":"warn"},
        {"name":"packages","when":{"package":"package-12* <1.4","license":"GPL-*"},"then":"warn"},
        {"name":"old","when":{"log_age":"> 45d","name":"env-1*"},"then":"warn"}]}
        """;

    public static async Task<int> RunAsync(PolicySettings settings, CancellationToken ct)
    {
        Console.WriteLine("Starting the platform...");
        await using var platform = await RunningPlatform.StartAsync(ct);
        using var api = platform.Client();
        await using var database = await PolicyDatabase.OpenAsync(platform, ct);
        Console.WriteLine("Filling the fleet...");
        var machine = Guid.CreateVersion7();
        await database.FillAsync(settings.Environments, settings.Sets, machine, ct);
        var checks = new List<Measured> { await CheckAsync("activation check without policies") };
        Console.WriteLine(checks[0]);
        var lines = new List<string>();

        Console.WriteLine("Dry runs...");
        var times = new List<double>();
        for (var n = -2; n < settings.Requests; n++)
        {
            var watch = Stopwatch.StartNew();
            await api.PostAsync("policies/dry-run", new { text = FiveRules }, ct);
            if (n >= 0)
            {
                times.Add(watch.Elapsed.TotalSeconds);
            }
        }

        times.Sort();
        Add($"| dry run of five rules | {times[times.Count / 2]:N2} s (at most {times[^1]:N2} s) |");

        Console.WriteLine("A new policy...");
        var begun = Stopwatch.StartNew();
        var policy = await database.PolicyAsync("five-rules", FiveRules, ct);
        await UntilAsync(async () => await database.StaleAsync(ct) == 0);
        var inForce = begun.Elapsed.TotalSeconds;
        Add($"| a new policy, until it is in force everywhere ({await database.StatusesAsync(ct)}) | {inForce:N1} s |");
        await UntilAsync(async () => await database.UntoldAsync(ct) == 0);
        Add($"| until every environment's event has gone to the broker | {begun.Elapsed.TotalSeconds:N1} s |");

        var scans = new List<double>();
        for (var n = 0; n < settings.Requests; n++)
        {
            begun.Restart();
            await database.FindAsync(ct);
            await UntilAsync(async () => await database.StaleAsync(ct) == 0);
            scans.Add(begun.Elapsed.TotalSeconds);
        }

        scans.Sort();
        Add($"| one changed set of about 30 environments, until decided | {scans[scans.Count / 2]:N2} s (at most {scans[^1]:N2} s) |");

        Console.WriteLine("Ten policies...");
        await database.DisableAsync(policy, ct);
        for (var n = 0; n < 10; n++)
        {
            await database.PolicyAsync(
                $"policy-{n}", $$$"""{"name":"policy-{{{n}}}","rules":[{"name":"r","when":{"name":"nothing-*"},"then":"block"}]}""", ct);
        }

        await UntilAsync(async () => await database.StaleAsync(ct) == 0);
        checks.Add(await CheckAsync("activation check with ten policies"));

        Console.WriteLine();
        Console.WriteLine($"{Environment.ProcessorCount} cores, .NET {Environment.Version}; {settings.Environments:N0} environments, "
            + $"{settings.Sets:N0} sets.");
        Console.WriteLine();
        Console.WriteLine("| what | |\n|---|---|");
        lines.ForEach(Console.WriteLine);
        Console.WriteLine();
        Console.WriteLine("| measured | a second | p50 ms | p99 ms | failures |\n|---|---|---|---|---|");
        checks.ForEach(Console.WriteLine);
        return checks.Any(check => check.Failures > 0) ? 1 : 0;

        // Those that are warned about are another matter: each is recorded.
        Task<Measured> CheckAsync(string what) => Meter.RunAsync(
            what, settings.Seconds, settings.Workers,
            (n, c) => api.CheckAsync(machine, $"/opt/envs/env-{(uint)n % OnOneMachine}", c), ct);

        void Add(string line)
        {
            lines.Add(line);
            Console.WriteLine(line);
        }

        async Task UntilAsync(Func<Task<bool>> condition)
        {
            while (!await condition())
            {
                await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, ct);
            }
        }
    }
}
