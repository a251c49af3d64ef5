using System.Text.Json.Nodes;

namespace EnvPlatform.Identity.Tests;

[TestFixture]
public sealed class GroupTests
{
    private IdentityHost _host = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _host = await IdentityHost.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await _host.DisposeAsync();

    [Test]
    public async Task A_group_is_made_changed_and_deleted_with_its_versions_and_events()
    {
        using var ada = await AdministratorAsync();
        var made = await ada.OkAsync("POST", "groups", new { name = "  Research\u0301 ", description = "people\nwho research" });
        var id = (string)made["id"]!;
        Assert.That(((string?)made["name"], (string?)made["source"], (long?)made["version"], (int?)made["members"]),
            Is.EqualTo(("Research\u0301", "manual", 1L, 0)));

        Assert.That((await ada.SendAsync("PATCH", $"groups/{id}", new { name = "Research\u0301" })).Status, Is.EqualTo(200));
        Assert.That(await EventsAsync("user_group_updated", id), Is.Empty, "it changed nothing");
        Assert.That(await ada.RefusedAsync("PATCH", $"groups/{id}", new { name = "Labs" }, "\"7\""), Is.EqualTo((412, "stale_version")));
        var (_, changed) = await ada.SendAsync("PATCH", $"groups/{id}", new { name = "Labs" }, "\"1\"");
        Assert.That(((string?)changed!["name"], (long?)changed["version"]), Is.EqualTo(("Labs", 2L)));
        var meta = (await EventsAsync("user_group_updated", id)).Single()["meta"]!;
        Assert.That(
            ((string?)meta["before"]!["name"], meta["after"]!.ToJsonString(), meta["changed"]!.ToJsonString()),
            Is.EqualTo(("Research\u0301", "{\"name\":\"Labs\"}", "[\"name\"]")));

        Assert.That(await ada.RefusedAsync("DELETE", $"groups/{id}", ifMatch: "\"1\""), Is.EqualTo((412, "stale_version")));
        Assert.That((await ada.SendAsync("DELETE", $"groups/{id}", ifMatch: "\"2\"")).Status, Is.EqualTo(204));
        Assert.That(await ada.RefusedAsync("GET", $"groups/{id}"), Is.EqualTo((404, "not_found")));
        Assert.That(await EventsAsync("user_group_created", id), Has.Count.EqualTo(1));
        Assert.That(await EventsAsync("user_group_deleted", id), Has.Count.EqualTo(1));
    }

    [TestCase("")]
    [TestCase("   ")]
    [TestCase("a\u0007b")]
    [TestCase("0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789x")]
    public async Task A_name_that_is_none_is_refused(string name)
    {
        using var ada = await AdministratorAsync();
        Assert.That(await ada.RefusedAsync("POST", "groups", new { name }), Is.EqualTo((400, "invalid_request")));
    }

    [Test]
    public async Task A_name_is_of_one_group_whatever_its_case_and_composition()
    {
        using var ada = await AdministratorAsync();
        var one = (string)(await ada.OkAsync("POST", "groups", new { name = "Na\u00EFve \u00C9quipe" }))["id"]!;
        var two = (string)(await ada.OkAsync("POST", "groups", new { name = "other" }))["id"]!;
        Assert.That(
            await ada.RefusedAsync("POST", "groups", new { name = "NAI\u0308VE e\u0301quipe" }), Is.EqualTo((409, "name_taken")));
        Assert.That(
            await ada.RefusedAsync("PATCH", $"groups/{two}", new { name = "NAI\u0308VE e\u0301quipe" }), Is.EqualTo((409, "name_taken")));
        Assert.That((await ada.SendAsync("PATCH", $"groups/{one}", new { name = "NA\u00CFVE \u00C9QUIPE" })).Status, Is.EqualTo(200));
        Assert.That(await ada.ListAsync("groups?search=" + Uri.EscapeDataString("nai\u0308ve")), Has.Count.EqualTo(1));
        using var other = await AdministratorAsync();
        Assert.That((await other.SendAsync("POST", "groups", new { name = "na\u00EFve \u00E9quipe" })).Status, Is.EqualTo(201));
    }

