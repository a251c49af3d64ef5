using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.Testing;

namespace EnvPlatform.Policy.Tests.Decisions;

/// <summary>Decisions on stored facts, each test in an organization of its own: clocks, exceptions, scopes.</summary>
public sealed class DecisionTests
{
    private PolicyPlatform _platform = null!;
    private Membership _organization = null!;
    private StoredFacts _facts = null!;
    private HttpClient _administrator = null!;

    private static DateTimeOffset Now => DateTimeOffset.UtcNow;

    [OneTimeSetUp]
    public async Task StartAsync() => _platform = await PolicyPlatform.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await _platform.DisposeAsync();

    [SetUp]
    public void NewOrganization()
    {
        _organization = TestCaller.NewOrganization();
        _facts = new(_platform.Db, _organization.Id.Value);
        _administrator = As(Roles.Administrator);
    }

    [Test]
    public async Task A_grace_warns_and_its_end_is_acted_on()
    {
        var package = await _facts.PackageAsync();
        await _facts.FindAsync(package, NewCve(), Now.AddHours(-2));
        var environment = await _facts.EnvironmentAsync(await _facts.SetAsync(package), Now.AddHours(-1).AddSeconds(8));
        await _facts.PolicyAsync("kev", "known_exploited: true", "then: block\n    grace: 1h");
        await UntilAsync(environment, "warn");
        await UntilAsync(environment, "block");
        Assert.That(await _facts.ScalarAsync<DateTime>(
            "select decided_at from environment_decisions where environment_id = $1", environment),
            Is.EqualTo(DateTime.UtcNow).Within(TimeSpan.FromMinutes(1)));
    }

    [Test]
    public async Task A_grace_goes_on_when_the_environment_gets_another_set_with_the_finding()
    {
        var cve = NewCve();
        var (old, newer) = (await _facts.PackageAsync(), await _facts.PackageAsync(version: "1.1.1l"));
        await _facts.FindAsync(old, cve, Now.AddDays(-20));
        await _facts.FindAsync(newer, cve, Now.AddDays(-20));
        var began = Now.AddDays(-10);
        var environment = await _facts.EnvironmentAsync(await _facts.SetAsync(old), began);
        await _facts.PolicyAsync("kev", "known_exploited: true", "then: block\n    grace: 30d");
        await UntilAsync(environment, "warn");
        await _facts.HoldsAsync(environment, await _facts.SetAsync(newer), Now.AddHours(-1));
        await _facts.UntilDecidedAsync();
        Assert.That(await _facts.DeadlineAsync(environment), Is.EqualTo(began.AddDays(30).UtcDateTime).Within(TimeSpan.FromSeconds(1)));
        // And once more, which finds the clock in what was carried.
        await _facts.HoldsAsync(environment, await _facts.SetAsync(newer, await _facts.PackageAsync("numpy")), Now);
        await _facts.UntilDecidedAsync();
        Assert.That(await _facts.DeadlineAsync(environment), Is.EqualTo(began.AddDays(30).UtcDateTime).Within(TimeSpan.FromSeconds(1)));
    }

    [TestCase(23, true)]
    [TestCase(25, false)]
    public async Task A_grace_goes_on_when_the_finding_comes_back_within_a_day(int hours, bool goesOn)
    {
        var package = await _facts.PackageAsync();
        await _facts.FindAsync(package, NewCve(), Now.AddDays(-20));
        var began = Now.AddDays(-10);
        var set = await _facts.SetAsync(package);
        var environment = await _facts.EnvironmentAsync(set, began);
        await _facts.PolicyAsync("kev", "known_exploited: true", "then: block\n    grace: 30d");
        await UntilAsync(environment, "warn");
        var back = Now;
        // It left hours ago, and Policy hears of it at once.
        await _facts.HoldsAsync(environment, await _facts.SetAsync(await _facts.PackageAsync("numpy")), back.AddHours(-hours));
        await UntilAsync(environment, "ok");
        await _facts.HoldsAsync(environment, set, back);
        await UntilAsync(environment, "warn");
        Assert.That(
            await _facts.DeadlineAsync(environment),
            Is.EqualTo((goesOn ? began : back).AddDays(30).UtcDateTime).Within(TimeSpan.FromSeconds(1)));
    }

