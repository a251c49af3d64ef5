using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;

using EnvPlatform.Contracts.Identity;
using EnvPlatform.ServiceDefaults.Callers;

namespace EnvPlatform.Identity.Tests;

/// <summary>What tokens are narrowed to, and how an administrator ends and shortens them.</summary>
[TestFixture]
public sealed class TokenLimitTests
{
    private IdentityHost _host = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _host = await IdentityHost.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await _host.DisposeAsync();

    [Test]
    public async Task A_token_is_narrowed_to_scopes_and_networks_and_the_list_shows_it()
    {
        var org = await _host.CreateOrganizationAsync();
        using var ada = await _host.AsNewMemberAsync(org);
        var made = await CreateAsync(ada, org, new
        {
            name = "ci",
            expires_at = IdentityHost.Tomorrow,
            scopes = new[] { "environments:read", "environments:log" },
            allowed_ips = new[] { "192.0.2.0/24" },
        });
        var token = (string)made["token"]!;
        var reply = await _host.IntrospectAsync(token);
        Assert.Multiple(() =>
        {
            Assert.That(reply.Active, Is.True);
            Assert.That(reply.Scopes.Names, Is.EqualTo(new[] { "environments:log", "environments:read" }));
            Assert.That(reply.Addresses.Cidr, Is.EqualTo(new[] { "192.0.2.0/24" }));
        });
        var listed = (await ListAsync(ada, org)).Single(item => (string?)item!["id"] == (string?)made["id"])!;
        Assert.Multiple(() =>
        {
            Assert.That((string?)listed["prefix"], Is.EqualTo(token[..12]));
            Assert.That(listed["scopes"]!.AsArray(), Has.Count.EqualTo(2));
            Assert.That((string?)listed["allowed_ips"]![0], Is.EqualTo("192.0.2.0/24"));
            Assert.That((string?)listed["last_address"], Is.EqualTo("192.0.2.7"));
            Assert.That((string?)listed["state"], Is.EqualTo("active"));
        });
    }

    [Test]
    public async Task A_token_is_good_from_its_networks_only_and_a_use_from_elsewhere_is_audited()
    {
        var org = await _host.CreateOrganizationAsync();
        using var ada = await _host.AsNewMemberAsync(org);
        var made = await CreateAsync(
            ada, org, new { name = "ci", expires_at = IdentityHost.Tomorrow, allowed_ips = new[] { "198.51.100.0/24" } });
        var elsewhere = await _host.IntrospectAsync((string)made["token"]!);
        Assert.That(elsewhere.Active, Is.False, "An older gateway does not let it in either.");
        Assert.That(elsewhere.Addresses.Cidr, Is.EqualTo(new[] { "198.51.100.0/24" }));
        var there = await _host.TokensGrpc.IntrospectAsync(
            new IntrospectRequest { Token = (string)made["token"]!, SourceAddress = "198.51.100.9" }, IdentityHost.AsGateway);
        Assert.That(there.Active, Is.True);
        var failure = (await _host.AuditAsync("authentication_failure")).Single(e => (string?)e["meta"]!["reason"] == "address_not_allowed"
            && (string?)e["organization_name"] == org);
        Assert.That((string?)failure["source_address"], Is.EqualTo("192.0.2.7"));
    }

