using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

using EnvPlatform.Contracts;
using EnvPlatform.Contracts.Events;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.Testing;

namespace EnvPlatform.Policy.Tests;

public sealed class SetStatusTests
{
    private PolicyPlatform _platform = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _platform = await PolicyPlatform.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await _platform.DisposeAsync();

    [Test]
    public async Task Blocking_stores_publishes_and_audits_and_a_member_is_told_at_activation()
    {
        var environment = await _platform.LogAsync();
        Assert.That(await _platform.StatusAsync(environment), Is.EqualTo("ok"), "a new environment may be used");

        using var response = await _platform.SetAsync(environment, new { status = "block", message = "Update openssl first." });
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        var answer = await _platform.CheckAsync(environment);
        Assert.Multiple(() =>
        {
            Assert.That(answer.GetProperty("status").GetString(), Is.EqualTo("block"));
            Assert.That(answer.GetProperty("message").GetString(), Is.EqualTo("Update openssl first."));
            Assert.That(answer.GetProperty("environment_id").GetGuid(), Is.EqualTo(environment.EnvironmentId.Value));
            Assert.That(answer.GetProperty("reasons")[0].GetProperty("kind").GetString(), Is.EqualTo("manual"));
        });
        var changed = await Eventually.GetAsync(
            () => Task.FromResult(_platform.Changed.FirstOrDefault(c => c.EnvironmentId == environment.EnvironmentId)),
            "the change is published");
        Assert.That((changed.Status, changed.Message, changed.Version), Is.EqualTo((EnvironmentStatus.Block, "Update openssl first.", 1L)));
        var audited = await AuditedAsync(environment, "environment_status_changed");
        Assert.Multiple(() =>
        {
            Assert.That(audited.Meta.GetProperty("before").GetProperty("status").GetString(), Is.EqualTo("ok"));
            Assert.That(audited.Meta.GetProperty("after").GetProperty("status").GetString(), Is.EqualTo("block"));
            Assert.That(audited.Meta.GetProperty("after").GetProperty("message").GetString(), Is.EqualTo("Update openssl first."));
        });
    }

    [Test]
    public async Task Setting_the_same_again_changes_nothing_and_says_nothing()
    {
        var environment = await _platform.LogAsync();
        for (var i = 0; i < 3; i++)
        {
            using var response = await _platform.SetAsync(environment, new { status = "warn", message = "Soon." });
            Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        }

        using var last = await _platform.SetAsync(environment, new { status = "ok" });
        await Eventually.BecomesTrueAsync(
            () => Task.FromResult(
                _platform.Changed.Any(c => c.EnvironmentId == environment.EnvironmentId && c.Status == EnvironmentStatus.Ok)),
            "the last change is published");
        Assert.That(_platform.Changed.Where(c => c.EnvironmentId == environment.EnvironmentId).Select(c => c.Version).Order(),
            Is.EqualTo(new[] { 1L, 2L }));
        Assert.That(await _platform.ScalarAsync<long>(
            "select version from environment_status where environment_id = $1", environment.EnvironmentId.Value), Is.EqualTo(2));
    }

    [Test]
    public async Task Concurrent_changes_are_numbered_without_a_gap()
    {
        var environment = await _platform.LogAsync();
        await Task.WhenAll(
            Enumerable.Range(0, 20).Select(i => _platform.SetAsync(environment, new { status = "warn", message = $"Warning {i}" })));
        Assert.That(await _platform.ScalarAsync<long>(
            "select version from environment_status where environment_id = $1", environment.EnvironmentId.Value), Is.EqualTo(20));
    }

    [TestCase("warn")]
    [TestCase("block")]
    public async Task A_message_that_is_left_out_is_a_sentence_of_the_platform(string status)
    {
        var environment = await _platform.LogAsync();
        using var response = await _platform.SetAsync(environment, new { status });
        var view = await response.Content.ReadFromJsonAsync<JsonElement>();
        Assert.That(view.GetProperty("message").GetString(), Does.Contain("administrator"));
    }

    [TestCase("""{"status":"blocked"}""", "status")]
    [TestCase("""{"status":1}""", "status")]
    [TestCase("""{"status":null}""", "status")]
    [TestCase("""{"message":"x"}""", "status")]
    [TestCase("""{"status":"warn","message":7}""", "message")]
    [TestCase("""{"status":"warn","message":"a\u0000b"}""", "message")]
    [TestCase("""{"status":"warn","message":"\ud800"}""", "message")]
    [TestCase("""not json""", "body")]
    [TestCase("", "body")]
    public async Task Bad_input_is_400_and_names_the_field(string body, string field)
    {
        var environment = await _platform.LogAsync();
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var response = await _platform.Administrator().PutAsync(
            new Uri($"/api/v1/orgs/{_platform.Organization.Slug}/environments/{environment.EnvironmentId}/status", UriKind.Relative),
            content);
        await AssertInvalidAsync(response, field);
    }