    [Test]
    public async Task Edits_move_the_deadline_and_not_its_beginning()
    {
        var cve = NewCve();
        var (old, newer) = (await _facts.PackageAsync(), await _facts.PackageAsync(version: "1.1.1l"));
        await _facts.FindAsync(old, cve, Now.AddDays(-20));
        await _facts.FindAsync(newer, cve, Now.AddDays(-20));
        var began = Now.AddDays(-10);
        var environment = await _facts.EnvironmentAsync(await _facts.SetAsync(old), began);
        var policy = await _facts.PolicyAsync("kev", "known_exploited: true", "then: block\n    grace: 30d");
        await UntilAsync(environment, "warn");
        await _facts.HoldsAsync(environment, await _facts.SetAsync(newer), Now.AddHours(-1));
        await _facts.UntilDecidedAsync();
        await _facts.ChangePolicyAsync(policy, "kev", "cvss: '>= 7'", "then: block\n    grace: 40d");
        await _facts.UntilDecidedAsync();
        Assert.That(await _facts.DeadlineAsync(environment), Is.EqualTo(began.AddDays(40).UtcDateTime).Within(TimeSpan.FromSeconds(1)));
        await _facts.ChangePolicyAsync(policy, "kev", "cvss: '>= 7'", "then: block\n    grace: 9d");
        await UntilAsync(environment, "block");
    }

    [Test]
    public async Task A_rule_about_environments_counts_from_when_it_began_to_hold_and_survives_edits()
    {
        var environment = await _facts.EnvironmentAsync(null, Now.AddDays(-40));
        var policy = await _facts.PolicyAsync("old", "log_age: '> 30d'", "then: block\n    grace: 7d");
        await UntilAsync(environment, "warn");
        var deadline = await _facts.DeadlineAsync(environment);
        Assert.That(deadline, Is.EqualTo(Now.AddDays(7).UtcDateTime).Within(TimeSpan.FromMinutes(1)));
        await _facts.ChangePolicyAsync(policy, "old", "log_age: '> 30d'", "then: block\n    grace: 8d");
        await _facts.UntilDecidedAsync();
        Assert.That(await _facts.DeadlineAsync(environment), Is.EqualTo(deadline.AddDays(1)));
        // It no longer holds, and does again: the clock begins anew.
        await _facts.ExecuteAsync("update environment_status set logged_at = now() where environment_id = $1", environment);
        await _facts.MarkEnvironmentAsync(environment);
        await UntilAsync(environment, "ok");
        await _facts.ExecuteAsync(
            "update environment_status set logged_at = now() - interval '40 days' where environment_id = $1", environment);
        await _facts.MarkEnvironmentAsync(environment);
        await UntilAsync(environment, "warn");
        Assert.That(await _facts.DeadlineAsync(environment), Is.GreaterThan(deadline.AddDays(1)));
    }

    [Test]
    public async Task A_finding_that_is_not_affected_or_cleared_does_not_count()
    {
        var cve = NewCve();
        var package = await _facts.PackageAsync();
        await _facts.FindAsync(package, cve, Now);
        var set = await _facts.SetAsync(package);
        var environment = await _facts.EnvironmentAsync(set, Now);
        await _facts.PolicyAsync("kev", "known_exploited: true");
        await UntilAsync(environment, "block");
        await _facts.ExecuteAsync(
            "insert into finding_statuses values ($1, $2, $3, $4, 'not_affected')", _organization.Id.Value, set, package, cve);
        await _facts.MarkSetAsync(set);
        await UntilAsync(environment, "ok");
    }

    [Test]
    public async Task A_policy_applies_to_the_owners_in_a_group_and_to_a_user()
    {
        var (grouped, named, other) = (Guid.CreateVersion7(), Guid.CreateVersion7(), Guid.CreateVersion7());
        var group = await GroupAsync("ops", grouped);
        foreach (var owner in new[] { named, other })
        {
            await SubjectAsync(owner);
        }

        var environments = new List<Guid>();
        foreach (var owner in new[] { grouped, named, other })
        {
            environments.Add(await _facts.EnvironmentAsync(null, Now, owner));
        }

        var policy = await _facts.PolicyAsync("names", "name: science", "then: warn", target: ("group", group));
        await _facts.AssignAsync(policy, ("user", named));
        await _facts.MarkPolicyAsync(policy);
        await UntilAsync(environments[0], "warn");
        await UntilAsync(environments[1], "warn");
        await _facts.UntilDecidedAsync();
        Assert.That(await _facts.StatusAsync(environments[2]), Is.Null);
        // Who joins the group gets its policies.
        await _facts.ExecuteAsync("insert into group_members values ($1, $2, $3)", _organization.Id.Value, group, other);
        await _facts.ExecuteAsync("insert into stale_decisions (org_id, subject_id) values ($1, $2)", _organization.Id.Value, other);
        await UntilAsync(environments[2], "warn");
    }

