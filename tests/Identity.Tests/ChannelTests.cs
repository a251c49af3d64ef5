using System.Text.Json.Nodes;

using EnvPlatform.Contracts;
using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Testing;

namespace EnvPlatform.Identity.Tests;

[TestFixture]
public sealed class ChannelTests
{
    private static readonly DateTimeOffset Counted = new(2026, 3, 4, 5, 6, 7, TimeSpan.Zero);
    private IdentityHost _host = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _host = await IdentityHost.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await _host.DisposeAsync();

    [Test]
    public async Task A_channel_is_made_changed_and_deleted_with_its_versions_and_events()
    {
        using var ada = await OrganizationClient.OfNewAsync(_host);
        var made = await ada.OkAsync("POST", "channels", new
        {
            name = "labs",
            url = "https://conda.example.org/labs/",
            aliases = new[] { "labs-mirror" },
            kind = "private",
        });
        var id = (string)made["id"]!;
        Assert.That(
            ((string?)made["url"], (string?)made["privacy"], (bool?)made["allowed"], (long?)made["environments"],
                (string?)made["counted_at"]),
            Is.EqualTo(("https://conda.example.org/labs", "private", true, (long?)null, (string?)null)), "nothing was counted yet");
        Assert.That((await ada.SendAsync("PATCH", $"channels/{id}", new { kind = "private" })).Status, Is.EqualTo(200));
        Assert.That(await EventsAsync("channel_updated", id), Is.Empty, "it changed nothing");
        Assert.That(
            await ada.RefusedAsync("PATCH", $"channels/{id}", new { allowed = false }, "\"5\""), Is.EqualTo((412, "stale_version")));
        var (_, changed) = await ada.SendAsync("PATCH", $"channels/{id}", new { allowed = false, url = "" }, "\"1\"");
        Assert.That(
            ((bool?)changed!["allowed"], (string?)changed["url"], (long?)changed["version"]), Is.EqualTo((false, (string?)null, 2L)));
        var meta = (await EventsAsync("channel_updated", id)).Single()["meta"]!;
        Assert.That(meta["changed"]!.ToJsonString(), Is.EqualTo("[\"url\",\"allowed\"]"));
        Assert.That(((bool?)meta["before"]!["allowed"], (bool?)meta["after"]!["allowed"]), Is.EqualTo((true, false)));
        Assert.That((await ada.SendAsync("DELETE", $"channels/{id}")).Status, Is.EqualTo(204));
        Assert.That(await ada.RefusedAsync("GET", $"channels/{id}"), Is.EqualTo((404, "not_found")));
        Assert.That(
            ((await EventsAsync("channel_created", id)).Count, (await EventsAsync("channel_deleted", id)).Count), Is.EqualTo((1, 1)));
    }

    [TestCase("url", "https://ada:secret@conda.example.org/labs")]
    [TestCase("url", "https://conda.example.org/t/SECRET-token/labs")]
    [TestCase("url", "https://conda.example.org/labs?token=secret")]
    [TestCase("url", "ftp://conda.example.org/labs")]
    [TestCase("url", "labs")]
    [TestCase("name", "https://ada:secret@conda.example.org/labs")]
    [TestCase("name", "https://conda.example.org/t/SECRET-token/labs")]
    [TestCase("name", "a|b")]
    [TestCase("aliases", "https://conda.example.org/t/SECRET-token/labs")]
    public async Task Credentials_and_what_is_no_address_are_refused_and_not_repeated(string field, string text)
    {
        using var ada = await OrganizationClient.OfNewAsync(_host);
        var body = new JsonObject { ["name"] = "labs", ["kind"] = "private" };
        body[field] = field == "aliases" ? new JsonArray(text) : text;
        var (status, answer) = await ada.SendAsync("POST", "channels", body);
        Assert.That((status, answer!["errors"]![field] is not null), Is.EqualTo((400, true)), answer.ToJsonString());
        Assert.That(answer.ToJsonString(), Does.Not.Contain("SECRET").And.Not.Contain("secret@"));
        Assert.That(await ada.ListAsync("channels"), Is.Empty);
    }

