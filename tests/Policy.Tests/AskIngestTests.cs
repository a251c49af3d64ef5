extern alias ingest;

using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text.Json;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.Testing;

using MassTransit;

using Microsoft.Extensions.DependencyInjection;

using ServiceJson = EnvPlatform.ServiceDefaults.Json;

namespace EnvPlatform.Policy.Tests;

/// <summary>An environment was logged, and its event has not arrived: Policy asks the real Ingest.</summary>
public sealed class AskIngestTests
{
    private TestDatabase _database = null!;
    private ServiceFixture<ingest::Program> _ingestService = null!;
    private PolicyPlatform _platform = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _database = await TestDatabase.CreateAsync();
        // Its messages have a separate prefix, so that none of them reaches Policy.
        _ingestService = await ServiceFixture<ingest::Program>.StartAsync("ingest", _database, new Dictionary<string, string?>
        {
            ["services:identity:grpc:0"] = "http://127.0.0.1:9",
            ["services:scanner:grpc:0"] = "http://127.0.0.1:9",
        });
        _platform = await PolicyPlatform.StartAsync(
            more: new Dictionary<string, string?> { ["services:ingest:grpc:0"] = _ingestService.GrpcAddress.ToString() });
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        await _platform.DisposeAsync();
        await _ingestService.DisposeAsync();
        await _database.DisposeAsync();
    }

    [Test]
    public async Task An_environment_whose_event_is_late_can_be_blocked_and_the_late_event_changes_nothing()
    {
        var member = TestCaller.Of(_platform.Organization with { Role = Roles.Member });
        var environment = await LogInIngestAsync(member);
        Assert.That(await StatusAsync(), Is.EqualTo("unknown"));

        // The answer of a busy machine is 503 for a while: try again.
        await Eventually.BecomesTrueAsync(
            async () =>
            {
                using var blocked = await _platform.SetAsync(environment, new { status = "block" });
                Assert.That((int)blocked.StatusCode, Is.EqualTo(200).Or.EqualTo(503), await blocked.Content.ReadAsStringAsync());
                return (int)blocked.StatusCode == 200;
            },
            "it is blocked");
        Assert.That(await StatusAsync(), Is.EqualTo("block"));
        await _platform.PublishAsync(environment);
        await _platform.LogAsync();
        Assert.That(await StatusAsync(), Is.EqualTo("block"));
        using var own = await _platform.As(member).GetAsync(
            new Uri($"/api/v1/orgs/{_platform.Organization.Slug}/environments/{environment.EnvironmentId}/status", UriKind.Relative));
        Assert.That((int)own.StatusCode, Is.EqualTo(200), "the owner is known");

        async Task<string?> StatusAsync() =>
            (await _platform.CheckAsync(_platform.As(member), environment.MachineId, environment.Prefix)).GetProperty("status").GetString();
    }

    [Test]
    public async Task What_Ingest_does_not_know_or_another_organization_owns_is_404()
    {
        using var unknown = await _platform.SetAsync(_platform.NewEnvironment(), new { status = "block" });
        Assert.That((int)unknown.StatusCode, Is.EqualTo(404));

        var environment = await LogInIngestAsync(TestCaller.Of(_platform.Organization with { Role = Roles.Member }));
        var other = TestCaller.NewOrganization();
        using var foreign = await _platform.As(TestCaller.Of(other))
            .PutAsJsonAsync($"/api/v1/orgs/{other.Slug}/environments/{environment.EnvironmentId}/status", new { status = "block" });
        Assert.That((int)foreign.StatusCode, Is.EqualTo(404));
    }

    private async Task<EnvironmentLogged> LogInIngestAsync(TestCaller member)
    {
        var environment = _platform.NewEnvironment(owner: member.SubjectId);
        await _ingestService.Services.GetRequiredService<IBus>().Publish(
            new MachineRegistered(
                environment.OrganizationId, environment.MachineId, member.SubjectId, "laptop", "linux-64", "1.0.0", DateTimeOffset.UtcNow));
        var client = _ingestService.As(member);
        var body = new
        {
            environment.MachineId,
            environment.Prefix,
            environment.Name,
            environment.Platform,
            Digest = "sha256:" + Convert.ToHexStringLower(SHA256.HashData("conda|conda-forge|linux-64|zlib|1.3.1|h1_0\n"u8)),
            Packages = new[]
            {
                new { Manager = "conda", Name = "zlib", Version = "1.3.1", Build = "h1_0", Subdir = "linux-64", Channel = "conda-forge" }
            },
        };
        var answer = await Eventually.GetAsync(
            async () =>
            {
                using var response = await client.PostAsJsonAsync(
                    $"/api/v1/orgs/{_platform.Organization.Slug}/environment-logs", body, ServiceJson.Options);
                return response.IsSuccessStatusCode ? await response.Content.ReadAsStringAsync() : null;
            }, "the environment is logged, once its machine is known");
        using var json = JsonDocument.Parse(answer);
        return environment with { EnvironmentId = new EnvironmentId(json.RootElement.GetProperty("environment_id").GetGuid()) };
    }
}