    [Test]
    public async Task A_channel_that_no_group_of_the_owner_has_is_told()
    {
        var owner = Guid.CreateVersion7();
        var group = await GroupAsync("ops", owner);
        var environment = await _facts.EnvironmentAsync(
            await _facts.SetAsync(
                await _facts.PackageAsync("secret", channel: "Internal"), await _facts.PackageAsync("plain", channel: "")),
            Now, owner);
        await _facts.PolicyAsync("channels", "channel: not_granted");
        await UntilAsync(environment, "block");
        var channel = Guid.CreateVersion7();
        await _facts.ExecuteAsync("insert into channels values ($1, $2, 'Internal', false, null, 1)", _organization.Id.Value, channel);
        await _facts.ExecuteAsync("insert into channel_names values ($1, 'internal', $2)", _organization.Id.Value, channel);
        await _facts.ExecuteAsync("insert into channel_grants values ($1, $2, $3)", _organization.Id.Value, channel, group);
        await _facts.ExecuteAsync("insert into stale_decisions (org_id) values ($1)", _organization.Id.Value);
        await UntilAsync(environment, "ok");
    }

    [Test]
    public async Task An_exception_leaves_out_what_it_is_for_marks_it_and_ends_by_itself()
    {
        var cve = NewCve();
        var package = await _facts.PackageAsync();
        await _facts.FindAsync(package, cve, Now);
        var environment = await _facts.EnvironmentAsync(await _facts.SetAsync(package), Now);
        var policy = await _facts.PolicyAsync("kev", "known_exploited: true");
        await UntilAsync(environment, "block");
        var ends = Now.AddSeconds(6);
        await _facts.ExecuteAsync(
            """
            insert into exceptions (org_id, exception_id, scope_type, scope_id, vulnerability_id, policy_id, state, reason, requested_by,
                requested_at, requested_until, expires_at)
            values ($1, $2, 'environment', $3, $4, $5, 'granted', 'soon', $2, now(), $6, $6)
            """, _organization.Id.Value, Guid.CreateVersion7(), environment, cve, policy, ends);
        await _facts.MarkEnvironmentAsync(environment);
        await UntilAsync(environment, "ok");
        var decision = await DecisionAsync(environment);
        Assert.Multiple(() =>
        {
            Assert.That(decision.GetProperty("status").GetString(), Is.EqualTo("ok"));
            Assert.That(decision.GetProperty("reasons").GetArrayLength(), Is.Zero);
            var excepted = decision.GetProperty("excepted").EnumerateArray().Single();
            Assert.That(excepted.GetProperty("findings")[0].GetProperty("vulnerability").GetString(), Is.EqualTo(cve));
            Assert.That(excepted.GetProperty("exception").GetProperty("vulnerability").GetString(), Is.EqualTo(cve));
            Assert.That(decision.GetProperty("next_at").GetDateTimeOffset(), Is.EqualTo(ends).Within(TimeSpan.FromMilliseconds(1)));
        });
        await UntilAsync(environment, "block");
    }

    [Test]
    public async Task A_policy_that_observes_changes_no_status_and_is_told()
    {
        var environment = await _facts.EnvironmentAsync(null, Now);
        var policy = await _facts.PolicyAsync("watch", "name: science", "then: block", "mode: observe\n");
        await _facts.UntilDecidedAsync();
        Assert.That(await _facts.StatusAsync(environment), Is.EqualTo("ok"));
        var decision = await DecisionAsync(environment);
        Assert.That(decision.GetProperty("observed")[0].GetProperty("policy_id").GetGuid(), Is.EqualTo(policy));
        Assert.That(decision.GetProperty("observed")[0].GetProperty("status").GetString(), Is.EqualTo("block"));
        Assert.That((await HeldAsync(policy.ToString())).GetProperty("total_count").GetInt32(), Is.EqualTo(1));
    }