    [Test]
    public async Task Nobody_gives_a_token_more_than_it_may_itself()
    {
        var org = await _host.CreateOrganizationAsync();
        using var ada = await _host.AsNewMemberAsync(org);
        await RefusedAsync(ada, org, new { name = "x", expires_at = IdentityHost.Tomorrow, scopes = new[] { "audit:read" } });
        var made = await CreateAsync(
            ada, org, new { name = "narrow", expires_at = IdentityHost.Tomorrow, scopes = new[] { "tokens:own", "environments:log" } });
        using var narrow = await _host.AsBearerOfAsync((string)made["token"]!);
        await RefusedAsync(narrow, org, new { name = "x", expires_at = IdentityHost.Tomorrow, scopes = new[] { "environments:read" } });
        await RefusedAsync(narrow, org, new { name = "x", expires_at = IdentityHost.Tomorrow });
        var same = await CreateAsync(
            narrow, org, new { name = "x", expires_at = IdentityHost.Tomorrow.AddHours(-2), scopes = new[] { "environments:log" } });
        Assert.That((await _host.IntrospectAsync((string)same["token"]!)).Scopes.Names, Is.EqualTo(new[] { "environments:log" }));
        using var unknown = await ada.PostAsJsonAsync(
            $"/api/v1/orgs/{org}/tokens", new { name = "x", expires_at = IdentityHost.Tomorrow, scopes = new[] { "everything" } });
        Assert.That((await unknown.JsonAsync())["errors"]!["scopes"], Is.Not.Null);
    }

    [Test]
    public async Task A_token_that_is_good_from_somewhere_makes_none_that_is_good_from_elsewhere()
    {
        var org = await _host.CreateOrganizationAsync();
        using var ada = await _host.AsNewMemberAsync(org);
        var made = await CreateAsync(
            ada, org, new { name = "here", expires_at = IdentityHost.Tomorrow, allowed_ips = new[] { "192.0.2.0/24" } });
        using var here = await _host.AsBearerOfAsync((string)made["token"]!);
        var open = await CreateAsync(here, org, new { name = "open", expires_at = IdentityHost.Tomorrow.AddHours(-2) });
        Assert.That((string?)open["allowed_ips"]![0], Is.EqualTo("192.0.2.0/24"));
        using var elsewhere = await here.PostAsJsonAsync(
            $"/api/v1/orgs/{org}/tokens",
            new { name = "x", expires_at = IdentityHost.Tomorrow.AddHours(-2), allowed_ips = new[] { "198.51.100.0/24" } });
        Assert.That((await elsewhere.JsonAsync())["errors"]!["allowed_ips"], Is.Not.Null);
    }

