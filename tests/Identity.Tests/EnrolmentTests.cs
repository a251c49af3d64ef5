using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;

namespace EnvPlatform.Identity.Tests;

/// <summary>Unattended machines register by a key, and machines change owners.</summary>
[TestFixture]
public sealed class EnrolmentTests
{
    private IdentityHost _host = null!;
    private HttpClient _nobody = null!;
    private HttpClient _operator = null!;
    private string _org = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _host = await IdentityHost.StartAsync();
        _org = await _host.CreateOrganizationAsync();
        (_nobody, _operator) = (_host.Service.AsForwarded(), await _host.AsOperatorAsync());
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        _operator.Dispose();
        _nobody.Dispose();
        await _host.DisposeAsync();
    }

    [Test]
    public async Task A_machine_enrols_for_a_token_that_is_bound_to_it_and_good_for_logging_only()
    {
        var owner = await CreateAccountAsync();
        var key = await CreateKeyAsync(owner, uses: 2);
        var machine = Guid.CreateVersion7();
        using var response = await EnrolAsync((string)key["key"]!, machine);
        var answer = await response.JsonAsync();
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK), answer.ToJsonString());
        Assert.Multiple(() =>
        {
            Assert.That((string?)answer["organization"], Is.EqualTo(_org));
            Assert.That((string?)answer["owner_id"], Is.EqualTo(owner));
            Assert.That((DateTimeOffset)answer["expires_at"]!,
                Is.EqualTo(TimeProvider.System.GetUtcNow().AddDays(365)).Within(TimeSpan.FromMinutes(10)));
            Assert.That(response.Headers.CacheControl?.NoStore, Is.True);
        });
        var reply = await _host.IntrospectAsync((string)answer["token"]!);
        Assert.Multiple(() =>
        {
            Assert.That(reply.Scopes.Names, Is.EqualTo(new[] { "environments:log" }));
            Assert.That(reply.MachineId, Is.EqualTo($"{machine}"));
            Assert.That(reply.SubjectId, Is.EqualTo(owner));
        });
        using var bound = await _host.AsBearerOfAsync((string)answer["token"]!);
        using var itself = await RegisterAsync(bound, machine, "renamed");
        using var another = await RegisterAsync(bound, Guid.CreateVersion7(), "other");
        Assert.That(itself.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That((string?)(await another.JsonAsync())["code"], Is.EqualTo("other_machine"));
        using var list = await bound.GetAsync(new Uri($"/api/v1/orgs/{_org}/machines", UriKind.Relative));
        Assert.That(list.StatusCode, Is.EqualTo(HttpStatusCode.Forbidden), "It reads nothing.");
        Assert.That(
            (await _host.AuditAsync("enrolment_key_used")).Single(e => (string?)e["meta"]!["machine_id"] == $"{machine}")["target"]!["id"]!
                .GetValue<string>(), Is.EqualTo((string?)key["id"]));
        Assert.That((await _host.AuditAsync("machine_registered")).Count(e => (string?)e["target"]!["id"] == $"{machine}"), Is.EqualTo(2));

        // A machine that enrols again gets another token in place of its last one.
        using var again = await EnrolAsync((string)key["key"]!, machine);
        Assert.That(again.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That((await _host.IntrospectAsync((string)answer["token"]!)).Active, Is.False);
        using var third = await EnrolAsync((string)key["key"]!, Guid.CreateVersion7());
        Assert.That(third.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized), "It was good for two.");
        var listed = (await ListAsync()).Single(item => (string?)item!["id"] == (string?)key["id"])!;
        Assert.That(((int)listed["uses"]!, (string?)listed["state"]), Is.EqualTo((2, "used_up")));
        Assert.That(listed.ToJsonString(), Does.Not.Contain((string)key["key"]!));
    }

    [Test]
    public async Task A_key_is_good_for_as_many_machines_as_it_says_however_many_come_at_once()
    {
        var key = await CreateKeyAsync(await CreateAccountAsync(), uses: 3);
        var answers = await Task.WhenAll(
            Enumerable.Range(0, 10).Select(_ => EnrolAsync((string)key["key"]!, Guid.CreateVersion7())));
        Assert.That(answers.Count(answer => answer.StatusCode == HttpStatusCode.OK), Is.EqualTo(3));
        Assert.That((await _host.AuditAsync("enrolment_key_used")).Count(e => (string?)e["target"]!["id"] == (string?)key["id"]),
            Is.EqualTo(3));
    }

    [Test]
    public async Task A_machine_of_another_owner_is_not_enrolled_and_costs_no_use()
    {
        var machine = Guid.CreateVersion7();
        using var registered = await RegisterAsync(_operator, machine, "taken");
        var key = await CreateKeyAsync(await CreateAccountAsync(), uses: 1);
        using var response = await EnrolAsync((string)key["key"]!, machine);
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.Conflict));
        Assert.That((string?)(await response.JsonAsync())["code"], Is.EqualTo("machine_taken"));
        Assert.That((int)(await ListAsync()).Single(item => (string?)item!["id"] == (string?)key["id"])!["uses"]!, Is.Zero);
    }

    [Test]
    public async Task A_key_that_is_revoked_expired_for_another_platform_or_of_an_owner_who_may_not_is_refused_alike()
    {
        var owner = await CreateAccountAsync();
        var (revoked, expired) = (await CreateKeyAsync(owner), await CreateKeyAsync(owner));
        var other = await CreateKeyAsync(owner, "osx-arm64");
        using var ended = await _operator.DeleteAsync(new Uri($"/api/v1/orgs/{_org}/enrolment-keys/{revoked["id"]}", UriKind.Relative));
        Assert.That(ended.StatusCode, Is.EqualTo(HttpStatusCode.NoContent));
        await _host.ExecuteAsync($"update enrolment_keys set expires_at = now() - interval '1 second' where id = '{expired["id"]}'");
        var demoted = await CreateAccountAsync();
        var useless = await CreateKeyAsync(demoted);
        await _operator.PatchAsJsonAsync($"/api/v1/orgs/{_org}/service-accounts/{demoted}", new { role = "auditor" });
        var answers = new List<string>();
        foreach (var key in new[] { revoked, expired, other, useless, new JsonObject { ["key"] = "enve_nonsense" } })
        {
            using var response = await EnrolAsync((string)key["key"]!, Guid.CreateVersion7());
            Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
            var answer = await response.JsonAsync();
            answer.Remove("trace_id");
            answers.Add(answer.ToJsonString());
        }

        Assert.That(answers.Distinct(), Has.Exactly(1).Items);
        Assert.That(
            (await _host.AuditAsync("authentication_failure")).Select(e => (string?)e["meta"]!["reason"]),
            Is.SupersetOf(new[]
            {
                "revoked_enrolment_key", "expired_enrolment_key", "other_platform", "owner_may_not_log", "unknown_enrolment_key",
            }));
    }

    [TestCase("""{"expires_at": "2099-01-01T00:00:00Z"}""", "expires_at")]
    [TestCase("""{"expires_at": "2020-01-01T00:00:00Z"}""", "expires_at")]
    [TestCase("""{"expires_at": null}""", "expires_at")]
    [TestCase("""{"max_uses": 0}""", "max_uses")]
    [TestCase("""{"max_uses": null}""", "max_uses")]
    [TestCase("""{"owner": "01980000-0000-7000-8000-000000000000"}""", "owner")]
    [TestCase("""{"platform": "Linux 64"}""", "platform")]
    public async Task A_key_ends_within_a_week_and_is_good_for_so_many(string change, string field)
    {
        var body = KeyBody(await CreateAccountAsync());
        foreach (var (name, value) in JsonNode.Parse(change)!.AsObject())
        {
            body[name] = value?.DeepClone();
        }

        using var response = await _operator.PostAsJsonAsync($"/api/v1/orgs/{_org}/enrolment-keys", body);
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
        Assert.That((await response.JsonAsync())["errors"]!.AsObject().Select(e => e.Key), Is.EqualTo(new[] { field }));
    }

    [Test]
    public async Task A_transferred_machine_is_the_new_owners_and_its_bound_tokens_are_void()
    {
        var (from, to) = (await CreateAccountAsync(), await CreateAccountAsync());
        var key = await CreateKeyAsync(from);
        var machine = Guid.CreateVersion7();
        using var enrolled = await EnrolAsync((string)key["key"]!, machine);
        var token = (string)(await enrolled.JsonAsync())["token"]!;
        using var member = await _host.AsNewMemberAsync(_org);
        var path = $"/api/v1/orgs/{_org}/machines/{machine}/transfer";
        Assert.That((await member.PostAsJsonAsync(path, new { owner = to })).StatusCode, Is.EqualTo(HttpStatusCode.Forbidden));
        using var nobody = await _operator.PostAsJsonAsync(path, new { owner = Guid.CreateVersion7() });
        Assert.That((await nobody.JsonAsync())["errors"]!["owner"], Is.Not.Null);
        using var moved = await _operator.PostAsJsonAsync(path, new { owner = to });
        Assert.That((string?)(await moved.JsonAsync())["owner_id"], Is.EqualTo(to));
        Assert.That((await _host.IntrospectAsync(token)).Active, Is.False);
        var registered = (await _host.OutboxAsync("MachineRegistered")).FindAll(message => (string?)message["machine_id"] == $"{machine}");
        Assert.That(registered.Select(message => (string?)message["owner"]), Is.EqualTo(new[] { from, to }));
        Assert.That(
            (DateTimeOffset)registered[1]["registered_at"]!, Is.GreaterThan((DateTimeOffset)registered[0]["registered_at"]!));
        var transferred = (await _host.OutboxAsync("MachineTransferred")).Single(message => (string?)message["machine_id"] == $"{machine}");
        Assert.That(
            ((string?)transferred["owner"], (string?)transferred["owner_email"], (DateTimeOffset)transferred["transferred_at"]!),
            Is.EqualTo((to, (string?)null, (DateTimeOffset)registered[1]["registered_at"]!)));
        using var again = await _operator.PostAsJsonAsync(path, new { owner = to });
        Assert.That(again.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        var events = (await _host.AuditAsync("machine_transferred")).Where(e => (string?)e["target"]!["id"] == $"{machine}").ToArray();
        Assert.That(events, Has.Length.EqualTo(1));
        Assert.That((string?)events[0]["meta"]!["before"]!["owner_id"], Is.EqualTo(from));
        Assert.That(
            (await _host.OutboxAsync("MachineTransferred")).Count(message => (string?)message["machine_id"] == $"{machine}"),
            Is.EqualTo(1), "giving it again to whom it is tells nobody");
        using var absent = await _operator.PostAsJsonAsync(
            $"/api/v1/orgs/{_org}/machines/{Guid.CreateVersion7()}/transfer", new { owner = to });
        Assert.That(absent.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
    }

    [Test]
    public async Task A_reported_key_enrols_nobody()
    {
        var key = await CreateKeyAsync(await CreateAccountAsync());
        using var reported = await _nobody.PostAsJsonAsync("/api/v1/token-reports", new { tokens = new[] { (string)key["key"]! } });
        using var response = await EnrolAsync((string)key["key"]!, Guid.CreateVersion7());
        Assert.That((reported.StatusCode, response.StatusCode), Is.EqualTo((HttpStatusCode.Accepted, HttpStatusCode.Unauthorized)));
        Assert.That((await _host.AuditAsync("enrolment_key_revoked")).Count(e => (string?)e["target"]!["id"] == (string?)key["id"]),
            Is.EqualTo(1));
    }

    private static JsonObject KeyBody(string owner) => new()
    {
        ["name"] = "rollout",
        ["owner"] = owner,
        ["expires_at"] = TimeProvider.System.GetUtcNow().AddDays(6),
        ["max_uses"] = 5,
    };

    private async Task<string> CreateAccountAsync()
    {
        using var response = await _operator.PostAsJsonAsync(
            $"/api/v1/orgs/{_org}/service-accounts", new { name = $"fleet-{Guid.CreateVersion7():N}", role = "member" });
        return (string)(await response.JsonAsync())["client_id"]!;
    }

    private async Task<JsonObject> CreateKeyAsync(string owner, string? platform = null, int uses = 5)
    {
        var body = KeyBody(owner);
        (body["platform"], body["max_uses"]) = (platform, uses);
        using var response = await _operator.PostAsJsonAsync($"/api/v1/orgs/{_org}/enrolment-keys", body);
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.Created), await response.Content.ReadAsStringAsync());
        return await response.JsonAsync();
    }

    private Task<HttpResponseMessage> EnrolAsync(string key, Guid machine) => _nobody.PostAsJsonAsync(
        "/api/v1/enrol", new { key, machine_id = machine, hostname = "farm-1", platform = "linux-64", agent_version = "0.1.0" });

    private Task<HttpResponseMessage> RegisterAsync(HttpClient client, Guid machine, string hostname) => client.PutAsJsonAsync(
        $"/api/v1/orgs/{_org}/machines/{machine}", new { hostname, platform = "linux-64", agent_version = "0.1.0" });

    private async Task<JsonArray> ListAsync()
    {
        using var response = await _operator.GetAsync(new Uri($"/api/v1/orgs/{_org}/enrolment-keys", UriKind.Relative));
        return (await response.JsonAsync())["items"]!.AsArray();
    }
}