    [Test]
    public async Task While_nothing_is_known_of_a_new_set_what_was_decided_before_stands()
    {
        var package = await _facts.PackageAsync();
        await _facts.FindAsync(package, NewCve(), Now.AddDays(-3));
        var environment = await _facts.EnvironmentAsync(await _facts.SetAsync(package), Now.AddDays(-2));
        await _facts.PolicyAsync("kev", "known_exploited: true");
        await UntilAsync(environment, "block");
        var next = (long)StoredFacts.NextId();
        var harmless = await _facts.PackageAsync("numpy");
        await _facts.ExecuteAsync("insert into package_sets values ($1, $2)", next, new[] { harmless });
        await _facts.HoldsAsync(environment, next, Now);
        await _facts.UntilDecidedAsync();
        Assert.That(await _facts.StatusAsync(environment), Is.EqualTo("block"));
        Assert.That((await DecisionAsync(environment)).GetProperty("is_behind").GetBoolean(), Is.True);
        await _facts.KnowAsync(next);
        await _facts.MarkSetAsync(next);
        await UntilAsync(environment, "ok");
        Assert.That((await DecisionAsync(environment)).GetProperty("is_behind").GetBoolean(), Is.False);
    }

    [Test]
    public async Task What_was_never_scanned_is_waited_for_and_then_warned_about()
    {
        var fresh = await _facts.EnvironmentAsync(StoredFacts.NextId(), Now.AddSeconds(-52));
        var old = await _facts.EnvironmentAsync(StoredFacts.NextId(), Now.AddHours(-1));
        await _facts.PolicyAsync("kev", "known_exploited: true");
        await UntilAsync(old, "warn");
        await _facts.UntilDecidedAsync();
        Assert.That(
            await _facts.ScalarAsync<string>("select message from environment_decisions where environment_id = $1", old), Is.Not.Null);
        await UntilAsync(fresh, "warn");
        var decision = await DecisionAsync(fresh);
        Assert.That(decision.GetProperty("reasons")[0].GetProperty("unknown")[0].GetString(), Does.Contain("not been scanned"));
        Assert.That(decision.GetProperty("facts_as_of").ValueKind, Is.EqualTo(JsonValueKind.Null));
    }

    [Test]
    public async Task A_dry_run_counts_and_stores_nothing()
    {
        var package = await _facts.PackageAsync();
        await _facts.FindAsync(package, NewCve(), Now.AddDays(-3));
        var bad = await _facts.SetAsync(package);
        var good = await _facts.SetAsync(await _facts.PackageAsync("numpy"));
        var owner = Guid.CreateVersion7();
        await SubjectAsync(owner, "ada@example.org");
        for (var i = 0; i < 3; i++)
        {
            await _facts.EnvironmentAsync(bad, Now.AddDays(-2), owner, name: $"bad{i}");
            await _facts.EnvironmentAsync(good, Now.AddDays(-2), owner);
        }

        var answer = await DryRunAsync(new
        {
            text = "name: trial\nenabled: false\nrules:\n"
                + "  - name: kev\n    when:\n      known_exploited: true\n      name: bad0\n    then: block\n"
                + "  - name: grace\n    when:\n      known_exploited: true\n    then: block\n    grace: 5d\n",
            examples = 2,
        });
        Assert.Multiple(() =>
        {
            Assert.That(answer.GetProperty("environments").GetInt32(), Is.EqualTo(6));
            Assert.That(answer.GetProperty("block").GetInt32(), Is.EqualTo(1));
            Assert.That(answer.GetProperty("warn").GetInt32(), Is.EqualTo(2));
            Assert.That(answer.GetProperty("in_grace").GetInt32(), Is.EqualTo(2));
            var rules = answer.GetProperty("rules").EnumerateArray().ToArray();
            Assert.That(rules.Select(rule => rule.GetProperty("block").GetInt32()), Is.EqualTo(new[] { 1, 0 }));
            Assert.That(rules.Select(rule => rule.GetProperty("warn").GetInt32()), Is.EqualTo(new[] { 0, 3 }));
            Assert.That(rules[1].GetProperty("examples").GetArrayLength(), Is.EqualTo(2));
            Assert.That(rules[0].GetProperty("examples")[0].GetProperty("name").GetString(), Is.EqualTo("bad0"));
            Assert.That(rules[0].GetProperty("examples")[0].GetProperty("owner").GetString(), Is.EqualTo("ada@example.org"));
            var changes = answer.GetProperty("changes");
            Assert.That(changes.GetProperty("ok_to_warn").GetInt32(), Is.EqualTo(2));
            Assert.That(changes.GetProperty("ok_to_block").GetInt32(), Is.EqualTo(1));
        });
        await _facts.UntilDecidedAsync();
        Assert.That(await _facts.ScalarAsync<long>(
            "select count(*) from environment_decisions where org_id = $1", _organization.Id.Value), Is.Zero);
        Assert.That(await _facts.ScalarAsync<long>("select count(*) from policies where org_id = $1", _organization.Id.Value), Is.Zero);

        var nobodys = await DryRunAsync(new
        {
            text = "name: trial\nrules:\n  - name: r\n    when:\n      name: '*'\n    then: warn\n",
            assignments = Array.Empty<object>(),
        });
        Assert.That(nobodys.GetProperty("environments").GetInt32(), Is.Zero);
    }