    [Test]
    public async Task A_name_an_alias_and_an_address_mean_one_channel_whatever_the_case()
    {
        using var ada = await OrganizationClient.OfNewAsync(_host);
        await ada.OkAsync("POST", "channels", new { name = "Labs", url = "https://conda.example.org/labs", aliases = new[] { "mirror" } });
        var other = (string)(await ada.OkAsync("POST", "channels", new { name = "other" }))["id"]!;
        foreach (var name in new[] { "labs", "MIRROR", "https://conda.example.org/LABS" })
        {
            Assert.That(await ada.RefusedAsync("POST", "channels", new { name }), Is.EqualTo((409, "name_taken")), name);
            Assert.That(
                await ada.RefusedAsync("PATCH", $"channels/{other}", new { aliases = new[] { name } }),
                Is.EqualTo((409, "name_taken")), name);
        }

        Assert.That(await ada.ListAsync("channels"), Is.EqualTo(new[] { "Labs", "other" }));
        var answers = await Task.WhenAll(
            Enumerable.Range(0, 8).Select(i => ada.SendAsync("POST", "channels", new { name = $"n{i}", aliases = new[] { "wanted" } })));
        Assert.That(answers.Count(answer => answer.Status == 201), Is.EqualTo(1), "at once");
    }

    [Test]
    public async Task A_private_channel_is_not_there_for_whom_no_group_lets_see_it()
    {
        using var ada = await OrganizationClient.OfNewAsync(_host);
        var token = await _host.AddMemberAsync(ada.Org, "member");
        using var bob = new OrganizationClient(await _host.AsBearerOfAsync(token), ada.Org);
        var (group, secret) = (
            (string)(await ada.OkAsync("POST", "groups", new { name = "g" }))["id"]!,
            (string)(await ada.OkAsync("POST", "channels", new { name = "secret", kind = "private" }))["id"]!);
        await ada.OkAsync("POST", "channels", new { name = "open" });
        await ada.OkAsync("POST", "channels", new { name = "here", kind = "local" });
        await ada.OkAsync("PUT", $"channels/{secret}/groups/{group}", new { access = "read" });
        Assert.That(await bob.ListAsync("channels"), Is.EqualTo(new[] { "here", "open" }));
        Assert.That(await bob.ListAsync("channels?search=secret"), Is.Empty);
        foreach (var (method, path) in new[]
        {
            ("GET", $"channels/{secret}"), ("PATCH", $"channels/{secret}"), ("GET", $"channels/{secret}/groups")
        })
        {
            Assert.That(await bob.RefusedAsync(method, path, method == "PATCH" ? new { } : null), Is.EqualTo((404, "not_found")), path);
        }

        await ada.OkAsync("PUT", $"groups/{group}/members/{(await _host.IntrospectAsync(token)).SubjectId}");
        Assert.That(await bob.ListAsync("channels"), Is.EqualTo(new[] { "here", "open", "secret" }));
        Assert.That((string?)(await bob.OkAsync("GET", $"channels/{secret}"))["access"], Is.EqualTo("read"));
        Assert.That(await bob.RefusedAsync("PATCH", $"channels/{secret}", new { description = "x" }), Is.EqualTo((403, "forbidden")));
        Assert.That(await bob.RefusedAsync("DELETE", $"channels/{secret}"), Is.EqualTo((403, "forbidden")));
        Assert.That(await bob.RefusedAsync("GET", "channels?sort=environments"), Is.EqualTo((400, "invalid_request")));

        await ada.OkAsync("PUT", $"channels/{secret}/groups/{group}", new { access = "manage" });
        Assert.That((string?)(await bob.OkAsync("PATCH", $"channels/{secret}", new { description = "ours" }))["description"],
            Is.EqualTo("ours"));
        Assert.That(await bob.RefusedAsync("PATCH", $"channels/{secret}", new { allowed = true }), Is.EqualTo((403, "forbidden")));
        await ada.OkAsync("DELETE", $"groups/{group}/members/{(await _host.IntrospectAsync(token)).SubjectId}");
        Assert.That(await bob.RefusedAsync("GET", $"channels/{secret}"), Is.EqualTo((404, "not_found")));
    }

