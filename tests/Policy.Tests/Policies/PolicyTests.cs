using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

using EnvPlatform.Policy.Tests.Decisions;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.Testing;

namespace EnvPlatform.Policy.Tests.Policies;

/// <summary>Policies of an organization: made, changed, restored, assigned, deleted, and who may do and see what.</summary>
public sealed class PolicyTests
{
    private readonly ConcurrentDictionary<Membership, TestCaller> _administrators = new();
    private PolicyPlatform _platform = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _platform = await PolicyPlatform.StartAsync(instances: 2);

    [OneTimeTearDown]
    public async Task StopAsync() => await _platform.DisposeAsync();

    [Test]
    public async Task An_organization_begins_with_policies_that_decide_nothing_and_come_only_once()
    {
        var mine = TestCaller.NewOrganization();
        var lists = await Task.WhenAll(Enumerable.Range(0, 4).Select(i => ListAsync(mine, i % 2)));
        foreach (var list in lists)
        {
            Assert.That(
                list.Select(one => Text(one, "name")), Is.EqualTo(new[] { "critical-with-a-fix", "known-exploited", "unknown-channels" }));
            Assert.That(list.Select(one => one.GetProperty("enabled").GetBoolean()), Has.All.False);
            Assert.That(
                list.Select(one => Text(one.GetProperty("assignments")[0], "target_type")), Has.All.EqualTo("organization"));
        }

        using var deleted = await SendAsync(mine, HttpMethod.Delete, "/known-exploited?cascade=true", null, "*");
        Assert.That(deleted.StatusCode, Is.EqualTo(HttpStatusCode.NoContent));
        Assert.That(await ListAsync(mine), Has.Count.EqualTo(2), "what was deleted does not come back");
    }

    [Test]
    public async Task A_policy_is_made_changed_and_restored_and_every_document_is_kept()
    {
        var mine = TestCaller.NewOrganization();
        var made = await CreateAsync(mine, Document("kev", "known_exploited: true"));
        Assert.Multiple(() =>
        {
            Assert.That(Text(made, "sentence"), Is.Not.Empty);
            Assert.That(Text(made.GetProperty("rules")[0], "sentence"), Does.Contain("known to be exploited"));
            Assert.That(made.GetProperty("version").GetInt32(), Is.EqualTo(1));
        });
        var changed = await ReadAsync(
            await SendAsync(mine, HttpMethod.Put, "/kev", new { text = Document("kev2", "severity: critical") }, "\"1\""));
        Assert.That((Text(changed, "name"), changed.GetProperty("version").GetInt32()), Is.EqualTo(("kev2", 2)));
        using var same = await SendAsync(mine, HttpMethod.Put, "/kev2", new { document = changed.GetProperty("document") }, "\"2\"");
        Assert.That((await ReadAsync(same)).GetProperty("version").GetInt32(), Is.EqualTo(2), "nothing changed");

        var restored = await ReadAsync(await SendAsync(mine, HttpMethod.Post, $"/{Text(made, "id")}/versions/1/restore", null, "\"2\""));
        Assert.Multiple(() =>
        {
            Assert.That((Text(restored, "name"), restored.GetProperty("version").GetInt32()), Is.EqualTo(("kev", 3)));
            Assert.That($"{restored.GetProperty("document")}", Is.EqualTo($"{made.GetProperty("document")}"));
        });
        var versions = await GetAsync(mine, "/kev/versions");
        Assert.That(
            versions.GetProperty("items").EnumerateArray()
                .Select(one => (one.GetProperty("version").GetInt32(), $"{one.GetProperty("restored_from")}")),
            Is.EqualTo(new[] { (3, "1"), (2, ""), (1, "") }));
        var audited = await AuditedAsync(mine, 3, "policy_created", "policy_updated");
        Assert.Multiple(() =>
        {
            Assert.That(audited[0].Meta.GetProperty("after").GetProperty("name").GetString(), Is.EqualTo("kev"));
            Assert.That(
                audited[1].Meta.GetProperty("changed").EnumerateArray().Select(one => one.GetString()),
                Is.EquivalentTo(new[] { "name", "document" }));
            Assert.That(audited[2].Meta.GetProperty("restored_from").GetInt32(), Is.EqualTo(1));
        });
    }