    [Test]
    public async Task A_message_may_have_2000_characters_and_no_more()
    {
        var environment = await _platform.LogAsync();
        using var fits = await _platform.SetAsync(environment, new { status = "warn", message = new string('ü', 2_000) });
        Assert.That(fits.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        using var tooLong = await _platform.SetAsync(environment, new { status = "warn", message = new string('x', 2_001) });
        await AssertInvalidAsync(tooLong, "message");
    }

    [Test]
    public async Task Only_an_administrator_of_the_organization_may()
    {
        var environment = await _platform.LogAsync();
        var other = TestCaller.NewOrganization();
        var url = new Uri($"/api/v1/orgs/{_platform.Organization.Slug}/environments/{environment.EnvironmentId}/status", UriKind.Relative);
        var foreignUrl = new Uri($"/api/v1/orgs/{other.Slug}/environments/{environment.EnvironmentId}/status", UriKind.Relative);
        async Task<int> PutAsync(TestCaller? caller, Uri to) =>
            (int)(await _platform.As(caller).PutAsJsonAsync(to, new { status = "block" })).StatusCode;

        Assert.That(await PutAsync(null, url), Is.EqualTo(401));
        Assert.That(await PutAsync(TestCaller.Of(_platform.Organization with { Role = Roles.Member }), url), Is.EqualTo(403));
        Assert.That(await PutAsync(TestCaller.Of(_platform.Organization with { Role = Roles.Auditor }), url), Is.EqualTo(403));
        Assert.That(await PutAsync(TestCaller.Of(other), url), Is.EqualTo(404));
        // In its own organization an administrator finds nothing under the id of another's environment; Ingest is not available here.
        Assert.That(await PutAsync(TestCaller.Of(other), foreignUrl), Is.EqualTo(503));
        Assert.That(await _platform.StatusAsync(environment), Is.EqualTo("ok"));
    }

    [Test]
    public async Task The_owner_and_administrators_see_the_status_and_other_members_do_not()
    {
        var owner = TestCaller.Of(_platform.Organization with { Role = Roles.Member });
        var environment = await _platform.LogAsync(_platform.NewEnvironment(owner: owner.SubjectId));
        var url = new Uri($"/api/v1/orgs/{_platform.Organization.Slug}/environments/{environment.EnvironmentId}/status", UriKind.Relative);
        using var own = await _platform.As(owner).GetAsync(url);
        using var all = await _platform.Administrator().GetAsync(url);
        using var others = await _platform.Member().GetAsync(url);
        Assert.That((own.StatusCode, all.StatusCode, others.StatusCode),
            Is.EqualTo((HttpStatusCode.OK, HttpStatusCode.OK, HttpStatusCode.NotFound)));
    }

    [Test]
    public async Task A_removed_environment_has_no_status()
    {
        var environment = await _platform.LogAsync();
        await _platform.PublishAsync(
            new EnvironmentRemoved(environment.OrganizationId, environment.EnvironmentId, 2, DateTimeOffset.UtcNow));
        await _platform.UntilVersionAsync(environment.EnvironmentId, 2);
        using var response = await _platform.SetAsync(environment, new { status = "block" });
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
    }

    [Test]
    public async Task An_id_that_is_no_uuid_is_400()
    {
        using var response = await _platform.Administrator()
            .PutAsJsonAsync($"/api/v1/orgs/{_platform.Organization.Slug}/environments/x/status", new { status = "ok" });
        await AssertInvalidAsync(response, "id");
    }

    private Task<AuditEventOccurred> AuditedAsync(EnvironmentLogged environment, string action) => Eventually.GetAsync(
        () => Task.FromResult(
            _platform.Audited.FirstOrDefault(a => a.ActionKey == action && a.Target.Id == environment.EnvironmentId.ToString())),
        $"{action} is published");

    private static async Task AssertInvalidAsync(HttpResponseMessage response, string field)
    {
        var problem = await response.Content.ReadAsStringAsync();
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest), problem);
        using var json = JsonDocument.Parse(problem);
        Assert.That(json.RootElement.GetProperty("errors").EnumerateObject().Select(error => error.Name), Does.Contain(field), problem);
    }
}