    [Test]
    public async Task Access_is_given_changed_and_taken_with_one_event_each()
    {
        using var ada = await OrganizationClient.OfNewAsync(_host);
        var (group, channel, open) = (
            (string)(await ada.OkAsync("POST", "groups", new { name = "g" }))["id"]!,
            (string)(await ada.OkAsync("POST", "channels", new { name = "p", kind = "private" }))["id"]!,
            (string)(await ada.OkAsync("POST", "channels", new { name = "o" }))["id"]!);
        foreach (var access in new[] { "read", "read", "write" })
        {
            await ada.OkAsync("PUT", $"channels/{channel}/groups/{group}", new { access });
        }

        Assert.That(await EventsAsync("group_assigned_to_channel", channel), Has.Count.EqualTo(1));
        var updated = (await EventsAsync("channel_access_updated", channel)).Single()["meta"]!;
        Assert.That(
            ((string?)updated["before"]!["access"], (string?)updated["after"]!["access"], (string?)updated["group"]!["name"]),
            Is.EqualTo(("read", "write", "g")));
        Assert.That(await ada.ListAsync($"channels/{channel}/groups", "access"), Is.EqualTo(new[] { "write" }));
        Assert.That(
            await ada.RefusedAsync("PUT", $"channels/{open}/groups/{group}", new { access = "read" }),
            Is.EqualTo((409, "channel_not_private")));
        Assert.That(
            await ada.RefusedAsync("PUT", $"channels/{channel}/groups/{group}", new { access = "own" }),
            Is.EqualTo((400, "invalid_request")));
        Assert.That(await ada.RefusedAsync("DELETE", $"channels/{channel}"), Is.EqualTo((409, "in_use")));
        await ada.OkAsync("DELETE", $"channels/{channel}/groups/{group}");
        Assert.That(await ada.RefusedAsync("DELETE", $"channels/{channel}/groups/{group}"), Is.EqualTo((404, "not_found")));
        Assert.That(await EventsAsync("group_unassigned_from_channel", channel), Has.Count.EqualTo(1));
        await ada.OkAsync("PUT", $"channels/{channel}/groups/{group}", new { access = "read" });
        await ada.OkAsync("DELETE", $"channels/{channel}?cascade=true");
        Assert.That(await EventsAsync("group_unassigned_from_channel", channel), Has.Count.EqualTo(2));
        Assert.That((int?)(await ada.OkAsync("GET", $"groups/{group}"))["channels"], Is.Zero);
    }

    [Test]
    public async Task Another_organizations_channels_and_groups_are_not_there()
    {
        using var ada = await OrganizationClient.OfNewAsync(_host);
        using var mallory = await OrganizationClient.OfNewAsync(_host);
        var (group, channel, theirs) = (
            (string)(await ada.OkAsync("POST", "groups", new { name = "g" }))["id"]!,
            (string)(await ada.OkAsync("POST", "channels", new { name = "p", kind = "private" }))["id"]!,
            (string)(await mallory.OkAsync("POST", "channels", new { name = "p", kind = "private" }))["id"]!);
        await ada.OkAsync("PUT", $"channels/{channel}/groups/{group}", new { access = "read" });
        foreach (var (method, path) in new[]
        {
            ("GET", $"channels/{channel}"), ("PATCH", $"channels/{channel}"), ("DELETE", $"channels/{channel}"),
            ("GET", $"channels/{channel}/groups"), ("PUT", $"channels/{channel}/groups/{group}"),
            ("DELETE", $"channels/{channel}/groups/{group}"), ("PUT", $"channels/{theirs}/groups/{group}"),
        })
        {
            var body = method switch { "PUT" => new { access = "read" }, "PATCH" => new { }, _ => (object?)null };
            Assert.That(await mallory.RefusedAsync(method, path, body), Is.EqualTo((404, "not_found")), $"{method} {path}");
        }

        Assert.That((int?)(await ada.OkAsync("GET", $"channels/{channel}"))["groups"], Is.EqualTo(1));
    }