    [Test]
    public async Task Tokens_that_nobody_used_for_long_end_together_with_an_event_each()
    {
        var org = await _host.CreateOrganizationAsync();
        using var administrator = await _host.AsNewMemberAsync(org, "administrator");
        using var ada = await _host.AsNewMemberAsync(org);
        var old = await CreateAsync(ada, org, new { name = "old", expires_at = IdentityHost.Tomorrow });
        var used = await CreateAsync(ada, org, new { name = "used", expires_at = IdentityHost.Tomorrow });
        await _host.ExecuteAsync($"update tokens set created_at = now() - interval '100 days' where id in ('{old["id"]}', '{used["id"]}')");
        await _host.IntrospectAsync((string)used["token"]!);
        using var forbidden = await ada.PostAsJsonAsync($"/api/v1/orgs/{org}/tokens/revoke", new { unused_days = 90 });
        Assert.That(forbidden.StatusCode, Is.EqualTo(HttpStatusCode.Forbidden));
        using var everything = await administrator.PostAsJsonAsync($"/api/v1/orgs/{org}/tokens/revoke", new { });
        Assert.That(everything.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
        using var revoked = await administrator.PostAsJsonAsync($"/api/v1/orgs/{org}/tokens/revoke", new { unused_days = 90 });
        var answer = await revoked.JsonAsync();
        Assert.That(((int)answer["revoked"]!, (bool)answer["more"]!), Is.EqualTo((1, false)));
        Assert.That((await _host.IntrospectAsync((string)old["token"]!)).Active, Is.False);
        Assert.That((await _host.IntrospectAsync((string)used["token"]!)).Active, Is.True);
        Assert.That(
            (await _host.AuditAsync("token_revoked")).Where(e => (string?)e["organization_name"] == org)
                .Select(e => (string?)e["target"]!["id"]),
            Is.EqualTo(new[] { (string?)old["id"] }));

        // Those of somebody, and never the one that asks.
        var owner = (await _host.IntrospectAsync((string)used["token"]!)).SubjectId;
        using var ofAda = await administrator.PostAsJsonAsync($"/api/v1/orgs/{org}/tokens/revoke", new { user = owner, kind = "personal" });
        Assert.That((int)(await ofAda.JsonAsync())["revoked"]!, Is.EqualTo(1));
        using var initial = await administrator.PostAsJsonAsync($"/api/v1/orgs/{org}/tokens/revoke", new { kind = "initial" });
        Assert.That((int)(await initial.JsonAsync())["revoked"]!, Is.EqualTo(1), "Ada's; the administrator's own asks.");
    }

    [Test]
    public async Task A_lower_limit_shortens_tokens_when_it_is_enforced()
    {
        var org = await _host.CreateOrganizationAsync();
        using var administrator = await _host.AsOperatorAsync();
        var far = await CreateAsync(administrator, org, new { name = "far", expires_at = IdentityHost.Tomorrow.AddDays(300) });
        var near = await CreateAsync(administrator, org, new { name = "near", expires_at = IdentityHost.Tomorrow });
        using var lower = new HttpRequestMessage(HttpMethod.Patch, $"/api/v1/orgs/{org}/settings")
        {
            Content = JsonContent.Create(new { token_max_days = 30 }),
        };
        lower.Headers.TryAddWithoutValidation("If-Match", "*");
        using var lowered = await administrator.SendAsync(lower);
        Assert.That((long)(await lowered.JsonAsync())["tokens_over_limit"]!, Is.EqualTo(1));
        using var enforced = await administrator.PostAsync(new Uri($"/api/v1/orgs/{org}/tokens/enforce-limit", UriKind.Relative), null);
        Assert.That((int)(await enforced.JsonAsync())["shortened"]!, Is.EqualTo(1));
        var items = await ListAsync(administrator, org);
        DateTimeOffset EndOf(JsonObject made) =>
            (DateTimeOffset)items.Single(item => (string?)item!["id"] == (string?)made["id"])!["expires_at"]!;
        var month = TimeProvider.System.GetUtcNow().AddDays(30);
        Assert.That(EndOf(far), Is.EqualTo(month).Within(TimeSpan.FromMinutes(10)));
        Assert.That(EndOf(near), Is.LessThan(month.AddDays(-20)));
        var events = (await _host.AuditAsync("token_shortened")).Where(e => (string?)e["organization_name"] == org).ToArray();
        Assert.That(events.Select(e => (string?)e["target"]!["id"]), Is.EqualTo(new[] { (string?)far["id"] }));
        Assert.That(events[0]["meta"]!["before"]!["expires_at"], Is.Not.Null);
        using var again = await administrator.PostAsync(new Uri($"/api/v1/orgs/{org}/tokens/enforce-limit", UriKind.Relative), null);
        Assert.That((int)(await again.JsonAsync())["shortened"]!, Is.Zero);
    }

    [Test]
    public async Task Secrets_that_are_found_somewhere_end_at_once_and_the_answer_tells_nothing()
    {
        var org = await _host.CreateOrganizationAsync();
        using var administrator = await _host.AsOperatorAsync();
        var token = await CreateAsync(administrator, org, new { name = "leaked", expires_at = IdentityHost.Tomorrow });
        using var created = await administrator.PostAsJsonAsync(
            $"/api/v1/orgs/{org}/service-accounts", new { name = "ci", role = "member" });
        var account = await created.JsonAsync();
        using var nobody = _host.Service.AsForwarded("203.0.113.9");
        foreach (var posted in new[]
        {
            (string)token["token"]!, (string)account["client_secret"]!, SecretFormat.New(SecretFormat.TokenPrefix), "nonsense",
        })
        {
            using var response = await nobody.PostAsJsonAsync(
                "/api/v1/token-reports", new { tokens = new[] { posted }, url = "https://code.example.org/leak" });
            Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.Accepted));
            Assert.That(await response.Content.ReadAsStringAsync(), Is.Empty);
        }

