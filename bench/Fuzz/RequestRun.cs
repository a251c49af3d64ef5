using System.Diagnostics;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;

using EnvPlatform.Contracts.Packages;
using EnvPlatform.EndToEnd.Fuzzing;

namespace EnvPlatform.Fuzz;

/// <summary>Sends requests that no client should send to a platform that runs, with a line every ten seconds.</summary>
internal static class RequestRun
{
    private const int Parallel = 8;
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    /// <param name="bootstrap">The platform's bootstrap.json: where it is and how to sign in.</param>
    /// <returns>1 when a request failed.</returns>
    public static async Task<int> RunAsync(FileInfo bootstrap, long requests, int seed, CancellationToken ct)
    {
        using var file = JsonDocument.Parse(await File.ReadAllTextAsync(bootstrap.FullName, ct));
        var address = new Uri(Text("url"));
        using var http = new HttpClient { BaseAddress = address };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Text("token"));
        var machine = Guid.CreateVersion7();
        using var registered = await http.PutAsJsonAsync(
            $"/api/v1/orgs/{Text("organization")}/machines/{machine}",
            new { hostname = "fuzz", platform = "linux-64", agent_version = "0" }, ct);
        registered.EnsureSuccessStatusCode();
        using var logged = await http.PostAsJsonAsync(
            $"/api/v1/orgs/{Text("organization")}/environment-logs",
            new
            {
                machine_id = machine,
                prefix = "/opt/envs/fuzzed",
                name = "fuzzed",
                platform = "linux-64",
                digest = PackageSetDigest.Compute([new PackageKey("pypi", "", "", "requests", "2.25.1", "")]),
                packages = new[] { new { manager = "pypi", name = "requests", version = "2.25.1" } },
            }, ct);
        logged.EnsureSuccessStatusCode();
        var generator = new RequestGenerator(
            await http.GetFromJsonAsync<JsonElement>("/openapi/v1.json", ct), seed, [Text("token")],
            new Dictionary<string, string>(StringComparer.Ordinal)
            {
                ["org"] = Text("organization"),
                ["machine_id"] = machine.ToString(),
                ["environments"] = (await logged.Content.ReadFromJsonAsync<JsonElement>(ct)).GetProperty("environment_id").GetString()!,
                ["vulnerabilities"] = "CVE-2023-32681",
                ["name"] = "requests",
                ["prefix"] = "/opt/envs/fuzzed",
            });
        Console.WriteLine($"seed {seed}, {requests:N0} requests to {generator.Operations} operations of {address}");
        var clock = Stopwatch.StartNew();
        long shown = 0;
        var result = await RequestFuzz.RunAsync(generator, address, 0, requests, Parallel, Show, ct);
        Console.WriteLine(string.Join(", ", result.Answers.Select(pair => $"{pair.Key}: {pair.Value:N0}")) + $" in {clock.Elapsed}");
        foreach (var failure in result.Failures)
        {
            Console.WriteLine($"FAILED {failure}");
        }

        return result.Failures.Count > 0 ? 1 : 0;

        string Text(string name) => file.RootElement.GetProperty(name).GetString()!;

        void Show(long number)
        {
            var before = Interlocked.Read(ref shown);
            var now = clock.Elapsed;
            if (now.Ticks - before >= Interval.Ticks && Interlocked.CompareExchange(ref shown, now.Ticks, before) == before)
            {
                Console.WriteLine($"{number,12:N0} requests  {now.TotalSeconds,7:N1} s  {number / now.TotalSeconds,6:N0}/s");
            }
        }
    }
}
