using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;

namespace EnvPlatform.Identity.Tests;

/// <summary>What an organization decides for everybody in it.</summary>
[TestFixture]
public sealed class SettingsTests
{
    private IdentityHost _host = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _host = await IdentityHost.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await _host.DisposeAsync();

    [Test]
    public async Task The_first_organization_manages_environments_and_a_later_one_does_when_it_says_so()
    {
        var slug = await _host.CreateOrganizationAsync();
        using var client = await _host.AsOperatorAsync();
        var first = await ReadAsync(client, "/api/v1/orgs/default");
        var later = await ReadAsync(client, $"/api/v1/orgs/{slug}");
        Assert.That((bool)first["environments_enabled"]!, Is.True);
        Assert.That((bool)later["environments_enabled"]!, Is.False);

        var changed = await ChangeAsync(client, slug, 1, new { environments_enabled = true });
        Assert.That((bool)changed["settings"]!["environments_enabled"]!, Is.True);
        var reply = await _host.IntrospectAsync((string)_host.Bootstrap["token"]!, slug);
        Assert.That(reply.Memberships.Single().EnvironmentsEnabled, Is.True, "services learn it with the caller");
    }

    [Test]
    public async Task Ingest_hears_for_how_long_archived_environments_are_kept()
    {
        var slug = await _host.CreateOrganizationAsync();
        using var client = await _host.AsOperatorAsync();
        var told = (await _host.OutboxAsync("ArchiveRetentionChanged")).Count;
        var changed = await ChangeAsync(client, slug, 1, new { retention_days_archived = 30 });
        Assert.That((int)changed["settings"]!["retention_days_archived"]!, Is.EqualTo(30));
        await ChangeAsync(client, slug, 2, new { token_max_days = 20 });
        var never = await ChangeAsync(client, slug, 3, new { retention_days_archived = 0 });
        Assert.That(never["settings"]!["retention_days_archived"], Is.Null);
        Assert.That(
            (await _host.OutboxAsync("ArchiveRetentionChanged")).Skip(told).Select(one => ((int?)one["days"], (long)one["version"]!)),
            Is.EqualTo(new[] { ((int?)30, 2L), (null, 4L) }));
    }

    [TestCase("Europe/Berlin", true)]
    [TestCase("UTC", true)]
    [TestCase("America/Argentina/Buenos_Aires", true)]
    [TestCase("europe/berlin", false)]
    [TestCase("W. Europe Standard Time", false)]
    [TestCase("localtime", false)]
    [TestCase("../../etc/passwd", false)]
    [TestCase("Mars/Olympus", false)]
    public async Task A_time_zone_is_a_name_of_the_IANA_database(string zone, bool known)
    {
        var slug = await _host.CreateOrganizationAsync();
        using var client = await _host.AsOperatorAsync();
        Assert.That((string?)(await ReadAsync(client, $"/api/v1/orgs/{slug}/settings"))["time_zone"], Is.EqualTo("UTC"));
        using var answer = await SendAsync(client, slug, 1, new { time_zone = zone });
        Assert.That(answer.StatusCode, Is.EqualTo(known ? HttpStatusCode.OK : HttpStatusCode.BadRequest));
        if (known)
        {
            Assert.That((string?)(await ReadAsync(client, $"/api/v1/orgs/{slug}/settings"))["time_zone"], Is.EqualTo(zone));
        }
    }

    [Test]
    public async Task A_change_says_which_version_it_is_meant_for_and_is_written_down_with_what_differs()
    {
        var slug = await _host.CreateOrganizationAsync();
        using var client = await _host.AsOperatorAsync();
        using var blind = await client.PatchAsJsonAsync($"/api/v1/orgs/{slug}/settings", new { token_max_days = 30 });
        Assert.That((int)blind.StatusCode, Is.EqualTo(428));

        var changed = await ChangeAsync(client, slug, 1, new { token_max_days = 30, allowed_email_domains = new[] { "Example.ORG" } });
        Assert.That((int)changed["settings"]!["version"]!, Is.EqualTo(2));
        var same = await ChangeAsync(client, slug, 2, new { token_max_days = 30 });
        Assert.That((int)same["settings"]!["version"]!, Is.EqualTo(2));
        using var stale = await SendAsync(client, slug, 1, new { token_max_days = 31 });
        Assert.That((int)stale.StatusCode, Is.EqualTo(412));
        Assert.That((string?)(await stale.JsonAsync())["code"], Is.EqualTo("stale_version"));

        var said = (await _host.AuditAsync("organization_updated")).Where(one => (string?)one["organization_name"] == slug).ToList();
        Assert.That(said, Has.Count.EqualTo(1), "what changed nothing is no event");
        Assert.That(
            said[0]["meta"]!.ToJsonString(), Is.EqualTo(
                """
                {"before":{"token_max_days":365,"allowed_email_domains":[]},
                """.TrimEnd() + """
                "after":{"token_max_days":30,"allowed_email_domains":["example.org"]},"changed":["token_max_days","allowed_email_domains"]}
                """.Trim()));
    }