    [Test]
    public async Task Channels_of_logs_appear_by_themselves_with_counts_and_are_reviewed()
    {
        using var ada = await OrganizationClient.OfNewAsync(_host);
        var forge = (string)(await ada.OkAsync("POST", "channels", new { name = "conda-forge" }))["id"]!;
        var organization = await IdAsync(ada);
        var first = new ChannelsCounted(organization, 1, 1, 1, [Channel("conda-forge", 3, 40), Channel("bioconda", 2, 5)], Counted);
        await _host.Db.PublishAgainAsync(first, 2);
        await CountedAsync(ada, 1);
        Assert.That(await ada.ListAsync("channels?kind=discovered"), Is.EqualTo(new[] { "bioconda" }));
        var found = (await ada.OkAsync("GET", "channels?kind=discovered"))["items"]![0]!;
        Assert.That(
            ((long?)found["environments"], (long?)found["packages"], (bool?)found["counts_exact"], (bool?)found["allowed"],
                (string?)found["privacy"]), Is.EqualTo((2L, 5L, true, (bool?)null, "private")));
        Assert.That((DateTimeOffset?)found["counted_at"], Is.EqualTo(Counted));
        Assert.That((long?)(await ada.OkAsync("GET", $"channels/{forge}"))["environments"], Is.EqualTo(3));
        Assert.That(await ada.ListAsync("channels?sort=-environments", limit: 1), Is.EqualTo(new[] { "conda-forge", "bioconda" }));
        var id = (string)found["id"]!;
        var said = (await EventsAsync("channel_created", id)).Single();
        Assert.That(((string?)said["actor"]!["type"], (string?)said["organization_name"]), Is.EqualTo(("system", ada.Org)));

        var reviewed = await ada.OkAsync("PATCH", $"channels/{id}", new { kind = "public", allowed = true });
        Assert.That(
            ((string?)reviewed["kind"], (string?)reviewed["privacy"], (bool?)reviewed["allowed"], (long?)reviewed["environments"]),
            Is.EqualTo(("public", "public", true, 2L)));
        await _host.Db.PublishAsync(first with { Turn = 2, Channels = [Channel("BIOCONDA", 4, 9)], CountedAt = Counted.AddHours(1) });
        await CountedAsync(ada, 2);
        Assert.That(await ada.ListAsync("channels", "environments"), Is.EqualTo(new[] { "4", "0" }), "bioconda in another case");
        Assert.That(await ada.ListAsync("channels?kind=discovered"), Is.Empty);
    }

    [Test]
    public async Task A_count_that_comes_late_or_in_part_says_nothing_wrong()
    {
        using var ada = await OrganizationClient.OfNewAsync(_host);
        var organization = await IdAsync(ada);
        await _host.Db.PublishAsync(new ChannelsCounted(organization, 2, 2, 2, [Channel("b", 1, 1)], Counted));
        await Eventually.BecomesTrueAsync(
            async () => (await ada.ListAsync("channels")).SequenceEqual(["b"]), "the part arrived");
        var part = (await ada.OkAsync("GET", "channels"))["items"]![0]!;
        Assert.That(((long?)part["environments"], (string?)part["counted_at"]), Is.EqualTo(((long?)null, (string?)null)), "not whole");
        await _host.Db.PublishAsync(new ChannelsCounted(organization, 2, 1, 2, [Channel("a", 7, 1)], Counted));
        await CountedAsync(ada, 2);
        await _host.Db.PublishAsync(
            new ChannelsCounted(organization, 1, 1, 1, [Channel("a", 99, 99), Channel("old", 1, 1)], Counted.AddDays(-1)));
        await _host.Db.PublishAsync(new ChannelsCounted(organization, 3, 1, 1, [Channel("a", 8, 2)], Counted.AddDays(1)));
        await CountedAsync(ada, 3);
        Assert.That(await ada.ListAsync("channels"), Is.EqualTo(new[] { "a", "b" }), "the older count is dropped");
        Assert.That(await ada.ListAsync("channels", "environments"), Is.EqualTo(new[] { "8", "0" }));
    }

