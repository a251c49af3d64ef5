using System.Collections.Concurrent;
using System.Net.Http.Json;

using EnvPlatform.Testing;

namespace EnvPlatform.EndToEnd.Tests;

/// <summary>Two instances of every service and of the gateway: calls reach both, and agents do not notice when one dies.</summary>
public sealed class InstancesTests
{
    private static readonly string[] Victims = ["ingest", "identity", "scanner", "policy", "audit", "gateway"];

    [Test]
    public async Task Calls_are_spread_over_two_instances_and_the_death_of_one_fails_no_request_of_an_agent()
    {
        await using var telemetry = await OtlpReceiver.StartAsync();
        await using var platform = await Platform.StartAsync(telemetry.Address, instances: 2);
        await SpreadAsync(platform, telemetry);

        // Agents of the second gateway are not affected by the end of the first one.
        using var stop = new CancellationTokenSource();
        var failures = new ConcurrentQueue<string>();
        var runs = new ConcurrentQueue<string>();
        var agents = Enumerable.Range(0, 2).Select(i => UseAsync(platform, i, runs, failures, stop.Token)).ToArray();
        foreach (var victim in Victims)
        {
            var before = runs.Count;
            await platform.KillAsync(victim);
            await Eventually.BecomesTrueAsync(
                () => Task.FromResult(runs.Count > before + agents.Length || !failures.IsEmpty), "agents go on", seconds: 120);
        }

        await stop.CancelAsync();
        await Task.WhenAll(agents);
        Assert.That(failures, Is.Empty);
    }

    /// <summary>By HTTP from each gateway, and by gRPC from one service to another.</summary>
    private static async Task SpreadAsync(Platform platform, OtlpReceiver telemetry)
    {
        string[] calls =
        [
            "ingest environment-logs", "identity envplatform.identity.v1.Tokens/Introspect",
            "identity envplatform.identity.v1.Machines/GetMachine",
            "ingest envplatform.ingest.v1.PackageSets/GetPackageSet",
        ];
        var rounds = 0;
        while (!calls.All(call => Instances(telemetry, call) == 2))
        {
            Assert.That(++rounds, Is.LessThanOrEqualTo(20), $"two instances answer: {string.Join(", ", calls)}; seen: {Seen(telemetry)}");

            // Answers are cached: calls between services need new data.
            var organization = await Organization.CreateAsync(platform);
            foreach (var gateway in new[] { "gateway", "gateway-2" })
            {
                using var api = new Api(platform.AddressOf(gateway), organization.Token);
                for (var i = 0; i < 3; i++)
                {
                    var environment = new RealEnvironment(
                        $"{gateway}-{i}", "new", "linux-64",
                        [new("conda", "conda-forge", "linux-64", organization.Slug, $"1.{i}", gateway[^1..])]);
                    using var response = await api.Http.PostAsJsonAsync(
                        $"{organization.Path}/environment-logs", environment.ToLog(organization.MachineId));
                    // On a busy machine a service may not answer another in time; an agent would try again, and the next round does.
                    Assert.That(
                        (int)response.StatusCode, Is.EqualTo(201).Or.EqualTo(503), await response.Content.ReadAsStringAsync());
                }
            }
        }
    }

    /// <summary>As members do: an environment is logged, checked and listed, again and again.</summary>
    private static async Task UseAsync(
        Platform platform, int number, ConcurrentQueue<string> runs, ConcurrentQueue<string> failures, CancellationToken ct)
    {
        using var agent = new AgentProcess();
        var file = Path.Combine(agent.Home, "environment.txt");
        await RunAsync(
            "login", "--url", platform.AddressOf("gateway-2").ToString(), "--token", platform.Bootstrap.Token, "--org", "default");
        for (var round = 0; !ct.IsCancellationRequested; round++)
        {
            await File.WriteAllTextAsync(
                file, $"@EXPLICIT\nhttps://conda.anaconda.org/conda-forge/linux-64/agent{number}-1.{round}-0.conda\n", ct);
            await RunAsync("log", "--file", file);
            await RunAsync("env", "list");
            await RunAsync("check", "--prefix", file);
        }

        async Task RunAsync(params string[] arguments)
        {
            var run = await agent.RunAsync(arguments);
            runs.Enqueue(arguments[0]);
            if (run.ExitCode != 0)
            {
                failures.Enqueue($"{string.Join(' ', arguments)}: {run.ExitCode} {run.Output} {run.Error}");
            }
        }
    }

    private static int Instances(OtlpReceiver telemetry, string call)
    {
        var (service, name) = (call.Split(' ')[0], call.Split(' ')[1]);
        return telemetry.Spans.Where(span => span.Service == service && span.Name.Contains(name, StringComparison.Ordinal))
            .Select(span => span.Instance).Distinct().Count();
    }

    private static string Seen(OtlpReceiver telemetry) =>
        string.Join("; ", telemetry.Spans.GroupBy(span => $"{span.Service} {span.Name}")
            .Select(group => $"{group.Key} {group.Select(span => span.Instance).Distinct().Count()}"));
}