    [Test]
    public async Task Of_many_at_once_one_gets_the_name()
    {
        using var ada = await AdministratorAsync();
        var answers = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => ada.SendAsync("POST", "groups", new { name = "one" })));
        Assert.That(answers.Count(answer => answer.Status == 201), Is.EqualTo(1));
        Assert.That(answers.Count(answer => answer.Status == 409), Is.EqualTo(9));
    }

    [Test]
    public async Task People_and_service_accounts_come_and_go_and_who_is_there_already_has_no_event()
    {
        using var ada = await AdministratorAsync();
        var group = (string)(await ada.OkAsync("POST", "groups", new { name = "g" }))["id"]!;
        var bob = await MemberAsync(ada.Org);
        var robot = (string)(await ada.OkAsync("POST", "service-accounts", new { name = "robot", role = "member" }))["client_id"]!;
        foreach (var id in new[] { bob, robot, bob })
        {
            Assert.That((await ada.SendAsync("PUT", $"groups/{group}/members/{id}")).Status, Is.EqualTo(200));
        }

        Assert.That(await ada.ListAsync($"groups/{group}/members", "id", 1), Is.EquivalentTo(new[] { bob, robot }));
        Assert.That(await ada.ListAsync($"groups/{group}/members", "type"), Is.EquivalentTo(new[] { "user", "service_account" }));
        Assert.That((int?)(await ada.OkAsync("GET", $"groups/{group}"))["members"], Is.EqualTo(2));
        var added = (await _host.AuditAsync("user_added_to_group")).Where(e => (string?)e["meta"]!["group"]!["id"] == group).ToArray();
        Assert.That(added.Select(e => (string?)e["target"]!["id"]), Is.EquivalentTo(new[] { bob, robot }));
        Assert.That((string?)added[0]["meta"]!["group"]!["name"], Is.EqualTo("g"));

        Assert.That((await ada.SendAsync("DELETE", $"groups/{group}/members/{robot}")).Status, Is.EqualTo(204));
        Assert.That(await ada.RefusedAsync("DELETE", $"groups/{group}/members/{robot}"), Is.EqualTo((404, "not_found")));
        Assert.That(
            (await _host.AuditAsync("user_removed_from_group")).Count(e => (string?)e["meta"]!["group"]!["id"] == group), Is.EqualTo(1));

        await ada.OkAsync("DELETE", $"members/{bob}");
        Assert.That(
            (int?)(await ada.OkAsync("GET", $"groups/{group}"))["members"], Is.Zero, "who leaves the organization leaves its groups");
        Assert.That(await ada.ListAsync($"groups/{group}/members", "id"), Is.Empty);
    }

    [Test]
    public async Task Many_at_once_are_each_looked_at()
    {
        using var ada = await AdministratorAsync();
        using var mallory = await AdministratorAsync();
        var group = (string)(await ada.OkAsync("POST", "groups", new { name = "g" }))["id"]!;
        var (bob, eve, theirs) = (await MemberAsync(ada.Org), await MemberAsync(ada.Org), await MemberAsync(mallory.Org));
        await ada.OkAsync("PUT", $"groups/{group}/members/{bob}");
        var answer = await ada.OkAsync("POST", $"groups/{group}/members/bulk", new { ids = new[] { theirs, bob, eve }, action = "add" });
        Assert.That(Results(answer), Is.EqualTo(new[] { (theirs, 404, "not_found"), (bob, 200, null), (eve, 200, null) }));
        Assert.That(await ada.ListAsync($"groups/{group}/members", "id"), Is.EquivalentTo(new[] { bob, eve }));
        Assert.That((await EventsOfGroupAsync("user_added_to_group", group)).Select(e => (string?)e["target"]!["id"]),
            Is.EquivalentTo(new[] { bob, eve }));
        answer = await ada.OkAsync("POST", $"groups/{group}/members/bulk", new { ids = new[] { eve, theirs }, action = "remove" });
        Assert.That(Results(answer), Is.EqualTo(new[] { (eve, 200, (string?)null), (theirs, 404, "not_found") }));
        Assert.That(
            await ada.RefusedAsync("POST", $"groups/{group}/members/bulk", new { ids = Array.Empty<string>(), action = "add" }),
            Is.EqualTo((400, "invalid_request")));
        var tooMany = Enumerable.Range(0, 1_001).Select(_ => Guid.CreateVersion7()).ToArray();
        Assert.That(
            await ada.RefusedAsync("POST", $"groups/{group}/members/bulk", new { ids = tooMany, action = "add" }),
            Is.EqualTo((400, "invalid_request")));
    }

    [Test]
    public async Task A_member_sees_its_own_groups_and_changes_none()
    {
        using var ada = await AdministratorAsync();
        var (mine, theirs) = (
            (string)(await ada.OkAsync("POST", "groups", new { name = "mine" }))["id"]!,
            (string)(await ada.OkAsync("POST", "groups", new { name = "theirs" }))["id"]!);
        var token = await _host.AddMemberAsync(ada.Org, "member");
        using var bob = new OrganizationClient(await _host.AsBearerOfAsync(token), ada.Org);
        await ada.OkAsync("PUT", $"groups/{mine}/members/{(await _host.IntrospectAsync(token)).SubjectId}");
        Assert.That(await bob.ListAsync("groups"), Is.EqualTo(new[] { "mine" }));
        var member = (await bob.OkAsync("GET", $"groups/{mine}/members"))["items"]![0]!;
        Assert.That(((string?)member["display_name"], (string?)member["email"]), Is.EqualTo(("Ada", (string?)null)));
        Assert.That(await bob.ListAsync($"groups/{mine}/members?search=EXAMPLE.org", "id"), Is.Empty, "not by what it does not see");
        Assert.That(await bob.ListAsync($"groups/{mine}/members?search=aDA", "id"), Has.Count.EqualTo(1));
        Assert.That(await ada.ListAsync($"groups/{mine}/members?search=EXAMPLE.org", "id"), Has.Count.EqualTo(1));
        foreach (var path in new[] { $"groups/{theirs}", $"groups/{theirs}/members", $"groups/{theirs}/channels" })
        {
            Assert.That(await bob.RefusedAsync("GET", path), Is.EqualTo((404, "not_found")), path);
        }

        foreach (var (method, path) in new[]
        {
            ("POST", "groups"), ("PATCH", $"groups/{mine}"), ("DELETE", $"groups/{mine}"),
            ("PUT", $"groups/{theirs}/members/{(await _host.IntrospectAsync(token)).SubjectId}")
        })
        {
            Assert.That(
                await bob.RefusedAsync(method, path, method is "POST" or "PATCH" ? new { name = "x" } : null),
                Is.EqualTo((403, "forbidden")));
        }

        using var auditor = new OrganizationClient(await _host.AsNewMemberAsync(ada.Org, "auditor"), ada.Org);
        Assert.That(await auditor.ListAsync("groups"), Is.EqualTo(new[] { "mine", "theirs" }));
        Assert.That(await auditor.RefusedAsync("DELETE", $"groups/{mine}"), Is.EqualTo((403, "forbidden")));
    }

    [Test]
    public async Task Another_organizations_groups_and_people_are_not_there()
    {
        using var ada = await AdministratorAsync();
        using var mallory = await AdministratorAsync();
        var (ours, theirs) = (
            (string)(await ada.OkAsync("POST", "groups", new { name = "g" }))["id"]!,
            (string)(await mallory.OkAsync("POST", "groups", new { name = "g" }))["id"]!);
        var bob = await MemberAsync(ada.Org);
        await ada.OkAsync("PUT", $"groups/{ours}/members/{bob}");
        foreach (var (method, path) in new[]
        {
            ("GET", $"groups/{ours}"), ("PATCH", $"groups/{ours}"), ("DELETE", $"groups/{ours}"), ("GET", $"groups/{ours}/members"),
            ("GET", $"groups/{ours}/channels"), ("PUT", $"groups/{ours}/members/{bob}"), ("DELETE", $"groups/{ours}/members/{bob}"),
            ("PUT", $"groups/{theirs}/members/{bob}"),
        })
        {
            Assert.That(
                await mallory.RefusedAsync(method, path, method == "PATCH" ? new { name = "x" } : null), Is.EqualTo((404, "not_found")),
                $"{method} {path}");
        }

        Assert.That((int?)(await ada.OkAsync("GET", $"groups/{ours}"))["members"], Is.EqualTo(1));
    }

    [Test]
    public async Task A_group_that_a_directory_keeps_is_read_only()
    {
        using var ada = await AdministratorAsync();
        var group = (string)(await ada.OkAsync("POST", "groups", new { name = "kept" }))["id"]!;
        await _host.ExecuteAsync($"update user_groups set source = 'scim' where id = '{group}'");
        var bob = await MemberAsync(ada.Org);
        foreach (var (method, path, body) in new (string, string, object?)[]
        {
            ("PATCH", $"groups/{group}", new { name = "x" }), ("DELETE", $"groups/{group}", null),
            ("PUT", $"groups/{group}/members/{bob}", null), ("DELETE", $"groups/{group}/members/{bob}", null),
            ("POST", $"groups/{group}/members/bulk", new { ids = new[] { bob }, action = "add" }),
        })
        {
            Assert.That(await ada.RefusedAsync(method, path, body), Is.EqualTo((409, "managed_externally")), $"{method} {path}");
        }
    }

    [Test]
    public async Task A_group_with_channels_is_in_use_and_goes_with_one_event_for_each()
    {
        using var ada = await AdministratorAsync();
        var group = (string)(await ada.OkAsync("POST", "groups", new { name = "g" }))["id"]!;
        for (var i = 0; i < 22; i++)
        {
            var channel = (string)(await ada.OkAsync("POST", "channels", new { name = $"c{i}", kind = "private" }))["id"]!;
            await ada.OkAsync("PUT", $"channels/{channel}/groups/{group}", new { access = "read" });
        }

        Assert.That((int?)(await ada.OkAsync("GET", $"groups/{group}"))["channels"], Is.EqualTo(22));
        Assert.That(await ada.ListAsync($"groups/{group}/channels", limit: 7), Has.Count.EqualTo(22));
        var (status, refusal) = await ada.SendAsync("DELETE", $"groups/{group}");
        Assert.That((status, (string?)refusal!["code"], (int?)refusal["count"]), Is.EqualTo((409, "in_use", 22)));
        Assert.That(refusal["used_by"]!.AsArray(), Has.Count.EqualTo(20));
        Assert.That((string?)refusal["used_by"]![0]!["type"], Is.EqualTo("channel"));

        await ada.OkAsync("DELETE", $"groups/{group}?cascade=true");
        var taken = await EventsOfGroupAsync("group_unassigned_from_channel", group);
        var deleted = (await EventsAsync("user_group_deleted", group)).Single();
        Assert.That(taken, Has.Count.EqualTo(22));
        Assert.That(taken.Select(e => (string?)e["trace_id"]).Distinct(), Is.EqualTo(new[] { (string?)deleted["trace_id"] }));
        Assert.That(await ada.ListAsync("channels?kind=private", "groups"), Is.All.EqualTo("0"));
    }

    [Test]
    public async Task Lists_are_sorted_searched_and_read_page_by_page()
    {
        using var ada = await AdministratorAsync();
        foreach (var name in new[] { "delta", "Alpha", "charlie", "Bravo" })
        {
            await ada.OkAsync("POST", "groups", new { name });
        }

        Assert.That(await ada.ListAsync("groups", limit: 1), Is.EqualTo(new[] { "Alpha", "Bravo", "charlie", "delta" }));
        Assert.That(await ada.ListAsync("groups?sort=-name", limit: 3), Is.EqualTo(new[] { "delta", "charlie", "Bravo", "Alpha" }));
        Assert.That(await ada.ListAsync("groups?sort=-created_at", limit: 2), Is.EqualTo(new[] { "Bravo", "charlie", "Alpha", "delta" }));
        Assert.That(await ada.ListAsync("groups?sort=members", limit: 1), Has.Count.EqualTo(4));
        Assert.That(await ada.ListAsync("groups?search=LPH"), Is.EqualTo(new[] { "Alpha" }));
        Assert.That(await ada.ListAsync("groups?search=%25"), Is.Empty);
        Assert.That(await ada.RefusedAsync("GET", "groups?sort=size"), Is.EqualTo((400, "invalid_request")));
    }

    private Task<OrganizationClient> AdministratorAsync() => OrganizationClient.OfNewAsync(_host);

    private async Task<string> MemberAsync(string org) =>
        (await _host.IntrospectAsync(await _host.AddMemberAsync(org, "member"))).SubjectId;

    private async Task<List<JsonObject>> EventsAsync(string action, string target) =>
        [.. (await _host.AuditAsync(action)).Where(e => (string?)e["target"]!["id"] == target)];

    private async Task<List<JsonObject>> EventsOfGroupAsync(string action, string group) =>
        [.. (await _host.AuditAsync(action)).Where(e => (string?)e["meta"]!["group"]!["id"] == group)];

    internal static (string, int, string?)[] Results(JsonObject answer) =>
    [
        .. answer["results"]!.AsArray().Select(
            result => ((string)result!["id"]!, (int)result["status"]!, (string?)result["code"])),
    ];
}
