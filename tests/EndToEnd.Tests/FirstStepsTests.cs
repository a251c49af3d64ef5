using System.Text.Json;

using EnvPlatform.Testing;

namespace EnvPlatform.EndToEnd.Tests;

/// <summary>
/// The first steps of the README: sign in, log a sample environment, see its vulnerabilities, have it blocked by an administrator, be
/// stopped with the administrator's message, and find all of it in the audit log.
/// </summary>
public sealed class FirstStepsTests
{
    private const string Message = "openssl 1.1.1k has known holes: update to 3.x.";

    private static string Sample(string name)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "EnvPlatform.sln")))
            {
                return Path.Combine(folder.FullName, "samples", name);
            }
        }

        throw new DirectoryNotFoundException("The repository's root.");
    }

    [Test]
    public async Task A_newcomer_logs_an_environment_and_is_stopped_when_it_is_blocked()
    {
        var platform = SharedPlatform.Platform;
        using var administrator = platform.Administrator();
        using var agent = new AgentProcess();
        await SucceedsAsync(
            agent, "login", "--url", platform.Address.ToString(), "--token", platform.Bootstrap.Token, "--org",
            platform.Bootstrap.Organization);
        await SucceedsAsync(agent, "register");

        var file = Sample("science.explicit.txt");
        var logged = JsonDocument.Parse((await SucceedsAsync(agent, "log", "--file", file, "--json")).Output).RootElement;
        var id = Find(logged, "environment_id").GetString();

        var org = $"/api/v1/orgs/{platform.Bootstrap.Organization}";
        var scanned = await Eventually.GetAsync(
            async () => await administrator.GetAsync($"{org}/environments/{id}") is var e
                && e.GetProperty("scanned_at").ValueKind == JsonValueKind.String ? e.ToString() : null,
            "the environment is scanned");
        Assert.That(
            JsonDocument.Parse(scanned).RootElement.GetProperty("vulnerabilities").GetProperty("total").GetInt32(), Is.GreaterThan(0));
        var found = await administrator.ListAsync($"{org}/environments/{id}/vulnerabilities");
        Assert.That(found.Select(item => item.GetProperty("id").GetString()), Does.Contain("CVE-2022-0778"),
            "a first start finds openssl 1.1.1k by the built-in set");

        await ExplainsItselfAsync(agent, administrator, $"{org}/environments/{id}", id!);

        var prefix = JsonDocument.Parse(scanned).RootElement.GetProperty("prefix").GetString()!;
        Assert.That((await agent.RunAsync("check", "--prefix", prefix)).ExitCode, Is.Zero);
        await administrator.PutAsync($"{org}/environments/{id}/status", new { status = "block", message = Message });
        var blocked = await Eventually.GetAsync(
            async () => await agent.RunAsync("check", "--prefix", prefix) is { ExitCode: 1 } run ? run : null, "the check is refused");
        Assert.That(blocked.Error, Does.Contain(Message));

        await administrator.PutAsync($"{org}/environments/{id}/status", new { status = "ok" });
        Assert.That((await agent.RunAsync("check", "--prefix", prefix)).ExitCode, Is.Zero);
        await AuditHasAsync(administrator, platform.Bootstrap.Organization, id!,
            "environment_logged", "environment_scanned", "environment_status_changed", "activation_blocked");
    }

    // Why each was found, how each package was checked, and what clears it.
    private static async Task ExplainsItselfAsync(AgentProcess agent, Api administrator, string environment, string id)
    {
        var why = (await SucceedsAsync(agent, "env", "vulnerabilities", id, "--why")).Output;
        Assert.That(why, Does.Contain("CVE-2022-0778").And.Contains(
            "The conda package openssl of channel conda-forge is taken for conda's openssl").And.Contains("in the order openssl"));
        var packages = await administrator.ListAsync($"{environment}/packages");
        Assert.That(packages.Select(package => package.GetProperty("coverage_explanation").GetString()), Has.All.Not.Empty);
        var fix = await agent.RunAsync("env", "fix", id);
        Assert.That(fix.ExitCode, Is.AnyOf(0, 1), fix.Error);
        Assert.That(fix.Output, Does.StartWith("conda install --name ").And.Contains("'openssl>="));
    }

    [Test]
    public async Task A_local_audit_finds_without_logging()
    {
        var platform = SharedPlatform.Platform;
        using var agent = new AgentProcess();
        await SucceedsAsync(
            agent, "login", "--url", platform.Address.ToString(), "--token", platform.Bootstrap.Token, "--org",
            platform.Bootstrap.Organization);
        var run = await agent.RunAsync("audit", "scan", "--file", Sample("science.explicit.txt"), "--json", "--fail-on", "high");
        Assert.That(run.ExitCode, Is.EqualTo(1), run.Error);
        Assert.That(run.Output, Does.Contain("CVE-2022-0778"));
        Assert.That((await agent.RunAsync("audit", "scan", "--file", "no-such-file")).ExitCode, Is.AnyOf(2, 64));
    }

    private static async Task<AgentRun> SucceedsAsync(AgentProcess agent, params string[] arguments)
    {
        var run = await agent.RunAsync(arguments);
        Assert.That(run.ExitCode, Is.Zero, $"envplatform {string.Join(' ', arguments)}: {run.Error} {run.Output}");
        return run;
    }

    private static async Task AuditHasAsync(Api api, string organization, string target, params string[] actions)
    {
        api.Http.DefaultRequestHeaders.Add("X-Org-Name", organization);
        await Eventually.BecomesTrueAsync(
            async () =>
            {
                var page = await api.GetAsync($"/api/audit-logs?q=target_id:{target}&limit=1000");
                var keys = page.GetProperty("items").EnumerateArray()
                    .Select(item => item.GetProperty("action_key").GetString()).ToHashSet();
                return actions.All(keys.Contains);
            }, $"the audit log has {string.Join(", ", actions)}");
    }

    /// <summary>A member of that name, wherever the answer holds it.</summary>
    private static JsonElement Find(JsonElement element, string name) => element.ValueKind switch
    {
        JsonValueKind.Object when element.TryGetProperty(name, out var value) => value,
        JsonValueKind.Object => element.EnumerateObject().Select(property => Find(property.Value, name))
            .FirstOrDefault(value => value.ValueKind != JsonValueKind.Undefined),
        JsonValueKind.Array => element.EnumerateArray().Select(item => Find(item, name))
            .FirstOrDefault(value => value.ValueKind != JsonValueKind.Undefined),
        _ => default,
    };
}
