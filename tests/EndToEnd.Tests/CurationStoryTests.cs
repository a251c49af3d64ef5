using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

using EnvPlatform.Testing;

namespace EnvPlatform.EndToEnd.Tests;

/// <summary>
/// An operator imports a file, a member's environment is found affected, an administrator clears it for a few seconds, all with the agent:
/// counts follow within seconds, and the verdict expires by itself.
/// </summary>
public sealed class CurationStoryTests
{
    private const string Vulnerability = "CVE-2026-424242";

    [Test]
    public async Task What_an_administrator_clears_is_not_counted_until_the_verdict_ends()
    {
        var platform = SharedPlatform.Platform;
        using var anOperator = new AgentProcess();
        using var administrator = new AgentProcess();
        var organization = await Organization.CreateAsync(platform);
        await SucceedsAsync(
            anOperator, "login", "--url", platform.Address.ToString(), "--token", platform.Bootstrap.Token, "--org",
            platform.Bootstrap.Organization);
        await SucceedsAsync(
            administrator, "login", "--url", platform.Address.ToString(), "--token", organization.Token, "--org", organization.Slug);
        await ImportAsync(anOperator, administrator);

        var file = Path.Combine(administrator.Home, "environment.yml");
        await File.WriteAllTextAsync(
            file, "name: story\ndependencies:\n  - python=3.12.1=hab00c5b_1_cpython\n  - pip:\n    - story-lib==1.0\n");
        await SucceedsAsync(administrator, "log", "--file", file, "--wait");
        await BecomesAsync(administrator, 1);
        var shown = await SucceedsAsync(administrator, "vulnerability", "show", "pysec-2026-424242");
        Assert.That(
            shown.Output, Does.Contain(Vulnerability).And.Contain("9.8").And.Match(@"environments +1\b").And.Match(@"status +reported"));

        var end = TimeProvider.System.GetUtcNow().AddSeconds(12).ToString("O", CultureInfo.InvariantCulture);
        await SucceedsAsync(
            administrator, "vulnerability", "curate", Vulnerability, "--status", "cleared", "--reason", "code not used", "--package",
            "story-lib", "--version", "1.0", "--expires", end);
        await BecomesAsync(administrator, 0);
        var environments = await SucceedsAsync(administrator, "vulnerability", "environments", Vulnerability);
        Assert.That(environments.Output, Does.Match(@"story-lib 1\.0 +cleared"));
        await ExportsAsync(administrator);

        await BecomesAsync(administrator, 1);
        var history = await SucceedsAsync(administrator, "vulnerability", "curations", Vulnerability, "--history");
        Assert.That(history.Output, Does.Match(@"story-lib 1\.0 +cleared +code not used .*expired"));
        using var api = platform.Client(organization.Token);
        api.Http.DefaultRequestHeaders.Add("X-Org-Name", organization.Slug);
        await Eventually.BecomesTrueAsync(
            async () =>
                (await api.GetAsync($"/api/audit-logs?q=target_id:{Vulnerability}&limit=1000")).GetProperty("items").EnumerateArray()
                    .Select(item => item.GetProperty("action_key").GetString()).ToHashSet() is var keys
                    && keys.Contains("vulnerability_curated") && keys.Contains("vulnerability_curation_expired"),
            "both are in the audit log");
    }

    private static async Task ImportAsync(AgentProcess anOperator, AgentProcess administrator)
    {
        var record = new JsonObject
        {
            ["schema_version"] = "1.7.0",
            ["id"] = "PYSEC-2026-424242",
            ["modified"] = "2026-01-02T03:04:05Z",
            ["aliases"] = new JsonArray(Vulnerability),
            ["details"] = "Only in a story.",
            ["severity"] = new JsonArray(
                new JsonObject { ["type"] = "CVSS_V3", ["score"] = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H" }),
            ["affected"] = new JsonArray(new JsonObject
            {
                ["package"] = new JsonObject { ["ecosystem"] = "PyPI", ["name"] = "story-lib" },
                ["versions"] = new JsonArray("1.0")
            }),
        };
        var file = Path.Combine(anOperator.Home, "advisories.json");
        await File.WriteAllTextAsync(file, $"{record.ToJsonString()}\n{{\"id\": \"BROKEN-1\"}}\n");
        var imported = await SucceedsAsync(anOperator, "advisories", "import", file);
        Assert.That(imported.Output, Does.Contain("1 added").And.Contain("1 rejected"));
        Assert.That(imported.Error, Does.Contain("BROKEN-1 is left out: modified is missing"));
        var imports = await SucceedsAsync(anOperator, "advisories", "imports", "--json");
        var id = JsonDocument.Parse(imports.Output).RootElement.GetProperty("items")[0].GetProperty("id").GetString()!;
        Assert.That((await SucceedsAsync(anOperator, "advisories", "rejections", id)).Output, Does.Contain("BROKEN-1"));
        Assert.That((await SucceedsAsync(anOperator, "advisories", "feeds")).Output, Does.Match(@"pypi +osv +never +never +off"));
        Assert.That((await anOperator.RunAsync("advisories", "sync", "pypi")).Error, Does.Contain("fetches no feeds"));

        var refused = await administrator.RunAsync("advisories", "imports");
        Assert.That((refused.ExitCode, refused.Error.Contains("403", StringComparison.Ordinal)), Is.EqualTo((2, true)),
            "an organization's administrator is no operator");
    }

    private static async Task ExportsAsync(AgentProcess administrator)
    {
        var openVex = JsonNode.Parse((await SucceedsAsync(administrator, "vex", "export")).Output)!;
        await SucceedsAsync(administrator, "vex", "export", "--format", "cyclonedx", "--output", "vex.json");
        var again = await SucceedsAsync(administrator, "vex", "import", "vex.json");
        Assert.Multiple(() =>
        {
            Assert.That((string?)openVex["statements"]![0]!["vulnerability"]!["name"], Is.EqualTo(Vulnerability));
            Assert.That(again.Output, Does.Match("statements: 0 applied, [12] held already, 0 left out"));
        });
    }

    /// <summary>Waits until the environment's count, as Ingest lists it, is this.</summary>
    private static Task BecomesAsync(AgentProcess administrator, int vulnerabilities) => Eventually.BecomesTrueAsync(
        async () =>
        {
            var listed = await SucceedsAsync(administrator, "env", "list", "--search", "story", "--json");
            var environments = JsonDocument.Parse(listed.Output).RootElement.GetProperty("items").EnumerateArray().ToArray();
            return environments.Length == 1 && environments[0].GetProperty("vulnerabilities") is { ValueKind: JsonValueKind.Object } counts
                && counts.GetProperty("total").GetInt32() == vulnerabilities;
        }, $"{vulnerabilities} vulnerabilities are counted", 30);

    private static async Task<AgentRun> SucceedsAsync(AgentProcess agent, params string[] arguments)
    {
        var run = await agent.RunAsync(arguments);
        Assert.That(run.ExitCode, Is.Zero, $"envplatform {string.Join(' ', arguments)}: {run.Error} {run.Output}");
        return run;
    }
}
