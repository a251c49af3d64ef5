using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Policy.Tests.Decisions;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.Testing;

namespace EnvPlatform.Policy.Tests.Exceptions;

/// <summary>Exceptions from the request to their end, with two instances of the service.</summary>
public sealed class ExceptionTests
{
    private static readonly DateTimeOffset Now = DateTimeOffset.UtcNow;
    private static int _vulnerabilities;
    private PolicyPlatform _platform = null!;
    private StoredFacts _facts = null!;

    private string Url => $"/api/v1/orgs/{_platform.Organization.Slug}/exceptions";

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _platform = await PolicyPlatform.StartAsync(2);
        _facts = new(_platform.Db, _platform.Organization.Id.Value);
    }

    [OneTimeTearDown]
    public async Task StopAsync() => await _platform.DisposeAsync();

    [Test]
    public async Task What_is_granted_is_left_out_until_it_is_revoked()
    {
        var owner = Member();
        var (environment, vulnerability, _) = await BlockedAsync(owner);
        var asked = await RequestAsync(owner, environment, vulnerability);
        var id = Id(asked);
        Assert.Multiple(() =>
        {
            Assert.That(asked.GetProperty("state").GetString(), Is.EqualTo("requested"));
            Assert.That(asked.GetProperty("scope_name").GetString(), Is.EqualTo("science"));
            Assert.That(asked.GetProperty("requested_by").GetGuid(), Is.EqualTo(owner.SubjectId.Value));
            Assert.That(asked.GetProperty("reason").GetString(), Is.EqualTo("needed for the paper"));
        });
        await _facts.UntilDecidedAsync();
        Assert.That(await _facts.StatusAsync(environment), Is.EqualTo("block"), "asking changes nothing");

        var granted = await DoAsync(_platform.Administrator(), id, "grant", new { reason = "until it is published" });
        Assert.Multiple(() =>
        {
            Assert.That(granted.GetProperty("state").GetString(), Is.EqualTo("granted"));
            Assert.That(granted.GetProperty("expires_at").GetDateTimeOffset(), Is.EqualTo(asked.GetProperty("until").GetDateTimeOffset()));
            Assert.That(granted.GetProperty("decided_reason").GetString(), Is.EqualTo("until it is published"));
        });
        await UntilAsync(environment, "ok");
        var revoked = await DoAsync(_platform.Administrator(), id, "revoke", new { reason = "it is published" });
        await UntilAsync(environment, "block");
        var read = await _platform.As(owner).GetFromJsonAsync<JsonElement>($"{Url}/{id}");
        Assert.That(read.ToString(), Is.EqualTo(revoked.ToString()), "what is answered is what is read later");
        Assert.That(read.GetProperty("ended_reason").GetString(), Is.EqualTo("it is published"));

        var events = await AuditedAsync(id, 3);
        Assert.Multiple(() =>
        {
            Assert.That(events.Select(one => one.ActionKey), Is.EqualTo(
                new[] { "exception_requested", "exception_granted", "exception_revoked" }));
            Assert.That(events[0].Meta.GetProperty("before").ValueKind, Is.EqualTo(JsonValueKind.Null));
            Assert.That(events[1].Meta.GetProperty("before").GetProperty("state").GetString(), Is.EqualTo("requested"));
            Assert.That(events[1].Meta.GetProperty("after").GetProperty("decided_reason").GetString(), Is.EqualTo("until it is published"));
            Assert.That(events[2].Meta.GetProperty("before").GetProperty("state").GetString(), Is.EqualTo("granted"));
            Assert.That(events[2].Meta.GetProperty("vulnerability").GetString(), Is.EqualTo(vulnerability));
            Assert.That(
                events[1].Message, Does.StartWith($"An exception for {vulnerability} in the environment science was granted until"));
        });
    }

    [Test]
    public async Task What_is_granted_ends_by_itself_and_exactly_once()
    {
        var owner = Member();
        var cases = new List<(Guid Environment, string Id)>();
        for (var i = 0; i < 3; i++)
        {
            var (environment, vulnerability, _) = await BlockedAsync(owner);
            var id = Id(await RequestAsync(owner, environment, vulnerability));
            await DoAsync(_platform.Administrator(), id, "grant", new { reason = "yes" });
            await UntilAsync(environment, "ok");
            cases.Add((environment, id));
        }

        // That is written, wakes both instances at once.
        await _facts.ExecuteAsync(
            "update exceptions set expires_at = now() where exception_id = any($1)", cases.Select(one => Guid.Parse(one.Id)).ToArray());
        foreach (var (environment, id) in cases)
        {
            await UntilAsync(environment, "block");
            var read = await GetAsync(id);
            Assert.That(read.GetProperty("state").GetString(), Is.EqualTo("expired"));
            Assert.That(read.GetProperty("ended_at").ValueKind, Is.EqualTo(JsonValueKind.String));
            var last = (await AuditedAsync(id, 3))[2];
            Assert.That((last.ActionKey, last.Actor.Type), Is.EqualTo(("exception_expired", "system")));
        }

        Assert.That(
            _platform.Audited.Where(one => one.ActionKey == "exception_expired" && cases.Any(that => that.Id == one.Target.Id))
                .Select(one => one.Target.Id), Is.Unique);
        using var late = await SendAsync(_platform.Administrator(), cases[0].Id, "revoke", new { reason = "late" });
        await AssertProblemAsync(late, 409, "exception_state");
    }

    [Test]
    public async Task A_request_that_nobody_answered_ends_at_the_time_that_it_asked_for()
    {
        var owner = Member();
        var id = Id(await RequestAsync(owner, await EnvironmentAsync(owner), "CVE-2026-77"));
        await _facts.ExecuteAsync("update exceptions set requested_until = now() where exception_id = $1", Guid.Parse(id));
        await Eventually.BecomesTrueAsync(
            async () => (await GetAsync(id)).GetProperty("state").GetString() == "expired", "the request ends");
        var events = await AuditedAsync(id, 2);
        Assert.That(events[1].Message, Does.Contain("nobody answered"));
        using var late = await SendAsync(
            _platform.Administrator(), id, "grant", new { reason = "late", expires_at = Now.AddDays(1) });
        await AssertProblemAsync(late, 409, "exception_state");
    }

    [Test]
    public async Task Of_many_who_decide_at_once_one_wins()
    {
        var owner = Member();
        var id = Id(await RequestAsync(owner, await EnvironmentAsync(owner), "CVE-2026-78"));
        var answers = await Task.WhenAll(Enumerable.Range(0, 12).Select(i => SendAsync(
            _platform.Administrator(i % 2), id, i % 3 == 0 ? "refuse" : "grant", new { reason = $"decision {i}" })));
        Assert.That(answers.Count(answer => answer.StatusCode == HttpStatusCode.OK), Is.EqualTo(1));
        Assert.That(answers.Count(answer => answer.StatusCode == HttpStatusCode.Conflict), Is.EqualTo(11));
        await AssertProblemAsync(answers.First(answer => answer.StatusCode == HttpStatusCode.Conflict), 409, "exception_state");
        Assert.That((await GetAsync(id)).GetProperty("version").GetInt32(), Is.EqualTo(2));
        await AuditedAsync(id, 2);
    }

    [Test]
    public async Task An_exception_lifts_no_status_that_a_person_set()
    {
        var owner = Member();
        var (environment, vulnerability, _) = await BlockedAsync(owner);
        using var blocked = await _platform.Administrator().PutAsJsonAsync(
            $"/api/v1/orgs/{_platform.Organization.Slug}/environments/{environment}/status", new { status = "block", message = "no" });
        var id = Id(await RequestAsync(owner, environment, vulnerability));
        await DoAsync(_platform.Administrator(), id, "grant", new { reason = "yes" });
        await UntilAsync(environment, "ok");
        var status = await _platform.As(owner).GetFromJsonAsync<JsonElement>(
            $"/api/v1/orgs/{_platform.Organization.Slug}/environments/{environment}/status");
        Assert.That(status.GetProperty("status").GetString(), Is.EqualTo("block"));
    }

    [Test]
    public async Task Members_ask_for_their_own_environments_and_whoever_writes_policies_for_anything()
    {
        var (owner, other) = (Member(), Member());
        var manager = TestCaller.Of(_platform.Organization with { Role = Roles.SecurityManager });
        var environment = await EnvironmentAsync(owner);
        var group = await GroupAsync("ops");
        var (of, ofGroup, ofAll) = (
            Body("environment", environment), Body("group", group), Body("organization", _platform.Organization.Slug));
        using var nobody = await PostAsync(null, of);
        Assert.That((int)nobody.StatusCode, Is.EqualTo(401));
        await AssertProblemAsync(await PostAsync(other, of), 404, "not_found");
        await AssertProblemAsync(await PostAsync(owner, ofGroup), 403, "forbidden");
        await AssertProblemAsync(await PostAsync(owner, ofAll), 403, "forbidden");
        await AssertProblemAsync(
            await PostAsync(TestCaller.Of(_platform.Organization with { Role = Roles.Auditor }), of), 403, "forbidden");
        await AssertProblemAsync(await PostAsync(TestCaller.Of(TestCaller.NewOrganization()), of), 404, "not_found");
        await AssertProblemAsync(await PostAsync(owner with { MachineId = Guid.CreateVersion7() }, of), 403, "other_machine");
        await AssertProblemAsync(
            await PostAsync(manager with { Scopes = [Permission.EnvironmentsLog] }, ofAll), 403, "forbidden");
        await AssertProblemAsync(await PostAsync(manager, Body("group", Guid.CreateVersion7())), 404, "not_found");
        // Whether it is there cannot be known while Ingest does not answer.
        await AssertProblemAsync(await PostAsync(owner, Body("environment", Guid.CreateVersion7())), 503, "environment_unanswered");

        foreach (var (body, name) in new[] { (of, "science"), (ofGroup, "ops"), (ofAll, null) })
        {
            using var asked = await PostAsync(manager, body);
            Assert.That((int)asked.StatusCode, Is.EqualTo(201), await asked.Content.ReadAsStringAsync());
            var view = await asked.Content.ReadFromJsonAsync<JsonElement>();
            Assert.That(asked.Headers.Location!.ToString(), Is.EqualTo($"{Url}/{Id(view)}"));
            Assert.That(Text(view, "scope_name"), Is.EqualTo(name));
        }

        var id = Id(await RequestAsync(owner, environment, "CVE-2026-79"));
        foreach (var decision in new[] { "grant", "refuse", "revoke" })
        {
            using var mine = await SendAsync(_platform.As(owner), id, decision, new { reason = "mine" });
            Assert.That((int)mine.StatusCode, Is.EqualTo(403), decision);
            using var foreign = await SendAsync(
                _platform.As(TestCaller.Of(TestCaller.NewOrganization())), id, decision, new { reason = "mine" });
            Assert.That((int)foreign.StatusCode, Is.EqualTo(404), decision);
        }

        Assert.That((await GetAsync(id)).GetProperty("state").GetString(), Is.EqualTo("requested"));
    }

    [Test]
    public async Task Members_see_their_own_and_those_of_their_environments()
    {
        var (owner, other) = (Member(), Member());
        var auditor = TestCaller.Of(_platform.Organization with { Role = Roles.Auditor });
        var environment = await EnvironmentAsync(owner);
        var own = Id(await RequestAsync(owner, environment, "CVE-2026-1"));
        var administrator = TestCaller.Of(_platform.Organization);
        var forOwner = Id(await RequestAsync(administrator, environment, "CVE-2026-2"));
        var elsewhere = Id(await RequestAsync(other, await EnvironmentAsync(other), "CVE-2026-1"));
        Assert.That(await ListAsync(owner), Is.EqualTo(new[] { forOwner, own }));
        Assert.That(await ListAsync(other), Is.EqualTo(new[] { elsewhere }));
        Assert.That(await ListAsync(auditor), Is.SupersetOf(new[] { elsewhere, forOwner, own }));
        Assert.That(await ListAsync(administrator, $"?environment={environment}"), Is.EqualTo(new[] { forOwner, own }));
        Assert.That(
            await ListAsync(administrator, $"?environment={environment}&requested_by={owner.SubjectId}"), Is.EqualTo(new[] { own }));
        using var hidden = await _platform.As(other).GetAsync(new Uri($"{Url}/{own}", UriKind.Relative));
        Assert.That((int)hidden.StatusCode, Is.EqualTo(404));
        using var seen = await _platform.As(owner).GetAsync(new Uri($"{Url}/{forOwner}", UriKind.Relative));
        Assert.That((int)seen.StatusCode, Is.EqualTo(200));

        // Who sees a request that is not its own does not withdraw it; who does not see it finds none.
        await AssertProblemAsync(await SendAsync(_platform.As(owner), forOwner, "withdraw", new { }), 403, "forbidden");
        await AssertProblemAsync(await SendAsync(_platform.As(other), own, "withdraw", new { }), 404, "not_found");
        var withdrawn = await DoAsync(_platform.As(owner), own, "withdraw", new { reason = "updated" });
        Assert.That((Text(withdrawn, "state"), Text(withdrawn, "ended_reason")), Is.EqualTo(("withdrawn", "updated")));
        await AssertProblemAsync(
            await SendAsync(_platform.Administrator(), own, "grant", new { reason = "late" }), 409, "exception_state");
        Assert.That(await ListAsync(owner, "?state=requested"), Is.EqualTo(new[] { forOwner }));
        Assert.That(await ListAsync(owner, "?state=withdrawn,granted"), Is.EqualTo(new[] { own }));
        await AuditedAsync(own, 2);
    }

    [Test]
    public async Task The_list_is_read_page_by_page_in_both_orders()
    {
        var owner = Member();
        var environment = await EnvironmentAsync(owner);
        var ids = new List<string>();
        for (var i = 0; i < 5; i++)
        {
            ids.Add(Id(await RequestAsync(owner, environment, $"CVE-2026-{i}")));
        }

        foreach (var (sort, expected) in new[] { ("requested_at", ids), ("-requested_at", Enumerable.Reverse(ids).ToList()) })
        {
            var read = new List<string>();
            var next = "";
            do
            {
                var page = await _platform.As(owner).GetFromJsonAsync<JsonElement>($"{Url}?limit=2&sort={sort}{next}");
                Assert.That(page.GetProperty("total_count").GetInt64(), Is.EqualTo(5));
                read.AddRange(page.GetProperty("items").EnumerateArray().Select(Id));
                next = Text(page, "next_cursor") is { } cursor ? $"&cursor={cursor}" : null;
            }
            while (next is not null);
            Assert.That(read, Is.EqualTo(expected));
        }

        using var unknown = await _platform.As(owner).GetAsync(new Uri($"{Url}?state=open", UriKind.Relative));
        Assert.That(await unknown.Content.ReadAsStringAsync(), Does.Contain("Must be among requested"));
    }

    [Test]
    public async Task Asking_the_same_again_answers_the_one_that_waits()
    {
        var owner = Member();
        var environment = await EnvironmentAsync(owner);
        var body = Body("environment", environment, package: "openssl <3.0");
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => PostAsync(owner, body, i % 2)));
        Assert.That(answers.Count(answer => answer.StatusCode == HttpStatusCode.Created), Is.EqualTo(1));
        Assert.That(answers.Count(answer => answer.StatusCode == HttpStatusCode.OK), Is.EqualTo(7));
        var ids = await Task.WhenAll(answers.Select(async answer => Id(await answer.Content.ReadFromJsonAsync<JsonElement>())));
        Assert.That(ids.Distinct().Count(), Is.EqualTo(1));
        await AuditedAsync(ids[0], 1);
        using var more = await PostAsync(owner, Body("environment", environment, vulnerability: "CVE-2026-1", package: "openssl <3.0"));
        Assert.That((int)more.StatusCode, Is.EqualTo(201), "another one");
        await DoAsync(_platform.Administrator(), ids[0], "refuse", new { reason = "no" });
        using var again = await PostAsync(owner, body);
        Assert.That((int)again.StatusCode, Is.EqualTo(201), "the first one waits no more");
    }

    [Test]
    public async Task Fifty_requests_of_a_person_wait_and_no_more()
    {
        var owner = Member();
        var environment = await EnvironmentAsync(owner);
        var answers = await Task.WhenAll(Enumerable.Range(0, 55).Select(
            i => PostAsync(owner, Body("environment", environment, vulnerability: $"CVE-2026-{i}"), i % 2)));
        Assert.That(answers.Count(answer => answer.StatusCode == HttpStatusCode.Created), Is.EqualTo(50));
        var refused = answers.First(answer => answer.StatusCode != HttpStatusCode.Created);
        await AssertProblemAsync(refused, 409, "too_many_requested");
        var one = Id(await answers.First(answer => answer.StatusCode == HttpStatusCode.Created).Content.ReadFromJsonAsync<JsonElement>());
        await DoAsync(_platform.As(owner), one, "withdraw", new { });
        using var next = await PostAsync(owner, Body("environment", environment, vulnerability: "CVE-2026-99"));
        Assert.That((int)next.StatusCode, Is.EqualTo(201));
    }

    [Test]
    public async Task A_policy_is_named_by_its_name_or_its_id_and_stored_by_its_id()
    {
        var owner = Member();
        var (environment, _, policy) = await BlockedAsync(owner);
        var name = await _facts.ScalarAsync<string>("select name from policies where policy_id = $1", policy);
        using var named = await PostAsync(owner, Body("environment", environment, policy: name));
        var view = await named.Content.ReadFromJsonAsync<JsonElement>();
        Assert.That((view.GetProperty("policy_id").GetGuid(), Text(view, "policy")), Is.EqualTo((policy, name)));
        using var same = await PostAsync(owner, Body("environment", environment, policy: policy.ToString()));
        Assert.That((int)same.StatusCode, Is.EqualTo(200));
        await DoAsync(_platform.Administrator(), Id(view), "grant", new { reason = "yes" });
        await UntilAsync(environment, "ok");
        await AssertInvalidAsync(await PostAsync(owner, Body("environment", environment, policy: "no-such-policy")), "policy");
    }

    [Test]
    public async Task Exceptions_of_a_group_and_of_the_organization_hold_for_their_environments()
    {
        var (inside, outside) = (Member(), Member());
        var group = await GroupAsync("staff");
        await _facts.ExecuteAsync(
            "insert into subjects values ($1, $2, null, 'Ada', 1)", _platform.Organization.Id.Value, inside.SubjectId.Value);
        await _facts.ExecuteAsync(
            "insert into group_members values ($1, $2, $3)", _platform.Organization.Id.Value, group, inside.SubjectId.Value);
        var (first, vulnerability, _) = await BlockedAsync(inside);
        var second = await EnvironmentAsync(outside, vulnerability);
        await UntilAsync(second, "block");
        var administrator = TestCaller.Of(_platform.Organization);
        using var ofGroup = await PostAsync(administrator, Body("group", group, vulnerability));
        await DoAsync(
            _platform.Administrator(), Id(await ofGroup.Content.ReadFromJsonAsync<JsonElement>()), "grant", new { reason = "yes" });
        await UntilAsync(first, "ok");
        await _facts.UntilDecidedAsync();
        Assert.That(await _facts.StatusAsync(second), Is.EqualTo("block"));
        using var ofAll = await PostAsync(administrator, Body("organization", null, vulnerability.ToLowerInvariant()));
        await DoAsync(
            _platform.Administrator(), Id(await ofAll.Content.ReadFromJsonAsync<JsonElement>()), "grant", new { reason = "yes" });
        await UntilAsync(second, "ok");
    }

    [Test]
    public async Task An_administrator_shortens_and_lengthens_within_the_limit()
    {
        var owner = Member();
        var environment = await EnvironmentAsync(owner);
        foreach (var days in new[] { 1, 179 })
        {
            var id = Id(await RequestAsync(owner, environment, $"CVE-2026-{days}"));
            foreach (var wrong in new[] { Now.AddDays(-1), Now.AddDays(181) })
            {
                await AssertInvalidAsync(
                    await SendAsync(_platform.Administrator(), id, "grant", new { reason = "yes", expires_at = wrong }), "expires_at");
            }

            var granted = await DoAsync(
                _platform.Administrator(), id, "grant", new { reason = "yes", expires_at = Now.AddDays(days) });
            Assert.That(
                granted.GetProperty("expires_at").GetDateTimeOffset(), Is.EqualTo(Now.AddDays(days)).Within(TimeSpan.FromMilliseconds(1)));
            foreach (var decision in new[] { "grant", "refuse", "withdraw" })
            {
                var client = decision == "withdraw" ? _platform.As(owner) : _platform.Administrator();
                await AssertProblemAsync(await SendAsync(client, id, decision, new { reason = "again" }), 409, "exception_state");
            }
        }
    }

    [TestCase("""{"scope_type":"environment","scope_id":"E","reason":"r","until":"U"}""", "vulnerability")]
    [TestCase("""{"scope_type":"environment","scope_id":"E","vulnerability":"not an id","reason":"r","until":"U"}""", "vulnerability")]
    [TestCase("""{"scope_type":"environment","scope_id":"E","vulnerability":"CVE-1\u0000","reason":"r","until":"U"}""", "vulnerability")]
    [TestCase("""{"scope_type":"environment","scope_id":"E","package":"openssl[version=1]","reason":"r","until":"U"}""", "package")]
    [TestCase("""{"scope_type":"environment","scope_id":"E","package":"openssl <<3","reason":"r","until":"U"}""", "package")]
    [TestCase("""{"scope_type":"environment","scope_id":"science","vulnerability":"CVE-1","reason":"r","until":"U"}""", "scope_id")]
    [TestCase("""{"scope_type":"environment","vulnerability":"CVE-1","reason":"r","until":"U"}""", "scope_id")]
    [TestCase("""{"scope_type":"organization","scope_id":"other","vulnerability":"CVE-1","reason":"r","until":"U"}""", "scope_id")]
    [TestCase("""{"scope_type":"machine","scope_id":"E","vulnerability":"CVE-1","reason":"r","until":"U"}""", "scope_type")]
    [TestCase("""{"scope_id":"E","vulnerability":"CVE-1","reason":"r","until":"U"}""", "scope_type")]
    [TestCase("""{"scope_type":"environment","scope_id":"E","vulnerability":"CVE-1","until":"U"}""", "reason")]
    [TestCase("""{"scope_type":"environment","scope_id":"E","vulnerability":"CVE-1","reason":"  ","until":"U"}""", "reason")]
    [TestCase("""{"scope_type":"environment","scope_id":"E","vulnerability":"CVE-1","reason":"a\nb","until":"U"}""", "reason")]
    [TestCase("""{"scope_type":"environment","scope_id":"E","vulnerability":"CVE-1","reason":"r"}""", "until")]
    [TestCase("""{"scope_type":"environment","scope_id":"E","vulnerability":"CVE-1","reason":"r","until":"2020-01-01"}""", "until")]
    [TestCase("""{"scope_type":"environment","scope_id":"E","vulnerability":"CVE-1","reason":"r","until":"9999-01-01"}""", "until")]
    [TestCase("""{"scope_type":"environment","scope_id":"E","vulnerability":"CVE-1","reason":"r","until":"soon"}""", "until")]
    [TestCase("", "body")]
    public async Task Bad_input_is_400_and_names_the_field(string body, string field)
    {
        var environment = await EnvironmentAsync(Member());
        using var content = new StringContent(
            body.Replace("\"E\"", $"\"{environment}\"", StringComparison.Ordinal)
                .Replace("\"U\"", $"\"{Now.AddDays(3):yyyy-MM-dd'T'HH:mm:ss'Z'}\"", StringComparison.Ordinal),
            Encoding.UTF8, "application/json");
        await AssertInvalidAsync(await _platform.Administrator().PostAsync(new Uri(Url, UriKind.Relative), content), field);
    }

    [Test]
    public async Task A_reason_has_at_most_1000_characters()
    {
        var owner = Member();
        var environment = await EnvironmentAsync(owner);
        using var fits = await PostAsync(owner, Body("environment", environment, reason: new string('ü', 1_000)));
        Assert.That((int)fits.StatusCode, Is.EqualTo(201));
        await AssertInvalidAsync(await PostAsync(owner, Body("environment", environment, reason: new string('x', 1_001))), "reason");
        var id = Id(await fits.Content.ReadFromJsonAsync<JsonElement>());
        foreach (var decision in new[] { "grant", "refuse", "revoke" })
        {
            await AssertInvalidAsync(await SendAsync(_platform.Administrator(), id, decision, new { }), "reason");
            await AssertInvalidAsync(await SendAsync(_platform.Administrator(), id, decision, new { reason = "a\u0007" }), "reason");
        }
    }

    [Test]
    public async Task Exceptions_go_with_an_environment_that_is_merged_into_another()
    {
        var owner = Member();
        var (environment, vulnerability, _) = await BlockedAsync(owner);
        var into = await EnvironmentAsync(owner, vulnerability);
        await UntilAsync(into, "block");
        var id = Id(await RequestAsync(owner, environment, vulnerability));
        await DoAsync(_platform.Administrator(), id, "grant", new { reason = "yes" });
        await UntilAsync(environment, "ok");
        Assert.That(await _facts.StatusAsync(into), Is.EqualTo("block"));
        await _platform.PublishAsync(
            new EnvironmentMerged(_platform.Organization.Id, new EnvironmentId(environment), new EnvironmentId(into), Now));
        await UntilAsync(into, "ok");
        Assert.That((await GetAsync(id)).GetProperty("scope_id").GetGuid(), Is.EqualTo(into));
    }

    [Test]
    public async Task Exceptions_of_an_erased_organization_are_erased()
    {
        var other = TestCaller.Of(TestCaller.NewOrganization());
        var kept = Id(await RequestAsync(Member(), null, "CVE-2026-1", TestCaller.Of(_platform.Organization)));
        using var asked = await _platform.As(other).PostAsJsonAsync(
            $"/api/v1/orgs/{other.Memberships[0].Slug}/exceptions", Body("organization", null, "CVE-2026-1"));
        Assert.That((int)asked.StatusCode, Is.EqualTo(201));
        await _platform.PublishAsync(new OrganizationErased(other.Memberships[0].Id, Now));
        await Eventually.BecomesTrueAsync(
            async () => await _facts.ScalarAsync<long>(
                "select count(*) from exceptions where org_id = $1", other.Memberships[0].Id.Value) == 0, "they are erased");
        Assert.That((await GetAsync(kept)).GetProperty("state").GetString(), Is.EqualTo("requested"));
    }

    private static string Id(JsonElement view) => view.GetProperty("id").GetString()!;

    private static string? Text(JsonElement view, string member) =>
        view.TryGetProperty(member, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static Dictionary<string, object> Body(
        string type, object? scope, string? vulnerability = null, string? package = null, string? policy = null, string reason = "r")
    {
        var body = new Dictionary<string, object>
        {
            ["scope_type"] = type,
            ["reason"] = reason,
            ["until"] = Now.AddDays(30),
        };
        foreach (var (name, value) in new (string, object?)[]
        {
            ("scope_id", scope), ("package", package), ("policy", policy),
            ("vulnerability", vulnerability ?? (package is null && policy is null ? "CVE-2026-1000" : null)),
        })
        {
            if (value is not null)
            {
                body[name] = value;
            }
        }

        return body;
    }

    private static async Task AssertProblemAsync(HttpResponseMessage response, int status, string code)
    {
        var text = await response.Content.ReadAsStringAsync();
        Assert.That((int)response.StatusCode, Is.EqualTo(status), text);
        Assert.That(JsonDocument.Parse(text).RootElement.GetProperty("code").GetString(), Is.EqualTo(code), text);
        response.Dispose();
    }

    private static async Task AssertInvalidAsync(HttpResponseMessage response, string field)
    {
        var text = await response.Content.ReadAsStringAsync();
        Assert.That((int)response.StatusCode, Is.EqualTo(400), text);
        Assert.That(JsonDocument.Parse(text).RootElement.GetProperty("errors").TryGetProperty(field, out _), Is.True, text);
        response.Dispose();
    }

    private TestCaller Member() => TestCaller.Of(_platform.Organization with { Role = Roles.Member });

    /// <summary>An environment that a policy blocks for a vulnerability of its own.</summary>
    private async Task<(Guid Environment, string Vulnerability, Guid Policy)> BlockedAsync(TestCaller owner)
    {
        var vulnerability = $"CVE-2025-{Interlocked.Increment(ref _vulnerabilities)}";
        var environment = await EnvironmentAsync(owner, vulnerability);
        var policy = await _facts.PolicyAsync($"no-{vulnerability.ToLowerInvariant()}", $"vulnerability: {vulnerability}");
        await UntilAsync(environment, "block");
        return (environment, vulnerability, policy);
    }

    private async Task<Guid> EnvironmentAsync(TestCaller owner, string? vulnerability = null)
    {
        long? set = null;
        if (vulnerability is not null)
        {
            var package = await _facts.PackageAsync();
            await _facts.FindAsync(package, vulnerability, Now.AddDays(-1));
            set = await _facts.SetAsync(package);
        }

        return await _facts.EnvironmentAsync(set, Now.AddDays(-1), owner.SubjectId.Value);
    }

    private async Task<Guid> GroupAsync(string name)
    {
        var id = Guid.CreateVersion7();
        await _facts.ExecuteAsync("insert into groups values ($1, $2, $3, 1)", _platform.Organization.Id.Value, id, name);
        return id;
    }

    private Task<HttpResponseMessage> PostAsync(TestCaller? caller, object body, int instance = 0) =>
        _platform.As(caller, instance).PostAsJsonAsync(Url, body);

    private async Task<JsonElement> RequestAsync(TestCaller owner, Guid? environment, string vulnerability, TestCaller? caller = null)
    {
        using var response = await PostAsync(
            caller ?? owner,
            Body(environment is null ? "organization" : "environment", environment, vulnerability, reason: "needed for the paper"));
        Assert.That((int)response.StatusCode, Is.EqualTo(201), await response.Content.ReadAsStringAsync());
        return await response.Content.ReadFromJsonAsync<JsonElement>();
    }

    private Task<HttpResponseMessage> SendAsync(HttpClient client, string id, string decision, object body) =>
        client.PostAsJsonAsync($"{Url}/{id}/{decision}", body);

    private async Task<JsonElement> DoAsync(HttpClient client, string id, string decision, object body)
    {
        using var response = await SendAsync(client, id, decision, body);
        Assert.That((int)response.StatusCode, Is.EqualTo(200), await response.Content.ReadAsStringAsync());
        return await response.Content.ReadFromJsonAsync<JsonElement>();
    }

    private Task<JsonElement> GetAsync(string id) => _platform.Administrator().GetFromJsonAsync<JsonElement>($"{Url}/{id}");

    private async Task<string[]> ListAsync(TestCaller caller, string query = "") =>
    [
        .. (await _platform.As(caller).GetFromJsonAsync<JsonElement>(Url + query)).GetProperty("items").EnumerateArray().Select(Id),
    ];

    private Task UntilAsync(Guid environment, string status) => Eventually.BecomesTrueAsync(
        async () => await _facts.StatusAsync(environment) == status, $"environment {environment} becomes {status}");

    /// <summary>What the audit log says of an exception, in the order in which it was done: so many events, and no more.</summary>
    private async Task<AuditEventOccurred[]> AuditedAsync(string id, int count)
    {
        AuditEventOccurred[] Of() =>
            [.. _platform.Audited.Where(one => one.Target.Id == id).DistinctBy(one => one.EventId).OrderBy(one => one.OccurredAt)];
        await Eventually.BecomesTrueAsync(() => Task.FromResult(Of().Length >= count), $"{count} events of exception {id}");
        Assert.That(Of(), Has.Length.EqualTo(count));
        return Of();
    }
}