    [TestCase("""{"text": "name: x"}""", "/rules")]
    [TestCase("""{}""", "document")]
    [TestCase("""
        {"text": "name: t\nrules:\n  - name: r\n    when:\n      name: a\n    then: warn\n",
         "assignments": [{"target_type": "group", "target_id": "0192f0c1-0000-7000-8000-000000000000"}]}
        """, "assignments[0].target_id")]
    [TestCase("""
        {"text": "name: t\nrules:\n  - name: r\n    when:\n      name: a\n    then: warn\n",
         "assignments": [{"target_type": "team", "target_id": "0192f0c1-0000-7000-8000-000000000000"}]}
        """, "assignments[0].target_type")]
    [TestCase("""{"text": "name: t\nrules:\n  - name: r\n    when:\n      name: a\n    then: warn\n", "examples": 101}""", "examples")]
    public async Task A_dry_run_refuses_what_is_not_valid(string body, string field)
    {
        using var content = new StringContent(body, System.Text.Encoding.UTF8, "application/json");
        using var response = await As(Roles.Administrator).PostAsync(Url("policies/dry-run"), content);
        var problem = await response.Content.ReadFromJsonAsync<JsonElement>();
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
        Assert.That(problem.GetProperty("errors").EnumerateObject().Select(error => error.Name), Does.Contain(field), problem.ToString());
    }

    [Test]
    public async Task Only_who_sees_all_environments_may_dry_run()
    {
        using var member = await As(Roles.Member).PostAsJsonAsync(Url("policies/dry-run"), new { text = "name: t" });
        Assert.That(member.StatusCode, Is.EqualTo(HttpStatusCode.Forbidden));
    }