    [Test]
    public async Task A_change_says_which_version_it_is_meant_for_and_of_two_one_wins()
    {
        var mine = TestCaller.NewOrganization();
        await CreateAsync(mine, Document("p", "severity: high"));
        using var without = await SendAsync(mine, HttpMethod.Put, "/p", new { text = Document("p", "severity: low") });
        Assert.That(without.StatusCode, Is.EqualTo((HttpStatusCode)428));
        var both = await Task.WhenAll(new[] { "low", "medium" }.Select(
            (severity, i) => SendAsync(mine, HttpMethod.Put, "/p", new { text = Document("p", $"severity: {severity}") }, "\"1\"", i)));
        Assert.That(
            both.Select(one => one.StatusCode), Is.EquivalentTo(new[] { HttpStatusCode.OK, HttpStatusCode.PreconditionFailed }));
        using var deleted = await SendAsync(mine, HttpMethod.Delete, "/p", null, "\"1\"");
        Assert.That(deleted.StatusCode, Is.EqualTo(HttpStatusCode.PreconditionFailed));
    }

    [Test]
    public async Task Names_are_unique_and_what_is_not_valid_is_refused_with_the_path()
    {
        var mine = TestCaller.NewOrganization();
        await CreateAsync(mine, Document("p", "severity: high"));
        await CreateAsync(mine, Document("q", "severity: high"));
        using var again = await SendAsync(mine, HttpMethod.Post, "", new { text = Document("p", "severity: high") });
        using var renamed = await SendAsync(mine, HttpMethod.Put, "/q", new { text = Document("p", "severity: high") }, "*");
        using var wrong = await SendAsync(mine, HttpMethod.Post, "", new { text = Document("w", "severty: high") });
        using var neither = await SendAsync(mine, HttpMethod.Post, "", new { });
        Assert.Multiple(async () =>
        {
            Assert.That(await CodeAsync(again), Is.EqualTo("name_taken"));
            Assert.That(await CodeAsync(renamed), Is.EqualTo("name_taken"));
            Assert.That(wrong.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
            Assert.That(await wrong.Content.ReadAsStringAsync(), Does.Contain("/rules/0/when/severty"));
            Assert.That(neither.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
        });
    }

    [Test]
    public async Task What_is_assigned_is_deleted_only_with_its_assignments_each_with_an_event()
    {
        var mine = TestCaller.NewOrganization();
        var ada = await SubjectAsync(mine, "ada@example.org");
        await CreateAsync(mine, Document("p", "severity: high"));
        var assigned = await ReadAsync(await SendAsync(mine, HttpMethod.Put, $"/p/assignments/user/{ada}", new { }));
        Assert.That(Text(assigned.GetProperty("assignments")[0], "target_name"), Is.EqualTo("ada@example.org"));
        using var again = await SendAsync(mine, HttpMethod.Put, $"/p/assignments/user/{ada}", null);
        Assert.That(again.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        using var whole = await SendAsync(mine, HttpMethod.Put, $"/p/assignments/organization/{mine.Slug}", null);
        Assert.That(whole.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        foreach (var nobody in new[] { $"user/{Guid.CreateVersion7()}", $"group/{ada}", "organization/other", "planet/1" })
        {
            using var refused = await SendAsync(mine, HttpMethod.Put, $"/p/assignments/{nobody}", null);
            Assert.That(refused.StatusCode, Is.EqualTo(HttpStatusCode.NotFound), nobody);
        }

        using var used = await SendAsync(mine, HttpMethod.Delete, "/p", null, "*");
        Assert.That(await CodeAsync(used), Is.EqualTo("in_use"));
        using var deleted = await SendAsync(mine, HttpMethod.Delete, "/p?cascade=true", null, "*");
        Assert.That(deleted.StatusCode, Is.EqualTo(HttpStatusCode.NoContent));
        using var gone = await SendAsync(mine, HttpMethod.Get, "/p", null);
        Assert.That(gone.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
        var audited = await AuditedAsync(mine, 5, "policy_assigned", "policy_unassigned", "policy_deleted");
        Assert.That(
            audited.Select(one => one.ActionKey),
            Is.EqualTo(new[] { "policy_assigned", "policy_assigned", "policy_unassigned", "policy_unassigned", "policy_deleted" }));
        await CreateAsync(mine, Document("p", "severity: high"));
    }

    [Test]
    public async Task Members_see_the_policies_that_apply_to_them_and_change_none()
    {
        var mine = TestCaller.NewOrganization();
        var ada = TestCaller.Of(mine with { Role = Roles.Member });
        await SubjectAsync(mine, "ada@example.org", ada.SubjectId.Value);
        var group = await GroupAsync(mine, "team", ada.SubjectId.Value);
        foreach (var (name, target) in new[]
        {
            ("of-all", $"organization/{mine.Slug}"), ("of-the-team", $"group/{group}"), ("of-ada", $"user/{ada.SubjectId}"),
            ("of-nobody", ""),
        })
        {
            await CreateAsync(mine, Document(name, "severity: high"));
            if (target.Length > 0)
            {
                using var assigned = await SendAsync(mine, HttpMethod.Put, $"/{name}/assignments/{target}", null);
                Assert.That(assigned.StatusCode, Is.EqualTo(HttpStatusCode.OK));
            }
        }

        var seen = await _platform.As(ada).GetFromJsonAsync<JsonElement>(Url(mine));
        var items = seen.GetProperty("items").EnumerateArray().ToArray();
        Assert.Multiple(() =>
        {
            Assert.That(items.Select(one => Text(one, "name")), Is.EqualTo(new[] { "of-ada", "of-all", "of-the-team" }));
            Assert.That(items.Select(one => one.GetProperty("assignments").GetArrayLength()), Has.All.Zero);
        });
        using var hidden = await _platform.As(ada).GetAsync(new Uri($"{Url(mine)}/of-nobody", UriKind.Relative));
        using var refused = await _platform.As(ada).PostAsJsonAsync(Url(mine), new { text = Document("mine", "severity: high") });
        Assert.That(
            (hidden.StatusCode, refused.StatusCode), Is.EqualTo((HttpStatusCode.NotFound, HttpStatusCode.Forbidden)));
    }

    [Test]
    public async Task What_comes_from_files_is_changed_there_or_taken_over()
    {
        var mine = TestCaller.NewOrganization();
        using var made = await SendAsync(mine, HttpMethod.Post, "", new
        {
            text = Document("p", "severity: high"),
            managed_by = "config",
            source = "git@example.org:policies",
        });
        Assert.That(made.StatusCode, Is.EqualTo(HttpStatusCode.Created), await made.Content.ReadAsStringAsync());
        using var refused = await SendAsync(mine, HttpMethod.Put, "/p", new { text = Document("p", "severity: low") }, "*");
        Assert.That(await CodeAsync(refused), Is.EqualTo("managed_externally"));
        using var disabled = await SendAsync(mine, HttpMethod.Post, "/p/disable", null, "*");
        Assert.That(await CodeAsync(disabled), Is.EqualTo("managed_externally"));
        var assignment = $"/p/assignments/organization/{mine.Slug}";
        using var assigned = await SendAsync(mine, HttpMethod.Put, assignment, new { });
        Assert.That(await CodeAsync(assigned), Is.EqualTo("managed_externally"));
        using var assignedByFiles = await SendAsync(mine, HttpMethod.Put, assignment, new { managed_by = "config" });
        Assert.That(assignedByFiles.StatusCode, Is.EqualTo(HttpStatusCode.OK), await assignedByFiles.Content.ReadAsStringAsync());
        using var unassigned = await SendAsync(mine, HttpMethod.Delete, assignment, null);
        Assert.That(await CodeAsync(unassigned), Is.EqualTo("managed_externally"));
        using var unassignedByFiles = await SendAsync(mine, HttpMethod.Delete, $"{assignment}?managed_by=config", null);
        Assert.That(unassignedByFiles.StatusCode, Is.EqualTo(HttpStatusCode.NoContent));
        using var byWhom = await SendAsync(mine, HttpMethod.Delete, "/p?managed_by=somebody", null, "*");
        Assert.That(byWhom.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
        var applied = await ReadAsync(await SendAsync(mine, HttpMethod.Put, "/p", new
        {
            text = Document("p", "severity: low"),
            managed_by = "config",
            source = "git@example.org:policies",
        }, "*"));
        Assert.That(Text(applied, "managed_by"), Is.EqualTo("config"));
        var taken = await ReadAsync(
            await SendAsync(mine, HttpMethod.Put, "/p?take_over=true", new { text = Document("p", "severity: low") }, "*"));
        Assert.That(taken.GetProperty("managed_by").ValueKind, Is.EqualTo(JsonValueKind.Null));
        Assert.That(
            taken.GetProperty("version").GetInt32(), Is.EqualTo(applied.GetProperty("version").GetInt32() + 1),
            "whoever read it before the takeover is told");
    }

    [Test]
    public async Task Of_many_who_give_policies_one_name_at_once_one_gets_it()
    {
        var mine = TestCaller.NewOrganization();
        var names = Enumerable.Range(0, 6).Select(i => $"p{i}").ToArray();
        foreach (var name in names)
        {
            await CreateAsync(mine, Document(name, "severity: high"));
        }

        var answers = await Task.WhenAll(names.Select(
            (name, i) => SendAsync(mine, HttpMethod.Put, $"/{name}", new { text = Document("same", "severity: high") }, "*", i % 2)));
        Assert.That(answers.Count(one => one.StatusCode == HttpStatusCode.OK), Is.EqualTo(1));
        Assert.That(
            answers.Select(one => one.StatusCode).Where(status => status != HttpStatusCode.OK), Has.All.EqualTo(HttpStatusCode.Conflict));
    }

    [Test]
    public async Task What_an_organization_begins_with_can_be_switched_on_before_anybody_has_listed_it()
    {
        var mine = TestCaller.NewOrganization();
        var enabled = await ReadAsync(await SendAsync(mine, HttpMethod.Post, "/known-exploited/enable", null, "*"));
        Assert.That(enabled.GetProperty("enabled").GetBoolean(), Is.True);
    }

    [Test]
    public async Task A_policy_that_is_switched_on_decides_and_one_that_would_block_many_asks_for_the_number()
    {
        var mine = TestCaller.NewOrganization();
        var facts = new StoredFacts(_platform.Db, mine.Id.Value);
        var vulnerability = $"CVE-2099-{StoredFacts.NextId()}";
        var (bad, good) = (await facts.PackageAsync(), await facts.PackageAsync("zlib"));
        await facts.FindAsync(bad, vulnerability, DateTimeOffset.UtcNow.AddDays(-30));
        var (badSet, goodSet) = (await facts.SetAsync(bad), await facts.SetAsync(good));
        var stopped = await facts.EnvironmentAsync(badSet, DateTimeOffset.UtcNow.AddDays(-30));
        await facts.EnvironmentAsync(goodSet, DateTimeOffset.UtcNow.AddDays(-30));

        await CreateAsync(mine, Document("p", $"vulnerability: {vulnerability}"));
        using var many = await SendAsync(mine, HttpMethod.Put, $"/p/assignments/organization/{mine.Slug}", null);
        var problem = await many.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Multiple(() =>
        {
            Assert.That(many.StatusCode, Is.EqualTo(HttpStatusCode.Conflict));
            Assert.That((Text(problem, "code"), problem.GetProperty("block").GetInt32()), Is.EqualTo(("would_block_many", 1)));
            Assert.That(problem.GetProperty("environments").GetInt32(), Is.EqualTo(2));
        });
        using var assigned = await SendAsync(
            mine, HttpMethod.Put, $"/p/assignments/organization/{mine.Slug}", new { expected_blocked = 1 });
        Assert.That(assigned.StatusCode, Is.EqualTo(HttpStatusCode.OK), await assigned.Content.ReadAsStringAsync());
        await Eventually.BecomesTrueAsync(async () => await facts.StatusAsync(stopped) == "block", "the environment to be blocked");
        var view = await GetAsync(mine, "/p");
        Assert.That(view.GetProperty("counts").GetProperty("block").GetInt32(), Is.EqualTo(1));

        using var off = await SendAsync(mine, HttpMethod.Post, "/p/disable", null, "*");
        Assert.That(off.StatusCode, Is.EqualTo(HttpStatusCode.OK), await off.Content.ReadAsStringAsync());
        await Eventually.BecomesTrueAsync(async () => await facts.StatusAsync(stopped) == "ok", "the block to be lifted");
        using var on = await SendAsync(mine, HttpMethod.Post, "/p/enable", null, "*");
        Assert.That(await CodeAsync(on), Is.EqualTo("would_block_many"));
        var audited = await AuditedAsync(mine, 1, "policy_assigned");
        Assert.That(audited[0].Meta.GetProperty("dry_run").GetProperty("block").GetInt32(), Is.EqualTo(1));
    }

    [Test]
    public async Task A_list_is_paged()
    {
        var mine = TestCaller.NewOrganization();
        for (var i = 0; i < 5; i++)
        {
            await CreateAsync(mine, Document($"p{i}", "severity: high"));
        }

        var (names, cursor) = (new List<string>(), "");
        do
        {
            var page = await GetAsync(mine, $"?limit=3&sort=-name{(cursor.Length == 0 ? "" : $"&cursor={Uri.EscapeDataString(cursor)}")}");
            names.AddRange(page.GetProperty("items").EnumerateArray().Select(one => Text(one, "name")));
            cursor = page.GetProperty("next_cursor").GetString() ?? "";
        }
        while (cursor.Length > 0);

        Assert.That(names, Has.Count.EqualTo(8).And.Ordered.Descending.Using((IComparer<string>)StringComparer.Ordinal));
    }

    private static string Document(string name, string when) =>
        $"name: {name}\nrules:\n  - name: r\n    when: {{ {when} }}\n    then: block\n";

    private static string Text(JsonElement item, string name) => item.GetProperty(name).GetString()!;

    private static string Url(Membership mine) => $"/api/v1/orgs/{mine.Slug}/policies";

    private static async Task<string?> CodeAsync(HttpResponseMessage response) =>
        Text(await response.Content.ReadFromJsonAsync<JsonElement>(), "code");

    private static async Task<JsonElement> ReadAsync(HttpResponseMessage response)
    {
        using (response)
        {
            Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK), await response.Content.ReadAsStringAsync());
            return await response.Content.ReadFromJsonAsync<JsonElement>();
        }
    }

    private HttpClient As(Membership mine, int instance = 0) =>
        _platform.As(_administrators.GetOrAdd(mine, one => TestCaller.Of(one)), instance);

    private Task<JsonElement> GetAsync(Membership mine, string path) => As(mine).GetFromJsonAsync<JsonElement>(Url(mine) + path);

    private async Task<List<JsonElement>> ListAsync(Membership mine, int instance = 0) =>
        [.. (await As(mine, instance).GetFromJsonAsync<JsonElement>(Url(mine))).GetProperty("items").EnumerateArray()];

    private async Task<JsonElement> CreateAsync(Membership mine, string text)
    {
        using var response = await SendAsync(mine, HttpMethod.Post, "", new { text });
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.Created), await response.Content.ReadAsStringAsync());
        return await response.Content.ReadFromJsonAsync<JsonElement>();
    }

    private async Task<HttpResponseMessage> SendAsync(
        Membership mine, HttpMethod method, string path, object? body, string? ifMatch = null, int instance = 0)
    {
        using var request = new HttpRequestMessage(method, new Uri(Url(mine) + path, UriKind.Relative));
        if (body is not null)
        {
            request.Content = JsonContent.Create(body);
        }

        if (ifMatch is not null)
        {
            request.Headers.TryAddWithoutValidation("If-Match", ifMatch);
        }

        return await As(mine, instance).SendAsync(request);
    }

    private async Task<List<Contracts.Events.AuditEventOccurred>> AuditedAsync(Membership mine, int count, params string[] actions)
    {
        List<Contracts.Events.AuditEventOccurred> found = [];
        await Eventually.BecomesTrueAsync(
            () =>
            {
                found =
                [
                    .. _platform.Audited.Where(one => one.OrganizationId == mine.Id && one.Actor.Type != "system"
                        && actions.Contains(one.ActionKey)).OrderBy(one => one.OccurredAt),
                ];
                return Task.FromResult(found.Count >= count);
            }, $"{count} events");
        Assert.That(found, Has.Count.EqualTo(count));
        return found;
    }

    private async Task<Guid> SubjectAsync(Membership mine, string email, Guid? id = null)
    {
        var subject = id ?? Guid.CreateVersion7();
        await new StoredFacts(_platform.Db, mine.Id.Value).ExecuteAsync(
            "insert into subjects (org_id, subject_id, email, display_name, version) values ($1, $2, $3, $3, 1)", mine.Id.Value, subject,
            email);
        return subject;
    }

    private async Task<Guid> GroupAsync(Membership mine, string name, Guid member)
    {
        var (facts, group) = (new StoredFacts(_platform.Db, mine.Id.Value), Guid.CreateVersion7());
        await facts.ExecuteAsync(
            "insert into groups (org_id, group_id, name, version) values ($1, $2, $3, 1)", mine.Id.Value, group, name);
        await facts.ExecuteAsync(
            "insert into group_members (org_id, group_id, subject_id) values ($1, $2, $3)", mine.Id.Value, group, member);
        return group;
    }
}
