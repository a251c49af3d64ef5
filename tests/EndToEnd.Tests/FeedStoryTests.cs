using System.Text.Json;
using System.Text.Json.Nodes;

using EnvPlatform.Testing;

namespace EnvPlatform.EndToEnd.Tests;

/// <summary>
/// An operator has a feed checked and follows it with the agent, while the publisher stops sending, the scanner is killed, and later the
/// file is broken.
/// </summary>
public sealed class FeedStoryTests
{
    [Test]
    public async Task A_feed_is_fetched_on_demand_and_survives_the_death_of_the_scanner()
    {
        await using var publisher = await FeedServer.StartAsync();
        publisher.Publish("/story", Osv("a first look", 100));
        await using var platform = await Platform.StartAsync(settings: await SettingsAsync(publisher));
        using var agent = new AgentProcess();
        await SucceedsAsync(
            agent, "login", "--url", platform.Address.ToString(), "--token", platform.Bootstrap.Token, "--org",
            platform.Bootstrap.Organization);
        await SucceedsAsync(agent, "advisories", "sync", "--wait");
        Assert.That((await SucceedsAsync(agent, "advisories", "feeds")).Output,
            Does.Match(@"story +osv +\d{4}-\d\d-\d\d \d\d:\d\d +\d+ s +waiting").And.Contain("1 feeds."));

        publisher.Publish("/story", Osv("a longer story", 3_000_000), holdAfter: 2_000_000);
        var sync = agent.RunAsync("advisories", "sync", "story", "--wait");
        var half = await FeedAsync(agent, feed => feed.GetProperty("state").GetString() == "fetching"
            && feed.GetProperty("bytes_fetched") is { ValueKind: JsonValueKind.Number } bytes && bytes.GetInt64() > 1_500_000);
        Assert.That(half.GetProperty("bytes_total").GetInt64(), Is.GreaterThan(3_000_000));
        await platform.KillAsync("scanner");
        var done = await FeedAsync(agent, feed => feed.GetProperty("state").GetString() == "waiting"
            && feed.GetProperty("last_success_at").GetDateTimeOffset() > half.GetProperty("last_success_at").GetDateTimeOffset());
        Assert.Multiple(() =>
        {
            Assert.That(publisher.RequestsFor("/story").Select(asked => asked.Status), Is.EqualTo(new[] { 200, 200, 206 })
                .Or.EqualTo(new[] { 200, 304, 200, 206 }));
            Assert.That(done.GetProperty("error").ValueKind, Is.EqualTo(JsonValueKind.Null));
        });
        // The agent may have been told that the scanner is unavailable; it then reports that.
        var ended = await sync;
        Assert.That(ended.ExitCode == 0 || ended.Error.Contains("envplatform: ", StringComparison.Ordinal), Is.True, ended.Error);

        publisher.Publish("/story", "<html>Sign in</html>"u8.ToArray());
        var failed = await agent.RunAsync("advisories", "sync", "story", "--wait");
        Assert.That((failed.ExitCode, failed.Output.Contains("zip of OSV records", StringComparison.Ordinal)), Is.EqualTo((2, true)),
            failed.Output + failed.Error);
        using var api = platform.Administrator();
        Assert.That((await api.GetAsync($"/api/v1/orgs/{platform.Bootstrap.Organization}/vulnerabilities/CVE-2026-434343"))
            .GetProperty("description").GetString(), Does.StartWith("a longer story"), "what was imported stays");
    }

    internal static async Task<Dictionary<string, string>> SettingsAsync(FeedServer publisher)
    {
        var settings = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["Feeds__Enabled"] = "true",
            ["Feeds__Sources__story__Url"] = publisher.Address + "/story",
            ["Feeds__Sources__story__Format"] = "osv",
            ["Scanner__PollSeconds"] = "1",
        };
        // Tests use no other publisher.
        using var api = SharedPlatform.Platform.Administrator();
        foreach (var feed in (await api.GetAsync("/api/v1/advisories/feeds")).GetProperty("items").EnumerateArray())
        {
            settings[$"Feeds__Sources__{feed.GetProperty("name").GetString()}__Url"] = "";
        }

        return settings;
    }

    private static async Task<JsonElement> FeedAsync(AgentProcess agent, Func<JsonElement, bool> until) =>
        (JsonElement)await Eventually.GetAsync(
            async () => await agent.RunAsync("advisories", "feeds", "--json") is { ExitCode: 0 } run
                && JsonDocument.Parse(run.Output).RootElement.GetProperty("items")[0] is var feed && until(feed) ? feed : (object?)null,
            "the feed", 60);

    internal static byte[] Osv(string details, int padding) => JsonSerializer.SerializeToUtf8Bytes(new JsonObject
    {
        ["schema_version"] = "1.7.0",
        ["id"] = "PYSEC-2026-434343",
        ["modified"] = "2026-01-02T03:04:05Z",
        ["aliases"] = new JsonArray("CVE-2026-434343"),
        ["details"] = details + new string('x', padding),
        ["affected"] = new JsonArray(new JsonObject
        {
            ["package"] = new JsonObject { ["ecosystem"] = "PyPI", ["name"] = "story-lib" },
            ["versions"] = new JsonArray("1.0")
        }),
    });

    private static async Task<AgentRun> SucceedsAsync(AgentProcess agent, params string[] arguments)
    {
        var run = await agent.RunAsync(arguments);
        Assert.That(run.ExitCode, Is.Zero, $"envplatform {string.Join(' ', arguments)}: {run.Error} {run.Output}");
        return run;
    }
}
