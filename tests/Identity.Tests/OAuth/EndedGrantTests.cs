using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.Organizations;
using EnvPlatform.Identity.SignIn;
using EnvPlatform.Identity.Tokens;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.Testing;

using Microsoft.Extensions.DependencyInjection;

namespace EnvPlatform.Identity.Tests.OAuth;

/// <summary>
/// Whatever ends the sign-ins of a person ends what it let programs do: access and refresh tokens, codes that were not redeemed yet, and
/// devices that were let in and have not asked since.
/// </summary>
[TestFixture]
public sealed class EndedGrantTests
{
    private const string Next = "seven quiet lanterns over water";
    private IdentityHost _host = null!;
    private OAuthFlow _flow = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _host = await IdentityHost.StartAsync();
        _flow = new(_host);
    }

    [OneTimeTearDown]
    public async Task StopAsync() => await _host.DisposeAsync();

    [TestCase(true)]
    [TestCase(false)]
    public async Task A_changed_password_ends_them(bool all)
    {
        var held = await HoldAsync("member", all);
        using var form = await held.Browser.GetAsync("/password");
        Assert.That(held.Browser.Text, Does.Contain("programs that you let act for you"));
        using var changed = await held.Browser.PostAsync(
            "/password", fields: [("current", IdentityHost.Password), ("password", Next)]);
        Assert.That(changed.StatusCode, Is.EqualTo(HttpStatusCode.Redirect), held.Browser.Text);
        await EndedAsync(held);
        var told = (await _host.AuditAsync("password_changed")).Single(e => (string?)e["target"]!["id"] == held.Subject);
        Assert.That((int)told["meta"]!["grants_ended"]!, Is.EqualTo(3));
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task An_administrator_that_ends_a_members_sessions_ends_them_with_an_event_each(bool all)
    {
        var held = await HoldAsync("member", all);
        var elsewhere = await HoldElsewhereAsync(held.Email);
        using var client = await _host.AsOperatorAsync();
        using var answer = await client.DeleteAsync(
            new Uri($"/api/v1/orgs/{held.Org}/members/{held.Subject}/sessions", UriKind.Relative));
        var body = await answer.JsonAsync();
        Assert.That((int)body["grants_revoked"]!, Is.EqualTo(3), body.ToJsonString());
        await EndedAsync(held);
        var told = (await _host.AuditAsync("token_revoked")).Where(e => (string?)e["meta"]!["owner"] == held.Subject).ToArray();
        Assert.That(told, Has.Length.EqualTo(3));
        Assert.That(told.Select(e => (string?)e["organization_name"]), Is.All.EqualTo(held.Org));
        Assert.That(
            (await _host.IntrospectAsync(elsewhere)).Active, Is.True, "What was granted for another organization is not this one's.");
    }

    [TestCase("""{ "user": "SUBJECT" }""")]
    [TestCase("""{ "kind": "grant" }""")]
    [TestCase("""{ "kind": "grant", "user": "SUBJECT", "unused_days": 7 }""")]
    public async Task Tokens_that_are_revoked_in_bulk_take_them_along(string filter)
    {
        var held = await HoldAsync("member", all: false);
        var elsewhere = await HoldElsewhereAsync(held.Email);
        if (filter.Contains("unused", StringComparison.Ordinal))
        {
            using var early = await BulkAsync(held, filter);
            Assert.That((int)(await early.JsonAsync())["revoked"]!, Is.Zero, "They were used a moment ago.");
            await _host.ExecuteAsync(
                $"""
                update oauth_grants set created_at = created_at - interval '8 days' where subject_id = '{held.Subject}';
                update oauth_tokens set created_at = created_at - interval '8 days'
                where grant_id in (select id from oauth_grants where subject_id = '{held.Subject}');
                update tokens set last_used_at = last_used_at - interval '8 days' where subject_id = '{held.Subject}';
                """);
        }

        using var answer = await BulkAsync(held, filter);
        var body = await answer.JsonAsync();
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK), body.ToJsonString());
        Assert.That((int)body["revoked"]!, Is.GreaterThanOrEqualTo(3), body.ToJsonString());
        await EndedAsync(held);
        Assert.That((await _host.IntrospectAsync(elsewhere)).Active, Is.True);
        var told = (await _host.AuditAsync("token_revoked")).Where(
            e => (string?)e["meta"]!["owner"] == held.Subject && (string?)e["meta"]!["kind"] == "grant").ToArray();
        Assert.That(told, Has.Length.EqualTo(3));
    }

    [Test]
    public async Task The_program_that_revokes_in_bulk_keeps_its_own_grant()
    {
        var org = await _host.CreateOrganizationAsync();
        var email = $"{Guid.CreateVersion7():N}@example.org";
        await _host.AddMemberAsync(org, "administrator", email);
        using var browser = await _flow.BrowserAsync(email);
        var (mine, other) = (await SignInAsync(), await SignInAsync());
        using var client = await _host.AsBearerOfAsync(mine.Access);
        using var answer = await client.PostAsJsonAsync($"/api/v1/orgs/{org}/tokens/revoke", new { kind = "grant" });
        Assert.That((int)(await answer.JsonAsync())["revoked"]!, Is.EqualTo(1));
        Assert.That((await _host.IntrospectAsync(mine.Access)).Active, Is.True);
        Assert.That((await _host.IntrospectAsync(other.Access)).Active, Is.False);

        async Task<(string Access, string Refresh)> SignInAsync()
        {
            using var redeemed = await _flow.RedeemAsync(
                await OAuthFlow.CodeAsync(browser, await IdOfAsync(org), ("scope", "offline_access tokens:revoke_all")));
            return await OAuthFlow.TokensAsync(redeemed);
        }
    }

    [Test]
    public async Task Revoking_what_is_of_a_service_account_ends_its_access_tokens()
    {
        using var client = await OrganizationClient.OfNewAsync(_host);
        var account = await client.OkAsync("POST", "service-accounts", new { name = "Build farm", role = "member" });
        using var issued = await _flow.PostAsync(
            "/oauth/token", ("grant_type", "client_credentials"), ("client_id", (string)account["client_id"]!),
            ("client_secret", (string)account["client_secret"]!));
        var access = (string)(await issued.JsonAsync())["access_token"]!;
        Assert.That((await _host.IntrospectAsync(access)).Active, Is.True);
        await client.OkAsync("POST", "tokens/revoke", new { user = (string)account["client_id"]! });
        Assert.That((await _host.IntrospectAsync(access)).Active, Is.False);
    }

    [Test]
    public async Task A_member_that_is_removed_or_leaves_loses_them()
    {
        var removed = await HoldAsync("member", all: false);
        using var client = await _host.AsOperatorAsync();
        using var answer = await client.DeleteAsync(new Uri($"/api/v1/orgs/{removed.Org}/members/{removed.Subject}", UriKind.Relative));
        Assert.That(answer.IsSuccessStatusCode, Is.True);
        await EndedAsync(removed);
        var left = await HoldAsync("member", all: false);
        using var self = await _host.AsBearerOfAsync(await _host.SignInAsync(left.Email));
        using var leaves = await self.PostAsync(new Uri($"/api/v1/me/orgs/{left.Org}/leave", UriKind.Relative), null);
        Assert.That(leaves.IsSuccessStatusCode, Is.True);
        await EndedAsync(left);
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task A_suspended_member_is_let_in_nowhere_until_it_is_resumed(bool all)
    {
        var held = await HoldAsync("member", all);
        using var client = await _host.AsOperatorAsync();
        var path = $"/api/v1/orgs/{held.Org}/members/{held.Subject}";
        using var suspended = await client.PostAsync(new Uri(path + "/suspend", UriKind.Relative), null);
        Assert.That(suspended.IsSuccessStatusCode, Is.True);
        Assert.That((await _host.IntrospectAsync(held.Access, held.Org)).Memberships, Is.Empty);
        await ToldAsync(held);
        if (!all)
        {
            using var refused = await _flow.RefreshAsync(held.Refresh);
            await OAuthFlow.RefusedAsync(refused, "invalid_grant");
            using var code = await _flow.RedeemAsync(held.Code);
            await OAuthFlow.RefusedAsync(code, "invalid_grant");
        }

        using var resumed = await client.PostAsync(new Uri(path + "/resume", UriKind.Relative), null);
        Assert.That(resumed.IsSuccessStatusCode, Is.True);
        Assert.That((await _host.IntrospectAsync(held.Access, held.Org)).Memberships, Has.Count.EqualTo(1));
        using var again = await _flow.RefreshAsync(held.Refresh);
        await OAuthFlow.TokensAsync(again);
    }

    [Test]
    public async Task A_smaller_role_makes_them_smaller_at_once()
    {
        var held = await HoldAsync("administrator", all: false);
        using var client = await _host.AsOperatorAsync();
        using var changed = await client.PatchAsJsonAsync(
            $"/api/v1/orgs/{held.Org}/members/{held.Subject}", new { role = "auditor" });
        Assert.That(changed.IsSuccessStatusCode, Is.True, await changed.Content.ReadAsStringAsync());
        Assert.That((await _host.IntrospectAsync(held.Access, held.Org)).Memberships.Single().Role, Is.EqualTo("auditor"));
        await ToldAsync(held);
        using var refreshed = await _flow.RefreshAsync(held.Refresh);
        var (access, _) = await OAuthFlow.TokensAsync(refreshed);
        Assert.That((await _host.IntrospectAsync(access, held.Org)).Memberships.Single().Role, Is.EqualTo("auditor"));
    }

    [Test]
    public async Task A_deleted_organization_lets_none_in_and_an_erased_one_ends_them()
    {
        var held = await HoldAsync("member", all: false);
        using var client = await _host.AsOperatorAsync();
        using var deleted = await client.DeleteAsync(new Uri($"/api/v1/orgs/{held.Org}", UriKind.Relative));
        Assert.That(deleted.IsSuccessStatusCode, Is.True);
        Assert.That((await _host.IntrospectAsync(held.Access, held.Org)).Memberships, Is.Empty);
        using var refused = await _flow.RefreshAsync(held.Refresh);
        await OAuthFlow.RefusedAsync(refused, "invalid_grant");
        await _host.ExecuteAsync($"update organizations set deleted_at = now() - interval '31 days' where slug = '{held.Org}'");
        await _host.Service.Services.GetRequiredService<EraseOrganizations>().RunAsync(CancellationToken.None);
        await EndedAsync(held);
    }

    [TestCase("access")]
    [TestCase("refresh")]
    [TestCase("code")]
    public async Task A_secret_of_a_program_that_was_found_somewhere_ends_its_grant(string which)
    {
        var held = await HoldAsync("member", all: false);
        var posted = which switch { "access" => held.Access, "refresh" => held.Refresh, _ => held.Code };
        using var answer = await _flow.Nobody.PostAsJsonAsync(
            "/api/v1/token-reports",
            new { tokens = new[] { null, "", new string('x', 50), posted }, url = "https://code.example.org/leak" });
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.Accepted), await answer.Content.ReadAsStringAsync());
        if (which == "code")
        {
            using var code = await _flow.RedeemAsync(held.Code);
            await OAuthFlow.RefusedAsync(code, "invalid_grant");
            return;
        }

        Assert.That((await _host.IntrospectAsync(held.Access)).Active, Is.False);
        await ToldAsync(held);
        using var refreshed = await _flow.RefreshAsync(held.Refresh);
        await OAuthFlow.RefusedAsync(refreshed, "invalid_grant");
        var told = (await _host.AuditAsync("token_revoked")).Where(
            e => (string?)e["meta"]!["owner"] == held.Subject && (string?)e["meta"]!["reason"] == "reported").ToArray();
        Assert.That(told.Select(e => (string?)e["meta"]!["kind"]), Does.Contain("grant"));
        Assert.That(told.Select(e => (string?)e["organization_name"]), Is.All.EqualTo(held.Org));
    }

    [Test]
    public async Task The_code_that_people_type_in_is_no_secret_that_can_be_reported()
    {
        var device = await _flow.DeviceAsync();
        using var browser = await _flow.AdministratorAsync();
        using var allowed = await OAuthFlow.DecideDeviceAsync(browser, device);
        var letters = ((string)device["user_code"]!).Replace("-", "", StringComparison.Ordinal);
        using var answer = await _flow.Nobody.PostAsJsonAsync(
            "/api/v1/token-reports", new { tokens = new[] { letters, (string)device["user_code"]! } });
        using var poll = await _flow.PollAsync(device);
        await OAuthFlow.TokensAsync(poll);
    }

    [Test]
    public async Task The_cookie_of_a_session_that_was_found_somewhere_ends_the_session()
    {
        using var browser = await _flow.AdministratorAsync();
        using var answer = await _flow.Nobody.PostAsJsonAsync(
            "/api/v1/token-reports", new { tokens = new[] { browser.Cookies[SessionCookie.Name] } });
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.Accepted));
        Assert.That((await _host.IntrospectAsync(browser.Cookies[SessionCookie.Name])).Active, Is.False);
    }

    [Test]
    public async Task An_operator_that_is_given_new_credentials_loses_all_that_the_old_ones_opened()
    {
        await using var database = await TestDatabase.CreateAsync();
        string access, refresh;
        await using (var first = await IdentityHost.StartAsync(database))
        {
            var flow = new OAuthFlow(first);
            using var browser = await flow.AdministratorAsync();
            (access, refresh) = await flow.SignInAsync(browser);
        }

        await using var second = await IdentityHost.StartAsync(database, null, ("Identity:IssueBootstrapToken", "true"));
        Assert.That((await second.IntrospectAsync(access)).Active, Is.False);
        using var refused = await new OAuthFlow(second).RefreshAsync(refresh);
        await OAuthFlow.RefusedAsync(refused, "invalid_grant");
    }

    [Test]
    public async Task What_is_granted_while_the_sign_ins_end_ends_too()
    {
        var held = await HoldAsync("member", all: false);
        var session = new BrowserSession(
            new TokenId(Guid.Parse((await _host.IntrospectAsync(held.Browser.Cookies[SessionCookie.Name])).TokenId)),
            new SubjectId(Guid.Parse(held.Subject)), held.Email, "Ada", false, default, null, null, null);
        var now = TimeProvider.System.GetUtcNow();
        Task<(int, int)> ending;
        await using var over = await _host.Db.BeginAsync(CancellationToken.None);
        await using (var granting = await _host.Db.BeginAsync(CancellationToken.None))
        {
            Assert.That(await session.LockAsync(granting), Is.True);
            ending = TokenStore.RevokeSignInsAsync(over, session.SubjectId, now);
            await Eventually.BecomesTrueAsync(
                async () => await _host.CountAsync("select count(*) from pg_locks where not granted") > 0, "it waits for the session");
            await granting.ExecuteAsync(
                """
                insert into oauth_grants (id, client_id, subject_id, method, type, status, scopes, created_at)
                values (@Id, 'envplatform-cli', @SubjectId, 'code', 'ad-hoc', 'valid', '{}', @now)
                """, new { Id = Guid.CreateVersion7(), session.SubjectId, now });
            await granting.CommitAsync();
        }

        Assert.That((await ending).Item2, Is.EqualTo(4), "the three that were there, and the one of that moment");
        await over.CommitAsync();
        await using var late = await _host.Db.BeginAsync(CancellationToken.None);
        Assert.That(await session.LockAsync(late), Is.False);
    }

    private Task<HttpResponseMessage> BulkAsync(Held held, string filter) => Task.Run(async () =>
    {
        using var client = await _host.AsOperatorAsync();
        return await client.PostAsJsonAsync(
            $"/api/v1/orgs/{held.Org}/tokens/revoke", JsonNode.Parse(filter.Replace("SUBJECT", held.Subject, StringComparison.Ordinal)));
    });

    private async Task<string> IdOfAsync(string org) =>
        (await _host.Db.QuerySingleAsync<Guid>("select id from organizations where slug = @org", new { org }, default)).ToString();

    /// <param name="all">Granted for all of the person's organizations; otherwise for the one only.</param>
    private async Task<Held> HoldAsync(string role, bool all)
    {
        var org = await _host.CreateOrganizationAsync();
        var email = $"{Guid.CreateVersion7():N}@example.org";
        await _host.AddMemberAsync(org, role, email);
        var browser = await _flow.BrowserAsync(email);
        var chosen = all ? "*" : await IdOfAsync(org);
        var (access, refresh) = await _flow.SignInAsync(browser, chosen);
        var device = await _flow.DeviceAsync();
        using var allowed = await OAuthFlow.DecideDeviceAsync(browser, device, organization: chosen);
        Assert.That(allowed.Headers.Location?.OriginalString, Is.EqualTo("/device/done"), browser.Text);
        var code = await OAuthFlow.CodeAsync(browser, chosen);
        return new(org, email, (await _host.IntrospectAsync(access)).SubjectId, browser, access, refresh, code, device);
    }

    /// <summary>An access token of the same person that was granted for another organization only.</summary>
    private async Task<string> HoldElsewhereAsync(string email)
    {
        var org = await _host.CreateOrganizationAsync();
        var token = await _host.InviteAsync(org, "member", email);
        using var self = await _host.AsBearerOfAsync(await _host.SignInAsync(email));
        using var accepted = await self.PostAsJsonAsync("/api/v1/me/invitations/accept", new { token });
        Assert.That(accepted.IsSuccessStatusCode, Is.True, await accepted.Content.ReadAsStringAsync());
        using var browser = await _flow.BrowserAsync(email);
        return (await _flow.SignInAsync(browser, await IdOfAsync(org))).Access;
    }

    /// <summary>Nothing of it opens anything any more, and gateways were told so.</summary>
    private async Task EndedAsync(Held held)
    {
        Assert.That((await _host.IntrospectAsync(held.Access)).Active, Is.False, "access token");
        await ToldAsync(held);
        using var refresh = await _flow.RefreshAsync(held.Refresh);
        await OAuthFlow.RefusedAsync(refresh, "invalid_grant");
        using var code = await _flow.RedeemAsync(held.Code);
        await OAuthFlow.RefusedAsync(code, "invalid_grant");
        using var device = await _flow.PollAsync(held.Device);
        await OAuthFlow.RefusedAsync(device, "invalid_grant");
    }

    private async Task ToldAsync(Held held)
    {
        var id = await _host.Db.QuerySingleAsync<Guid>(
            "select id from tokens where sha256 = @Sha256", new { Sha256 = SecretFormat.Sha256(held.Access) }, default);
        Assert.That(
            (await _host.OutboxAsync("TokenRevoked")).SelectMany(e => e["tokens"]!.AsArray()).Select(told => (Guid)told!),
            Does.Contain(id), "Gateways are told at once.");
    }

    private sealed record Held(
        string Org, string Email, string Subject, PageBrowser Browser, string Access, string Refresh, string Code, JsonObject Device);
}