    [Test]
    public async Task The_ETag_is_the_version_and_the_name_is_kept_as_people_read_it()
    {
        var slug = await _host.CreateOrganizationAsync();
        using var client = await _host.AsOperatorAsync();
        using var settings = await client.GetAsync(new Uri($"/api/v1/orgs/{slug}/settings", UriKind.Relative));
        Assert.That(settings.Headers.ETag!.Tag, Is.EqualTo("\"1\""));

        // e and a combining acute accent.
        using var renamed = await client.PatchAsJsonAsync($"/api/v1/orgs/{slug}", new { name = "  Cafe\u0301 " });
        Assert.That((string?)(await renamed.JsonAsync())["name"], Is.EqualTo("Caf\u00e9"));
        using var empty = await client.PatchAsJsonAsync($"/api/v1/orgs/{slug}", new { name = "  " });
        Assert.That(empty.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
    }

    [TestCase("""{"token_max_days":0}""", "token_max_days")]
    [TestCase("""{"agent_fail_mode":"shut"}""", "agent_fail_mode")]
    [TestCase("""{"allowed_email_domains":["not a domain"]}""", "allowed_email_domains")]
    [TestCase("""{"enforcement_paused_until":"2999-01-01T00:00:00Z","enforcement_pause_reason":"fire"}""", "enforcement_paused_until")]
    [TestCase("""{"enforcement_pause_reason":"fire"}""", "enforcement_pause_reason")]
    public async Task Bad_settings_are_refused_by_field(string body, string field)
    {
        using var client = await _host.AsOperatorAsync();
        using var request = new HttpRequestMessage(HttpMethod.Patch, "/api/v1/orgs/default/settings")
        {
            Content = new StringContent(body, System.Text.Encoding.UTF8, "application/json"),
        };
        request.Headers.TryAddWithoutValidation("If-Match", "\"1\"");
        using var response = await client.SendAsync(request);
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
        Assert.That((await response.JsonAsync())["errors"]!.AsObject().Select(member => member.Key), Does.Contain(field));
    }

    [Test]
    public async Task A_pause_of_enforcement_needs_a_reason_and_reaches_the_services_with_the_caller()
    {
        var slug = await _host.CreateOrganizationAsync();
        using var client = await _host.AsOperatorAsync();
        var until = TimeProvider.System.GetUtcNow().AddHours(2);
        using var without = await SendAsync(client, slug, 1, new { enforcement_paused_until = until });
        Assert.That(without.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));

        await ChangeAsync(client, slug, 1, new { enforcement_paused_until = until, enforcement_pause_reason = "Everybody is stuck." });
        var reply = await _host.IntrospectAsync((string)_host.Bootstrap["token"]!, slug);
        Assert.That(reply.Memberships.Single().EnforcementPausedUntilUnixSeconds, Is.EqualTo(until.ToUnixTimeSeconds()));

        await ChangeAsync(client, slug, 2, new { enforcement_paused_until = until.AddDays(-2) });
        reply = await _host.IntrospectAsync((string)_host.Bootstrap["token"]!, slug);
        Assert.That(reply.Memberships.Single().EnforcementPausedUntilUnixSeconds, Is.Zero);
    }

    [Test]
    public async Task A_session_that_is_older_than_the_organization_allows_opens_that_organization_no_more()
    {
        var (strict, lax) = (await _host.CreateOrganizationAsync(), await _host.CreateOrganizationAsync());
        using var client = await _host.AsOperatorAsync();
        await ChangeAsync(client, strict, 1, new { session_hours = 1 });
        await ChangeAsync(client, lax, 1, new { session_hours = 24, session_idle_minutes = 300 });
        var session = await _host.SignInAsync((string)_host.Bootstrap["email"]!, (string)_host.Bootstrap["password"]!);
        Assert.That((await _host.IntrospectAsync(session, strict)).Active, Is.True);

        await using (var age = _host.Db.CreateCommand(
            "update tokens set created_at = created_at - interval '2 hours', last_used_at = null where kind = 'session'"))
        {
            await age.ExecuteNonQueryAsync();
        }

        Assert.That((await _host.IntrospectAsync(session, strict)).Active, Is.False);
        Assert.That((await _host.IntrospectAsync(session, lax)).Active, Is.True, "the other organization decides for itself");
        Assert.That(
            (await _host.AuditAsync("authentication_failure")).Select(one => (string?)one["meta"]!["reason"]),
            Does.Contain("session_too_old"));
    }