    [Test]
    public async Task A_channel_of_several_names_is_one_and_what_is_deleted_or_let_go_is_discovered_again()
    {
        using var ada = await OrganizationClient.OfNewAsync(_host);
        using var mallory = await OrganizationClient.OfNewAsync(_host);
        var organization = await IdAsync(ada);
        await _host.Db.PublishAsync(new ChannelsCounted(
            organization, 1, 1, 1, [Channel("labs", 3, 4), Channel("https://conda.example.org/labs", 2, 1)], Counted));
        await CountedAsync(ada, 1);
        Assert.That(await ada.ListAsync("channels?kind=discovered"), Has.Count.EqualTo(2));
        Assert.That(await mallory.ListAsync("channels"), Is.Empty);

        var made = await ada.OkAsync("POST", "channels", new { name = "labs", url = "https://conda.example.org/labs", kind = "private" });
        var id = (string)made["id"]!;
        Assert.That(
            ((long?)made["environments"], (long?)made["packages"], (bool?)made["counts_exact"]), Is.EqualTo((5L, 5L, false)),
            "an environment may hold both");
        Assert.That(await ada.ListAsync("channels"), Is.EqualTo(new[] { "labs" }));
        Assert.That((await EventsAsync("channel_created", id)).Single()["meta"]!["discovered"]!.AsArray(), Has.Count.EqualTo(2));

        await ada.OkAsync("PATCH", $"channels/{id}", new { url = "" });
        Assert.That(await ada.ListAsync("channels?kind=discovered"), Is.EqualTo(new[] { "https://conda.example.org/labs" }));
        Assert.That((bool?)(await ada.OkAsync("GET", $"channels/{id}"))["counts_exact"], Is.True);
        await ada.OkAsync("DELETE", $"channels/{id}");
        Assert.That(await ada.ListAsync("channels?kind=discovered"), Is.EquivalentTo(new[] { "https://conda.example.org/labs", "labs" }));

        var found = (string)(await ada.OkAsync("GET", "channels?search=labs&sort=name"))["items"]!.AsArray()
            .Single(item => (string?)item!["name"] == "labs")!["id"]!;
        var group = (string)(await ada.OkAsync("POST", "groups", new { name = "g" }))["id"]!;
        await ada.OkAsync("PUT", $"channels/{found}/groups/{group}", new { access = "read" });
        Assert.That(await ada.RefusedAsync("POST", "channels", new { name = "labs" }), Is.EqualTo((409, "name_taken")));
    }

    [Test]
    public async Task Nobody_who_sees_its_own_environments_only_learns_how_many_there_are()
    {
        using var ada = await OrganizationClient.OfNewAsync(_host);
        using var bob = new OrganizationClient(await _host.AsNewMemberAsync(ada.Org), ada.Org);
        await ada.OkAsync("POST", "channels", new { name = "conda-forge" });
        await _host.Db.PublishAsync(
            new ChannelsCounted(await IdAsync(ada), 1, 1, 1, [Channel("conda-forge", 3, 4), Channel("hidden", 1, 1)], Counted));
        await CountedAsync(ada, 1);
        var item = (await bob.OkAsync("GET", "channels"))["items"]!.AsArray().Single()!;
        Assert.That(
            ((string?)item["name"], (long?)item["environments"], (long?)item["packages"]),
            Is.EqualTo(("conda-forge", (long?)null, (long?)null)));
    }

    private static CountedChannel Channel(string name, long environments, long packages) => new(name, environments, packages, Counted);

    private async Task<OrganizationId> IdAsync(OrganizationClient client) => new(
        await _host.Db.ScalarAsync<Guid>("select id from organizations where slug = @Org", new { client.Org }));

    private Task CountedAsync(OrganizationClient client, long turn) => Eventually.BecomesTrueAsync(
        async () => await _host.Db.ScalarAsync<bool>(
            """
            select exists (
                select from channel_counts c join organizations o on o.id = c.org_id
                where o.slug = @Org and c.turn = @turn and c.whole_at is not null and not exists (
                    select from channel_usage u where u.org_id = c.org_id and u.turn < @turn))
            """, new { client.Org, turn }), $"count {turn} arrived");

    private async Task<List<JsonObject>> EventsAsync(string action, string target) =>
        [.. (await _host.AuditAsync(action)).Where(e => (string?)e["target"]!["id"] == target)];
}