    [Test]
    public async Task The_environments_that_a_policy_holds_are_listed_page_by_page_and_a_member_sees_its_own()
    {
        var caller = TestCaller.Of(_organization with { Role = Roles.Member });
        for (var i = 0; i < 5; i++)
        {
            await _facts.EnvironmentAsync(null, Now, i < 2 ? caller.SubjectId.Value : null, name: i == 4 ? "other" : "prod");
        }

        await _facts.PolicyAsync("prod", "name: prod");
        await _facts.UntilDecidedAsync();
        var first = await HeldAsync("prod", "?limit=3&status=block");
        Assert.That(first.GetProperty("total_count").GetInt32(), Is.EqualTo(4));
        Assert.That(first.GetProperty("items").GetArrayLength(), Is.EqualTo(3));
        var second = await HeldAsync(
            "prod", $"?limit=3&status=block&cursor={Uri.EscapeDataString(first.GetProperty("next_cursor").GetString()!)}");
        Assert.That(second.GetProperty("items").GetArrayLength(), Is.EqualTo(1));
        Assert.That(second.GetProperty("next_cursor").ValueKind, Is.EqualTo(JsonValueKind.Null));
        Assert.That(
            first.GetProperty("items").EnumerateArray().Concat(second.GetProperty("items").EnumerateArray())
                .Select(item => item.GetProperty("environment_id").GetGuid()).Distinct().Count(), Is.EqualTo(4));
        Assert.That((await HeldAsync("prod", "?status=warn")).GetProperty("total_count").GetInt32(), Is.Zero);
        var own = await _platform.As(caller).GetFromJsonAsync<JsonElement>(Url("policies/prod/environments"));
        Assert.That(own.GetProperty("total_count").GetInt32(), Is.EqualTo(2));
        using var none = await As(Roles.Administrator).GetAsync(Url("policies/nothing/environments"));
        Assert.That(none.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
        using var bad = await As(Roles.Administrator).GetAsync(Url("policies/prod/environments?status=ok"));
        Assert.That(bad.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
    }

    [Test]
    public async Task A_member_asks_for_the_decisions_on_its_own_environments_only()
    {
        var caller = TestCaller.Of(_organization with { Role = Roles.Member });
        var own = await _facts.EnvironmentAsync(null, Now, caller.SubjectId.Value);
        var foreign = await _facts.EnvironmentAsync(null, Now);
        using var mine = await _platform.As(caller).GetAsync(Url($"environments/{own}/decision"));
        using var theirs = await _platform.As(caller).GetAsync(Url($"environments/{foreign}/decision"));
        Assert.That((mine.StatusCode, theirs.StatusCode), Is.EqualTo((HttpStatusCode.OK, HttpStatusCode.NotFound)));
    }

    [Test]
    public async Task A_removed_environment_is_not_decided_again_and_again()
    {
        var environment = await _facts.EnvironmentAsync(null, Now.AddDays(-29));
        await _facts.PolicyAsync("old", "log_age: '> 30d'", "then: warn");
        await _facts.UntilDecidedAsync();
        await _facts.ExecuteAsync("update environment_status set removed = true where environment_id = $1", environment);
        await _facts.ExecuteAsync(
            "update environment_decisions set next_at = now() - interval '1 second' where environment_id = $1", environment);
        await _facts.MarkEnvironmentAsync(environment);
        await Eventually.BecomesTrueAsync(
            async () => await _facts.ScalarAsync<bool>(
                "select next_at is null from environment_decisions where environment_id = $1", environment),
            "it is due no more");
    }

    private static string NewCve() => $"CVE-2026-{StoredFacts.NextId()}";

    private HttpClient As(string role) => _platform.As(TestCaller.Of(_organization with { Role = role }));

    private Uri Url(string path) => new($"/api/v1/orgs/{_organization.Slug}/{path}", UriKind.Relative);

    private Task<JsonElement> DecisionAsync(Guid environment) =>
        As(Roles.Administrator).GetFromJsonAsync<JsonElement>(Url($"environments/{environment}/decision"));

    private async Task<JsonElement> HeldAsync(string policy, string query = "", HttpClient? client = null)
    {
        using var response = await (client ?? _administrator).GetAsync(Url($"policies/{policy}/environments{query}"));
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK), await response.Content.ReadAsStringAsync());
        return await response.Content.ReadFromJsonAsync<JsonElement>();
    }

    private async Task<JsonElement> DryRunAsync(object body)
    {
        using var response = await As(Roles.Administrator).PostAsJsonAsync(Url("policies/dry-run"), body);
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK), await response.Content.ReadAsStringAsync());
        return await response.Content.ReadFromJsonAsync<JsonElement>();
    }

    private Task SubjectAsync(Guid id, string? email = null) => _facts.ExecuteAsync(
        "insert into subjects values ($1, $2, $3, 'Ada', 1)", _organization.Id.Value, id, email ?? (object)DBNull.Value);

    private async Task<Guid> GroupAsync(string name, Guid member)
    {
        var group = Guid.CreateVersion7();
        await SubjectAsync(member);
        await _facts.ExecuteAsync("insert into groups values ($1, $2, $3, 1)", _organization.Id.Value, group, name);
        await _facts.ExecuteAsync("insert into group_members values ($1, $2, $3)", _organization.Id.Value, group, member);
        return group;
    }

    private Task UntilAsync(Guid environment, string status) => Eventually.BecomesTrueAsync(
        async () => await _facts.StatusAsync(environment) == status, $"environment {environment} is decided to be {status}", 40);
}