        Assert.That((await _host.IntrospectAsync((string)token["token"]!)).Active, Is.False);
        var revoked = (await _host.AuditAsync("token_revoked")).Single(e => (string?)e["target"]!["id"] == (string?)token["id"]);
        Assert.Multiple(() =>
        {
            Assert.That((string?)revoked["organization_name"], Is.EqualTo(org));
            Assert.That((string?)revoked["meta"]!["reason"], Is.EqualTo("reported"));
            Assert.That((string?)revoked["meta"]!["url"], Is.EqualTo("https://code.example.org/leak"));
            Assert.That((string?)revoked["source_address"], Is.EqualTo("203.0.113.9"));
        });
        Assert.That(
            (await _host.AuditAsync("service_account_secret_deleted"))
                .Count(e => (string?)e["target"]!["id"] == (string?)account["client_id"] && (string?)e["meta"]!["reason"] == "reported"),
            Is.EqualTo(1));
    }

    [Test]
    public async Task An_administrator_sees_and_ends_the_sessions_of_a_member()
    {
        var org = await _host.CreateOrganizationAsync();
        var address = $"{Guid.CreateVersion7():N}@example.org";
        using var member = await _host.AsBearerOfAsync(await _host.AddMemberAsync(org, "member", address));
        var (one, two) = (await _host.SignInAsync(address), await _host.SignInAsync(address));
        var ada = (await _host.IntrospectAsync(one)).SubjectId;
        using var administrator = await _host.AsNewMemberAsync(org, "administrator");
        using var auditor = await _host.AsNewMemberAsync(org, "auditor");
        using var stranger = await _host.AsNewMemberAsync(await _host.CreateOrganizationAsync(), "administrator");
        var path = new Uri($"/api/v1/orgs/{org}/members/{ada}/sessions", UriKind.Relative);
        var list = await (await auditor.GetAsync(path)).JsonAsync();
        Assert.That(list["items"]!.AsArray(), Has.Count.EqualTo(2));
        Assert.That((await member.GetAsync(path)).StatusCode, Is.EqualTo(HttpStatusCode.Forbidden));
        Assert.That((await auditor.DeleteAsync(path)).StatusCode, Is.EqualTo(HttpStatusCode.Forbidden));
        Assert.That((await stranger.DeleteAsync(path)).StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
        var unknown = new Uri($"/api/v1/orgs/{org}/members/{Guid.CreateVersion7()}/sessions", UriKind.Relative);
        Assert.That((await administrator.GetAsync(unknown)).StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
        using var ended = await administrator.DeleteAsync(path);
        Assert.That((int)(await ended.JsonAsync())["revoked"]!, Is.EqualTo(2));
        Assert.That((await _host.IntrospectAsync(one)).Active || (await _host.IntrospectAsync(two)).Active, Is.False);
        Assert.That(
            (await _host.AuditAsync("session_revoked")).Count(e => (string?)e["meta"]!["owner"] == ada), Is.EqualTo(2));
        using var again = await administrator.DeleteAsync(path);
        Assert.That((int)(await again.JsonAsync())["revoked"]!, Is.Zero);
    }

    private static async Task<JsonObject> CreateAsync(HttpClient client, string org, object body)
    {
        using var response = await client.PostAsJsonAsync($"/api/v1/orgs/{org}/tokens", body);
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.Created), await response.Content.ReadAsStringAsync());
        return await response.JsonAsync();
    }

    private static async Task RefusedAsync(HttpClient client, string org, object body)
    {
        using var response = await client.PostAsJsonAsync($"/api/v1/orgs/{org}/tokens", body);
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
        Assert.That((string?)(await response.JsonAsync())["code"], Is.EqualTo("scope_exceeds_caller"));
    }

    private static async Task<JsonArray> ListAsync(HttpClient client, string org)
    {
        using var response = await client.GetAsync(new Uri($"/api/v1/orgs/{org}/tokens", UriKind.Relative));
        return (await response.JsonAsync())["items"]!.AsArray();
    }
}