    [Test]
    public async Task An_organization_may_keep_tokens_short_and_members_from_making_any()
    {
        var slug = await _host.CreateOrganizationAsync();
        using var client = await _host.AsOperatorAsync();
        using var member = await _host.AsNewMemberAsync(slug);
        using var first = await member.PostAsJsonAsync(
            $"/api/v1/orgs/{slug}/tokens", new { name = "long", expires_at = TimeProvider.System.GetUtcNow().AddDays(300) });
        Assert.That(first.StatusCode, Is.EqualTo(HttpStatusCode.Created));

        var changed = await ChangeAsync(client, slug, 1, new { token_max_days = 30 });
        Assert.That((int)changed["tokens_over_limit"]!, Is.EqualTo(1), "it is not shortened in silence");
        using var tooLong = await member.PostAsJsonAsync(
            $"/api/v1/orgs/{slug}/tokens", new { name = "long", expires_at = TimeProvider.System.GetUtcNow().AddDays(31) });
        Assert.That(tooLong.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));

        await ChangeAsync(client, slug, 2, new { member_tokens_allowed = false });
        using var none = await member.PostAsJsonAsync(
            $"/api/v1/orgs/{slug}/tokens", new { name = "short", expires_at = TimeProvider.System.GetUtcNow().AddDays(1) });
        Assert.That((string?)(await none.JsonAsync())["code"], Is.EqualTo("member_tokens_not_allowed"));
    }

    [Test]
    public async Task Members_see_what_binds_them_and_no_more()
    {
        var slug = await _host.CreateOrganizationAsync();
        using var member = await _host.AsNewMemberAsync(slug);
        var seen = await ReadAsync(member, $"/api/v1/orgs/{slug}");
        Assert.That((int)seen["token_max_days"]!, Is.EqualTo(365));
        using var all = await member.GetAsync(new Uri($"/api/v1/orgs/{slug}/settings", UriKind.Relative));
        Assert.That(all.StatusCode, Is.EqualTo(HttpStatusCode.Forbidden));
        using var change = await SendAsync(member, slug, 1, new { token_max_days = 30 });
        Assert.That(change.StatusCode, Is.EqualTo(HttpStatusCode.Forbidden));
    }

    [Test]
    public async Task A_token_does_what_its_scopes_hold_and_its_role_allows_and_no_more()
    {
        var slug = await _host.CreateOrganizationAsync();
        var token = await _host.AddMemberAsync(slug, "administrator");
        await using (var narrow = _host.Db.CreateCommand(
            "update tokens set scopes = '{organization:read}' where sha256 = $1"))
        {
            narrow.Parameters.Add(new() { Value = ServiceDefaults.Callers.SecretFormat.Sha256(token) });
            Assert.That(await narrow.ExecuteNonQueryAsync(), Is.EqualTo(1));
        }

        using var client = await _host.AsBearerOfAsync(token);
        await ReadAsync(client, $"/api/v1/orgs/{slug}");
        using var settings = await client.GetAsync(new Uri($"/api/v1/orgs/{slug}/settings", UriKind.Relative));
        Assert.That(settings.StatusCode, Is.EqualTo(HttpStatusCode.Forbidden));
        Assert.That((string?)(await settings.JsonAsync())["code"], Is.EqualTo("insufficient_scope"));
        Assert.That(settings.Headers.WwwAuthenticate.Single().Parameter, Does.Contain("scope=\"settings:read\""));
        using var sessions = await client.GetAsync(new Uri("/api/v1/me/sessions", UriKind.Relative));
        Assert.That((string?)(await sessions.JsonAsync())["code"], Is.EqualTo("insufficient_scope"), "not good for the account");
    }

    private static async Task<JsonObject> ReadAsync(HttpClient client, string path)
    {
        using var response = await client.GetAsync(new Uri(path, UriKind.Relative));
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK), await response.Content.ReadAsStringAsync());
        return await response.JsonAsync();
    }

    private static async Task<JsonObject> ChangeAsync(HttpClient client, string slug, int version, object change)
    {
        using var response = await SendAsync(client, slug, version, change);
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK), await response.Content.ReadAsStringAsync());
        return await response.JsonAsync();
    }

    private static async Task<HttpResponseMessage> SendAsync(HttpClient client, string slug, int version, object change)
    {
        using var request = new HttpRequestMessage(HttpMethod.Patch, $"/api/v1/orgs/{slug}/settings");
        request.Content = JsonContent.Create(change);
        request.Headers.TryAddWithoutValidation("If-Match", $"\"{version}\"");
        return await client.SendAsync(request);
    }
}
