using System.Net.Http.Json;
using System.Text.Json;

using EnvPlatform.Testing;

namespace EnvPlatform.EndToEnd.Tests;

/// <summary>An administrator decides for a whole organization with the agent, and a member's agent follows within a second.</summary>
public sealed class OrganizationStoryTests
{
    [Test]
    public async Task Environment_management_is_switched_off_and_on_and_no_block_is_lost()
    {
        var platform = SharedPlatform.Platform;
        var organization = await Organization.CreateAsync(platform);
        using var agent = new AgentProcess();
        await SucceedsAsync(
            agent, "login", "--url", platform.Address.ToString(), "--token", organization.Token, "--org", organization.Slug);
        var prefix = Path.Combine(agent.Home, "env");
        Directory.CreateDirectory(Path.Combine(prefix, "conda-meta"));
        await File.WriteAllTextAsync(Path.Combine(prefix, "conda-meta", "history"), "");
        await File.WriteAllTextAsync(
            Path.Combine(prefix, "conda-meta", "zlib-1.2.13-h166bdaf_4.json"),
            """{"name":"zlib","version":"1.2.13","build":"h166bdaf_4","channel":"conda-forge","subdir":"linux-64","depends":[]}""");
        await SucceedsAsync(agent, "log", "--prefix", prefix);
        using var api = platform.Client(organization.Token);
        var environment = (await api.GetAsync($"{organization.Path}/environments")).GetProperty("items")[0].GetProperty("id").GetString();
        await api.PutAsync($"{organization.Path}/environments/{environment}/status", new { status = "block", message = "Leaked key" });
        await BecomesAsync(agent, prefix, 1, "Leaked key");

        var off = await SucceedsAsync(agent, "organization", "set", "environments_enabled=no");
        Assert.That(off.Output, Does.Contain("Changed: environments_enabled"));
        await BecomesAsync(agent, prefix, 0, "");
        using var refused = await api.Http.PostAsJsonAsync($"{organization.Path}/environment-logs", new { });
        Assert.That(
            (await refused.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("type").GetString(),
            Does.EndWith("environments_disabled").Or.EndWith("invalid_request"));
        Assert.That((await api.GetAsync($"{organization.Path}/environments")).GetProperty("items").GetArrayLength(), Is.EqualTo(1));

        await SucceedsAsync(agent, "organization", "set", "environments_enabled=yes");
        await BecomesAsync(agent, prefix, 1, "Leaked key");

        await SucceedsAsync(
            agent, "organization", "set", "enforcement_paused_until=8h", "enforcement_pause_reason=Nobody can work.");
        await BecomesAsync(agent, prefix, 0, "warning");
        await SucceedsAsync(agent, "organization", "set", "enforcement_paused_until=no");
        await BecomesAsync(agent, prefix, 1, "Leaked key");

        var shown = await SucceedsAsync(agent, "organization", "show");
        Assert.That(shown.Output, Does.Match("environments_enabled +yes").And.Match("allowed_email_domains +any"));
        var unknown = await agent.RunAsync("organization", "set", "environment_enabled=yes");
        Assert.That(unknown.ExitCode, Is.EqualTo(64));
        Assert.That(unknown.Error, Does.Contain("There is no setting 'environment_enabled'"));
    }

    [TestCase("closed", 1)]
    [TestCase("open", 0)]
    public async Task An_agent_that_gets_no_answer_does_what_the_organization_wants(string mode, int exitCode)
    {
        var platform = SharedPlatform.Platform;
        var organization = await Organization.CreateAsync(platform);
        using var agent = new AgentProcess();
        await SucceedsAsync(
            agent, "login", "--url", platform.Address.ToString(), "--token", organization.Token, "--org", organization.Slug);
        await SucceedsAsync(agent, "register");
        var prefix = Path.Combine(agent.Home, "env");
        Directory.CreateDirectory(Path.Combine(prefix, "conda-meta"));
        var present = await SettingsAsync();
        using var change = new HttpRequestMessage(HttpMethod.Patch, $"{organization.Path}/settings");
        change.Content = JsonContent.Create(new { agent_fail_mode = mode });
        change.Headers.TryAddWithoutValidation("If-Match", $"\"{present.GetProperty("version").GetInt32()}\"");
        using var client = platform.Client(organization.Token);
        using var changed = await client.Http.SendAsync(change);
        Assert.That((int)changed.StatusCode, Is.EqualTo(200), await changed.Content.ReadAsStringAsync());

        // Once it has heard of it, the time that it waits is made so short that no answer comes in time.
        await Eventually.BecomesTrueAsync(
            async () =>
            {
                await agent.RunAsync("check", "--prefix", prefix);
                var away = await agent.RunAsync(["check", "--prefix", prefix], ("ENVPLATFORM_CHECK_TIMEOUT_MS", "1"));
                return away.ExitCode == exitCode && away.Error.Contains("while the platform does not answer", StringComparison.Ordinal);
            },
            $"the agent follows {mode}");

        async Task<JsonElement> SettingsAsync()
        {
            using var administrator = platform.Client(organization.Token);
            return await administrator.GetAsync($"{organization.Path}/settings");
        }
    }

    private static Task BecomesAsync(AgentProcess agent, string prefix, int exitCode, string says) => Eventually.BecomesTrueAsync(
        async () =>
        {
            var run = await agent.RunAsync("check", "--prefix", prefix);
            return run.ExitCode == exitCode && run.Error.Contains(says, StringComparison.Ordinal);
        },
        $"check ends with {exitCode}");

    private static async Task<AgentRun> SucceedsAsync(AgentProcess agent, params string[] arguments)
    {
        var run = await agent.RunAsync(arguments);
        Assert.That(run.ExitCode, Is.Zero, $"{string.Join(' ', arguments)}\n{run.Output}{run.Error}");
        return run;
    }
}
