using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Ingest.Packages;
using EnvPlatform.Testing;

namespace EnvPlatform.Ingest.Tests.Environments;

/// <summary>What an agent could not read is kept with the environment, its history and the audit log, and found again.</summary>
public sealed class IncompleteTests : IngestFixture
{
    private static readonly PackageEntry[] Packages = [Conda("numpy", "1.21.2")];

    [Test]
    public async Task What_could_not_be_read_is_shown_at_the_environment_in_lists_in_history_and_in_the_audit_log()
    {
        var logged = await LoggedAsync(Bob, Incomplete("/incomplete/shown", "conda-meta/zlib-1.2.11-0.json"));
        var id = logged.GetProperty("environment_id").GetString()!;
        var environment = await GetAsync(Bob, $"environments/{id}");
        var history = (await GetAllAsync(Bob, $"environments/{id}/history", 10)).Single();
        var listed = (await GetAllAsync(Bob, "environments?search=/incomplete/shown", 10)).Single();
        Assert.Multiple(() =>
        {
            Assert.That(logged.GetProperty("incomplete_count").GetInt32(), Is.EqualTo(1));
            foreach (var view in new[] { environment, history, listed })
            {
                Assert.That(view.GetProperty("incomplete_count").GetInt32(), Is.EqualTo(1));
                Assert.That(view.GetProperty("incomplete")[0].GetProperty("what").GetString(), Is.EqualTo("conda-meta/zlib-1.2.11-0.json"));
                Assert.That(view.GetProperty("incomplete")[0].GetProperty("reason").GetString(), Is.EqualTo("unreadable_record"));
            }
        });
        var audited = await Eventually.GetAsync(
            () => Task.FromResult(Events.Heard<AuditEventOccurred>().FirstOrDefault(e => e.Target.Id == id)), "AuditEventOccurred");
        Assert.That(JsonSerializer.Serialize(audited), Does.Contain("zlib-1.2.11-0.json").And.Contains("It is incomplete: 1"));
    }

    [Test]
    public async Task The_list_can_be_filtered_and_what_is_not_said_is_neither_complete_nor_incomplete()
    {
        await LoggedAsync(Bob, Incomplete("/filtered/part", "x"));
        await LoggedAsync(Bob, Incomplete("/filtered/whole"));
        await LoggedAsync(Bob, Body(Packages, "/filtered/unsaid"));
        Assert.Multiple(async () =>
        {
            Assert.That(await PrefixesAsync("incomplete=true"), Is.EqualTo(new[] { "/filtered/part" }));
            Assert.That(await PrefixesAsync("incomplete=false"), Is.EqualTo(new[] { "/filtered/whole" }));
            Assert.That(await PrefixesAsync("archived=false"), Has.Count.EqualTo(3));
        });
    }

    [Test]
    public async Task The_same_packages_read_otherwise_are_a_change_and_the_same_reading_is_none()
    {
        const string prefix = "/incomplete/changes";
        var id = (await LoggedAsync(Bob, Incomplete(prefix))).GetProperty("environment_id").GetString()!;
        var worse = await LoggedAsync(Bob, Incomplete(prefix, "a", "b"));
        var same = await LoggedAsync(Bob, Incomplete(prefix, "a", "b"));
        var better = await LoggedAsync(Bob, Incomplete(prefix));
        var history = await GetAllAsync(Bob, $"environments/{id}/history", 10);
        Assert.Multiple(() =>
        {
            Assert.That(
                new[] { worse, same, better }.Select(log => log.GetProperty("changed").GetBoolean()),
                Is.EqualTo(new[] { true, false, true }));
            Assert.That(history.Select(log => log.GetProperty("incomplete_count").GetInt32()), Is.EqualTo(new[] { 0, 2, 0 }));
        });
    }

    [Test]
    public async Task An_agent_that_begins_to_say_so_does_not_change_the_environment()
    {
        const string prefix = "/incomplete/begins";
        var id = (await LoggedAsync(Bob, Body(Packages, prefix))).GetProperty("environment_id").GetString()!;
        Assert.That((await GetAsync(Bob, $"environments/{id}")).TryGetProperty("incomplete_count", out var count)
            && count.ValueKind != JsonValueKind.Null, Is.False);
        var again = await LoggedAsync(Bob, Incomplete(prefix));
        Assert.Multiple(() =>
        {
            Assert.That(again.GetProperty("changed").GetBoolean(), Is.False);
            Assert.That(again.GetProperty("incomplete_count").GetInt32(), Is.Zero);
        });
    }

    [Test]
    public async Task Secrets_are_masked_and_lists_show_the_first_entries_and_the_number()
    {
        var body = Incomplete("/incomplete/many", [.. Enumerable.Range(0, 30).Select(n => $"https://u:secret{n}@example.org/{n}")]);
        var id = (await LoggedAsync(Bob, body)).GetProperty("environment_id").GetString()!;
        var environment = await GetAsync(Bob, $"environments/{id}");
        var listed = (await GetAllAsync(Bob, "environments?search=/incomplete/many", 10)).Single();
        Assert.Multiple(() =>
        {
            Assert.That(environment.ToString(), Does.Not.Contain("secret"));
            Assert.That(environment.GetProperty("incomplete").GetArrayLength(), Is.EqualTo(30));
            Assert.That(listed.GetProperty("incomplete").GetArrayLength(), Is.EqualTo(20));
            Assert.That(listed.GetProperty("incomplete_count").GetInt32(), Is.EqualTo(30));
        });
    }

    [TestCase("""[{"what": "", "reason": "x"}]""")]
    [TestCase("""[{"what": "a\u0000b", "reason": "x"}]""")]
    [TestCase("""[{"what": "a", "reason": "Not a reason"}]""")]
    [TestCase("""[{"what": "a"}]""")]
    [TestCase("[null]")]
    public async Task What_is_no_such_entry_is_refused(string entries)
    {
        var body = Body(Packages, "/incomplete/refused");
        body["incomplete"] = JsonNode.Parse(entries);
        using var answer = await LogAsync(Bob, body);
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest), await answer.Content.ReadAsStringAsync());
    }

    [Test]
    public async Task More_entries_than_are_kept_are_refused()
    {
        var body = Incomplete("/incomplete/too-many", [.. Enumerable.Range(0, 1_001).Select(n => $"{n}")]);
        using var answer = await LogAsync(Bob, body);
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
    }

    private JsonObject Incomplete(string prefix, params string[] what)
    {
        var body = Body(Packages, prefix);
        body["incomplete"] = new JsonArray(
            [.. what.Select(one => (JsonNode)new JsonObject { ["what"] = one, ["reason"] = "unreadable_record" })]);
        return body;
    }

    private async Task<List<string>> PrefixesAsync(string query) =>
        [.. (await GetAllAsync(Bob, $"environments?search=/filtered/&sort=name&{query}", 10))
            .Select(environment => environment.GetProperty("prefix").GetString()!)];
}
