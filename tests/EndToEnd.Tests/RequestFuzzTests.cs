using System.Globalization;

using EnvPlatform.EndToEnd.Fuzzing;

namespace EnvPlatform.EndToEnd.Tests;

/// <summary>
/// Thousands of requests that no client should send, to every operation of the OpenAPI document: none is a fault of the platform. The
/// environment variables <c>ENVPLATFORM_FUZZ_SEED</c> and <c>ENVPLATFORM_FUZZ_REQUESTS</c> say another seed and number.
/// </summary>
public sealed class RequestFuzzTests
{
    private static readonly int Seed = Setting("ENVPLATFORM_FUZZ_SEED", 1);
    private static readonly int Requests = Setting("ENVPLATFORM_FUZZ_REQUESTS", 20_000);

    [Test]
    public async Task No_request_is_answered_5xx_while_everything_is_up()
    {
        var platform = SharedPlatform.Platform;
        var organization = await Organization.CreateAsync(platform);
        using var api = platform.Client(organization.Token);
        var logged = await api.PostAsync($"{organization.Path}/environment-logs", new RealEnvironment(
            "fuzzed", "fuzzed", "linux-64",
            [new("pypi", "", "", "requests", "2.25.1", ""), new("conda", "conda-forge", "linux-64", "openssl", "1.1.1k", "h27cfd23_0")])
            .ToLog(organization.MachineId));
        var generator = new RequestGenerator(
            await api.GetAsync("/openapi/v1.json"), Seed, [organization.Token, platform.Bootstrap.Token],
            new Dictionary<string, string>(StringComparer.Ordinal)
            {
                ["org"] = organization.Slug,
                ["machine_id"] = organization.MachineId.ToString(),
                ["environments"] = logged.GetProperty("environment_id").GetString()!,
                ["vulnerabilities"] = "CVE-2022-0778",
                ["name"] = "openssl",
                ["prefix"] = "/opt/envs/fuzzed",
            });
        var processes = await ProcessesAsync(platform);
        Assert.That(generator.Operations, Is.GreaterThan(45));
        var result = await RequestFuzz.RunAsync(generator, platform.Address, 0, Requests, parallel: 8, null, CancellationToken.None);
        await TestContext.Out.WriteLineAsync(string.Join(", ", result.Answers.Select(pair => $"{pair.Key}: {pair.Value}")));
        Assert.That(result.Failures, Is.Empty);
        Assert.That(result.Answers.Keys, Does.Contain(200).And.Contain(400).And.Contain(404));
        foreach (var service in Platform.Services)
        {
            await platform.WaitUntilReadyAsync(service);
        }

        Assert.That(await ProcessesAsync(platform), Is.EqualTo(processes), "none has died");
    }

    private static async Task<int[]> ProcessesAsync(Platform platform) =>
        await Task.WhenAll(Platform.Services.Select(platform.ProcessIdAsync));

    private static int Setting(string name, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out var given) ? given : otherwise;
}
