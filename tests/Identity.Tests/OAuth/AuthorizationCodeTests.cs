using System.Net;
using System.Text.Json.Nodes;

using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.Testing;

namespace EnvPlatform.Identity.Tests.OAuth;

/// <summary>Programs that people let act for them, by a browser. The numbers are those of the security rules for sign-in.</summary>
[TestFixture]
public sealed class AuthorizationCodeTests
{
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

    [Test]
    public async Task Somebody_lets_a_program_act_for_it_in_one_organization_and_for_what_it_asked()
    {
        var org = await _host.CreateOrganizationAsync();
        var email = $"{Guid.CreateVersion7():N}@example.org";
        await _host.AddMemberAsync(org, "administrator", email);
        using var browser = await _flow.BrowserAsync(email);
        using var page = await browser.GetAsync(OAuthFlow.Authorize());
        Assert.That(
            browser.Text,
            Does.Contain("EnvPlatform command line").And.Contain("http://127.0.0.1:49321").And.Contain("Read one's own environments"));
        Assert.That(
            page.Headers.GetValues("Content-Security-Policy").Single(),
            Does.Contain("form-action 'self' http://127.0.0.1:49321;").And.Contain("default-src 'none'"),
            "Browsers hold the redirect behind the form to the policy.");
        var id = await _host.Db.QuerySingleAsync<Guid>("select id from organizations where slug = @org", new { org }, default);
        var back = await OAuthFlow.DecideAsync(browser, OAuthFlow.Authorize(), organization: id.ToString());

        // 1: the answer says who gave it (RFC 9207).
        Assert.That(back["iss"], Is.EqualTo("http://127.0.0.1:8080/"));
        Assert.That(back["state"], Is.EqualTo("xyz"));
        Assert.That(back[""], Does.StartWith(OAuthFlow.Redirect + "?"));
        using var answer = await _flow.RedeemAsync(back["code"]);
        var body = await answer.JsonAsync();
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK), body.ToJsonString());
        Assert.That(answer.Headers.CacheControl?.NoStore, Is.True);
        Assert.That((string?)body["token_type"], Is.EqualTo("Bearer"));
        Assert.That((int)body["expires_in"]!, Is.EqualTo(900).Within(2));
        var access = (string)body["access_token"]!;
        Assert.That(SecretFormat.IsWellFormed(access, SecretFormat.TokenPrefix), Is.True, "Gateways know no other form.");
        var reply = await _host.IntrospectAsync(access);
        Assert.That(reply.Email, Is.EqualTo(email));
        Assert.That(reply.Memberships.Select(m => m.Slug), Is.EqualTo(new[] { org }));
        Assert.That(reply.Scopes.Names, Is.EquivalentTo(new[] { "environments:read", "environments:log" }));
        using var bearer = await _host.AsBearerOfAsync(access);
        using var narrow = await bearer.GetAsync(new Uri($"/api/v1/orgs/{org}/members", UriKind.Relative));
        Assert.That(narrow.StatusCode, Is.EqualTo(HttpStatusCode.Forbidden), "The role would allow it, the token does not.");
        var told = (await _host.AuditAsync("authentication_success"))
            .Where(e => (string?)e["actor"]!["email"] == email && (string?)e["meta"]!["method"] == "authorization_code").ToArray();
        Assert.That(told, Has.Length.EqualTo(1));
        Assert.That((string?)told[0]["meta"]!["client_id"], Is.EqualTo(OAuthFlow.Cli));
        Assert.That((string?)told[0]["organization_id"], Is.EqualTo(id.ToString()));
    }

    [Test]
    public async Task A_grant_for_all_organizations_is_good_in_those_that_come_later_and_is_no_operators()
    {
        using var browser = await _flow.AdministratorAsync();
        var (access, _) = await _flow.SignInAsync(browser);
        var org = await _host.CreateOrganizationAsync();
        var reply = await _host.IntrospectAsync(access, org);
        Assert.That(reply.Memberships.Select(m => m.Slug), Is.EqualTo(new[] { org }));
        Assert.That(reply.Operator, Is.False);
    }

    [Test]
    public async Task Who_is_not_signed_in_is_asked_to_and_led_back()
    {
        using var browser = new PageBrowser(_host.Service.AsForwarded());
        var path = OAuthFlow.Authorize();
        using var answer = await browser.GetAsync(path);
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.Redirect));
        Assert.That(answer.Headers.Location!.OriginalString, Is.EqualTo($"/sign-in?return_to={Uri.EscapeDataString(path)}"));
    }

    [Test]
    public async Task Who_refuses_is_led_back_without_a_code()
    {
        using var browser = await _flow.AdministratorAsync();
        var back = await OAuthFlow.DecideAsync(browser, OAuthFlow.Authorize(), decision: "refuse");
        Assert.That(back["error"], Is.EqualTo("access_denied"));
        Assert.That(back["iss"], Is.EqualTo("http://127.0.0.1:8080/"));
        Assert.That(back.Keys, Does.Not.Contain("code").And.Not.Contain("error_uri"));
    }

    [Test]
    public async Task Nobody_lets_a_program_act_for_it_by_the_form_of_another_site()
    {
        // 8
        using var browser = await _flow.AdministratorAsync();
        using var page = await browser.GetAsync(OAuthFlow.Authorize());
        using var forged = await browser.PostAsync("/oauth/authorize", "cross-site", ("decision", "allow"), ("chosen_organization", "*"));
        Assert.That(forged.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
        using var bare = await browser.PostAsync("/oauth/authorize", fields: [("decision", "allow"), ("form_token", "x")]);
        Assert.That(bare.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
    }

    private static readonly TestCaseData[] Addresses =
    [
        new TestCaseData("http://127.0.0.1:49321/evil", false).SetArgDisplayNames("another path"),
        new TestCaseData("http://127.0.0.1:49321/?next=x", false).SetArgDisplayNames("a query"),
        new TestCaseData("http://localhost:49321/", false).SetArgDisplayNames("localhost, which may be another machine"),
        new TestCaseData("http://127.0.0.1.example.org:49321/", false).SetArgDisplayNames("another host that begins alike"),
        new TestCaseData("http://someone@127.0.0.1:49321/", false).SetArgDisplayNames("a user"),
        new TestCaseData("https://127.0.0.1:49321/", false).SetArgDisplayNames("another scheme"),
        new TestCaseData("http://127.0.0.2:49321/", false).SetArgDisplayNames("another address of the loopback network"),
        new TestCaseData("http://127.0.0.1:1/", true).SetArgDisplayNames("any port"),
        new TestCaseData("http://[::1]:49321/", true).SetArgDisplayNames("IPv6"),
    ];

    [TestCaseSource(nameof(Addresses))]
    public async Task A_program_is_led_back_to_exactly_its_address_apart_from_a_loopback_port(string address, bool good)
    {
        // 1
        using var browser = await _flow.AdministratorAsync();
        using var page = await browser.GetAsync(OAuthFlow.Authorize(("redirect_uri", address)));
        Assert.That(page.StatusCode, Is.EqualTo(good ? HttpStatusCode.OK : HttpStatusCode.BadRequest), browser.Text);
        Assert.That(page.Headers.Location, Is.Null);
    }

    [TestCase("code_challenge_method", "plain", "invalid_request")]
    [TestCase("code_challenge_method", null, "invalid_request")]
    [TestCase("code_challenge", null, "invalid_request")]
    [TestCase("response_type", "token", "unsupported_response_type")]
    [TestCase("response_type", "code token", "unsupported_response_type")]
    [TestCase("scope", "environments:everything", "invalid_scope")]
    [TestCase("scope", "openid", "invalid_scope")]
    public async Task There_is_no_flow_without_proof_of_the_program_and_none_that_shows_tokens_to_the_browser(
        string name, string? value, string error)
    {
        // 1
        using var browser = await _flow.AdministratorAsync();
        using var answer = await browser.GetAsync(OAuthFlow.Authorize((name, value)));

        // Nobody is led back before the address to be led to was verified.
        if (answer.Headers.Location is { } back)
        {
            Assert.That(back.OriginalString, Does.Contain($"error={error}").And.Contain("iss=").And.Not.Contain("code="));
        }
        else
        {
            Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
            Assert.That(browser.Text, Does.Not.Contain("Let it act for me"));
        }
    }

    [Test]
    public async Task There_is_no_grant_for_a_password()
    {
        // 1
        using var answer = await _flow.PostAsync(
            "/oauth/token", ("grant_type", "password"), ("client_id", OAuthFlow.Cli), ("username", (string)_host.Bootstrap["email"]!),
            ("password", (string)_host.Bootstrap["password"]!));
        await OAuthFlow.RefusedAsync(answer, "unsupported_grant_type");
    }

    [Test]
    public async Task A_code_is_good_once_and_its_second_use_ends_what_the_first_brought()
    {
        // 1
        using var browser = await _flow.AdministratorAsync();
        var code = await OAuthFlow.CodeAsync(browser);
        using var first = await _flow.RedeemAsync(code);
        var (access, refresh) = await OAuthFlow.TokensAsync(first);
        using var second = await _flow.RedeemAsync(code);
        await OAuthFlow.RefusedAsync(second, "invalid_grant");
        Assert.That((await _host.IntrospectAsync(access)).Active, Is.False);
        using var refreshed = await _flow.RefreshAsync(refresh);
        await OAuthFlow.RefusedAsync(refreshed, "invalid_grant");
        Assert.That(
            (await _host.AuditAsync("authentication_failure")).Count(e => (string?)e["meta"]!["reason"] == "code_reuse"),
            Is.EqualTo(1));
    }

    [Test]
    public async Task Of_many_that_redeem_a_code_at_once_one_gets_tokens()
    {
        // 1
        using var browser = await _flow.AdministratorAsync();
        var code = await OAuthFlow.CodeAsync(browser);
        var answers = await Task.WhenAll(Enumerable.Range(0, 12).Select(_ => _flow.RedeemAsync(code)));
        Assert.That(answers.Count(answer => answer.StatusCode == HttpStatusCode.OK), Is.EqualTo(1));
        Assert.That(answers.Select(answer => (int)answer.StatusCode), Is.All.LessThan(500));
    }

    [Test]
    public async Task A_code_is_good_for_its_program_its_address_and_its_verifier_only()
    {
        // 1
        using var browser = await _flow.AdministratorAsync();
        using var verifier = await _flow.RedeemAsync(await OAuthFlow.CodeAsync(browser), verifier: new string('a', 48));
        await OAuthFlow.RefusedAsync(verifier, "invalid_grant");
        using var address = await _flow.RedeemAsync(await OAuthFlow.CodeAsync(browser), redirect: "http://127.0.0.1:2/");
        await OAuthFlow.RefusedAsync(address, "invalid_grant");
        await _host.ExecuteAsync(
            """
            insert into oauth_clients (id, name, redirect_uris, grant_types, created_at)
            values ('another', 'Another', '{https://another.example.org/back}', '{authorization_code,refresh_token}', now())
            on conflict do nothing
            """);
        using var another = await _flow.PostAsync(
            "/oauth/token", ("grant_type", "authorization_code"), ("client_id", "another"), ("code", await OAuthFlow.CodeAsync(browser)),
            ("redirect_uri", OAuthFlow.Redirect), ("code_verifier", OAuthFlow.Verifier));
        await OAuthFlow.RefusedAsync(another, "invalid_grant");
        using var unknown = await _flow.RedeemAsync("nothing");
        await OAuthFlow.RefusedAsync(unknown, "invalid_grant");
    }

    [Test]
    public async Task A_client_with_a_secret_shows_it_and_may_ask_for_its_own_scopes_only()
    {
        var secret = SecretFormat.New(SecretFormat.ClientSecretPrefix);
        await _host.ExecuteAsync(
            $$"""
            insert into oauth_clients (id, name, secret_sha256, redirect_uris, grant_types, scopes, created_at)
            values ('dashboard', 'Dashboard', decode('{{Convert.ToHexString(SecretFormat.Sha256(secret))}}', 'hex'),
                '{https://dashboard.example.org/back}', '{authorization_code}', '{environments:read}', now())
            """);
        using var browser = await _flow.AdministratorAsync();
        (string, string?)[] request =
        [
            ("client_id", "dashboard"), ("redirect_uri", "https://dashboard.example.org/back"), ("scope", "environments:read"),
        ];
        foreach (var wrong in new[] { "", SecretFormat.New(SecretFormat.ClientSecretPrefix) })
        {
            using var refused = await RedeemAsync(await OAuthFlow.CodeAsync(browser, "*", request), wrong);
            await OAuthFlow.RefusedAsync(refused, "invalid_client");
        }

        using var good = await RedeemAsync(await OAuthFlow.CodeAsync(browser, "*", request), secret);
        var body = await good.JsonAsync();
        Assert.That(good.StatusCode, Is.EqualTo(HttpStatusCode.OK), body.ToJsonString());
        Assert.That(body.ContainsKey("refresh_token"), Is.False);
        using var wide = await browser.GetAsync(OAuthFlow.Authorize([.. request, ("scope", "environments:log")]));
        Assert.That(wide.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest), browser.Text);

        Task<HttpResponseMessage> RedeemAsync(string code, string with) => _flow.PostAsync(
            "/oauth/token",
            [
                ("grant_type", "authorization_code"), ("client_id", "dashboard"), ("code", code),
                ("redirect_uri", "https://dashboard.example.org/back"), ("code_verifier", OAuthFlow.Verifier),
                .. with.Length == 0 ? Array.Empty<(string, string)>() : [("client_secret", with)],
            ]);
    }

    [Test]
    public async Task A_refresh_token_is_good_once_and_its_second_use_ends_the_grant_in_every_hand()
    {
        // 4
        using var browser = await _flow.AdministratorAsync();
        var (access, first) = await _flow.SignInAsync(browser);
        using var one = await _flow.RefreshAsync(first);
        var (newer, second) = await OAuthFlow.TokensAsync(one);
        Assert.That(second, Is.Not.EqualTo(first));
        Assert.That((await _host.IntrospectAsync(newer)).Active, Is.True);
        using var again = await _flow.RefreshAsync(first);
        await OAuthFlow.RefusedAsync(again, "invalid_grant");
        using var after = await _flow.RefreshAsync(second);
        await OAuthFlow.RefusedAsync(after, "invalid_grant");
        foreach (var token in new[] { access, newer })
        {
            Assert.That((await _host.IntrospectAsync(token)).Active, Is.False);
        }

        var told = (await _host.AuditAsync("authentication_failure"))
            .Where(e => (string?)e["meta"]!["reason"] == "refresh_reuse").ToArray();
        Assert.That(told, Has.Length.EqualTo(1));
        Assert.That((string?)told[0]["actor"]!["email"], Is.EqualTo((string)_host.Bootstrap["email"]!));
        var ids = await _host.Db.QueryAsync<Guid>(
            "select id from tokens where sha256 = @First or sha256 = @Second",
            new { First = SecretFormat.Sha256(access), Second = SecretFormat.Sha256(newer) }, default);
        var revoked = (await _host.OutboxAsync("TokenRevoked")).SelectMany(e => e["tokens"]!.AsArray()).Select(id => (Guid)id!);
        Assert.That(ids, Is.SubsetOf(revoked.ToArray()), "Gateways are told at once.");
    }

    [Test]
    public async Task Of_many_that_refresh_at_once_with_one_token_none_keeps_what_it_got()
    {
        // 4: there is no time in which a token is good twice.
        using var browser = await _flow.AdministratorAsync();
        var (_, refresh) = await _flow.SignInAsync(browser);
        var answers = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => _flow.RefreshAsync(refresh)));
        var winner = answers.Single(answer => answer.StatusCode == HttpStatusCode.OK);
        Assert.That(answers.Select(answer => (int)answer.StatusCode), Is.All.LessThan(500));
        var (access, next) = await OAuthFlow.TokensAsync(winner);
        Assert.That((await _host.IntrospectAsync(access)).Active, Is.False);
        using var refused = await _flow.RefreshAsync(next);
        await OAuthFlow.RefusedAsync(refused, "invalid_grant");
    }

    [Test]
    public async Task A_refresh_can_narrow_what_the_token_is_good_for_and_never_widen_it()
    {
        using var browser = await _flow.AdministratorAsync();
        var (_, refresh) = await _flow.SignInAsync(browser);
        using var wide = await _flow.PostAsync(
            "/oauth/token", ("grant_type", "refresh_token"), ("client_id", OAuthFlow.Cli), ("refresh_token", refresh),
            ("scope", "members:write"));
        Assert.That((await wide.JsonAsync()).ContainsKey("error"), Is.True);
        using var narrow = await _flow.PostAsync(
            "/oauth/token", ("grant_type", "refresh_token"), ("client_id", OAuthFlow.Cli), ("refresh_token", refresh),
            ("scope", "environments:read"));
        var (access, _) = await OAuthFlow.TokensAsync(narrow);
        Assert.That((await _host.IntrospectAsync(access)).Scopes.Names, Is.EqualTo(new[] { "environments:read" }));
    }

    [Test]
    public async Task A_grant_ends_when_it_is_old_and_a_refresh_token_when_it_was_not_used()
    {
        using var browser = await _flow.AdministratorAsync();
        var (_, refresh) = await _flow.SignInAsync(browser);
        var left = await _host.Db.QuerySingleAsync<TimeSpan>(
            "select expires_at - now() from oauth_tokens where reference_sha256 = @Hash", new { Hash = Hash(refresh) }, default);
        Assert.That(left, Is.EqualTo(TimeSpan.FromDays(14)).Within(TimeSpan.FromMinutes(1)));
        await _host.ExecuteAsync(
            $"update oauth_grants set created_at = now() - interval '89 days' where id = (select grant_id from oauth_tokens where "
            + $"reference_sha256 = '{Hash(refresh)}')");
        using var late = await _flow.RefreshAsync(refresh);
        var (_, last) = await OAuthFlow.TokensAsync(late);
        left = await _host.Db.QuerySingleAsync<TimeSpan>(
            "select expires_at - now() from oauth_tokens where reference_sha256 = @Hash", new { Hash = Hash(last) }, default);
        Assert.That(left, Is.EqualTo(TimeSpan.FromDays(1)).Within(TimeSpan.FromMinutes(1)), "No use makes it good for longer.");
        await _host.ExecuteAsync(
            $"update oauth_grants set created_at = now() - interval '91 days' where id = (select grant_id from oauth_tokens where "
            + $"reference_sha256 = '{Hash(last)}')");
        using var over = await _flow.RefreshAsync(last);
        await OAuthFlow.RefusedAsync(over, "invalid_grant");
    }

    [Test]
    public async Task A_refresh_token_that_is_revoked_takes_the_grant_with_it()
    {
        // 4
        using var browser = await _flow.AdministratorAsync();
        var (access, refresh) = await _flow.SignInAsync(browser);
        using var other = await _flow.PostAsync("/oauth/revoke", ("token", refresh), ("client_id", "another"));
        Assert.That(other.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That((await _host.IntrospectAsync(access)).Active, Is.True, "It is not that client's.");
        using var revoked = await _flow.PostAsync(
            "/oauth/revoke", ("token", refresh), ("client_id", OAuthFlow.Cli), ("token_type_hint", "refresh_token"));
        Assert.That(revoked.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That((await _host.IntrospectAsync(access)).Active, Is.False);
        using var refused = await _flow.RefreshAsync(refresh);
        await OAuthFlow.RefusedAsync(refused, "invalid_grant");
        using var again = await _flow.PostAsync("/oauth/revoke", ("token", refresh));
        Assert.That(again.StatusCode, Is.EqualTo(HttpStatusCode.OK), "It is void already.");
    }

    [Test]
    public async Task Who_is_removed_from_an_organization_is_signed_in_there_no_more()
    {
        // 4
        var org = await _host.CreateOrganizationAsync();
        var email = $"{Guid.CreateVersion7():N}@example.org";
        await _host.AddMemberAsync(org, "member", email);
        using var browser = await _flow.BrowserAsync(email);
        var id = await _host.Db.QuerySingleAsync<Guid>("select id from organizations where slug = @org", new { org }, default);
        var (access, refresh) = await _flow.SignInAsync(browser, id.ToString());
        var subject = (await _host.IntrospectAsync(access)).SubjectId;
        using var client = await _host.AsOperatorAsync();
        using var removed = await client.DeleteAsync(new Uri($"/api/v1/orgs/{org}/members/{subject}", UriKind.Relative));
        Assert.That(removed.IsSuccessStatusCode, Is.True);
        Assert.That((await _host.IntrospectAsync(access)).Active, Is.False);
        using var refused = await _flow.RefreshAsync(refresh);
        await OAuthFlow.RefusedAsync(refused, "invalid_grant");
    }

    [Test]
    public async Task What_was_issued_is_nowhere_in_the_database_nor_in_what_is_told()
    {
        // 3
        using var browser = await _flow.AdministratorAsync();
        var code = await OAuthFlow.CodeAsync(browser);
        using var answer = await _flow.RedeemAsync(code);
        var (access, refresh) = await OAuthFlow.TokensAsync(answer);
        var device = await _flow.DeviceAsync();
        var stored = await _host.Db.QueryAsync<string>(
            """
            select t::text from oauth_tokens t union all select g::text from oauth_grants g union all select t::text from tokens t
            union all select o.body::text from outbox o
            """, null, default);
        var letters = ((string)device["user_code"]!).Replace("-", "", StringComparison.Ordinal);
        foreach (var secret in new[] { code, access, refresh, (string)device["device_code"]!, letters })
        {
            Assert.That(stored.Where(row => row.Contains(secret, StringComparison.Ordinal)), Is.Empty);
        }

        foreach (var secret in new[] { code, refresh, (string)device["device_code"]! })
        {
            Assert.That(secret, Has.Length.GreaterThanOrEqualTo(43), "256 bits");
        }
    }

    [Test]
    public async Task Discovery_says_what_there_is_and_nothing_more()
    {
        foreach (var document in new[] { "oauth-authorization-server", "openid-configuration" })
        {
            using var answer = await _flow.Nobody.GetAsync(new Uri($"/.well-known/{document}", UriKind.Relative));
            var body = await answer.JsonAsync();
            Assert.Multiple(() =>
            {
                Assert.That((string?)body["issuer"], Is.EqualTo("http://127.0.0.1:8080/"));
                Assert.That((string?)body["authorization_endpoint"], Is.EqualTo("http://127.0.0.1:8080/oauth/authorize"));
                Assert.That((string?)body["token_endpoint"], Is.EqualTo("http://127.0.0.1:8080/oauth/token"));
                Assert.That((string?)body["device_authorization_endpoint"], Is.EqualTo("http://127.0.0.1:8080/oauth/device"));
                Assert.That((string?)body["revocation_endpoint"], Is.EqualTo("http://127.0.0.1:8080/oauth/revoke"));
                Assert.That(Names(body, "grant_types_supported"), Is.EquivalentTo(
                    new[]
                    {
                        "authorization_code", "client_credentials", "refresh_token", OAuthFlow.DeviceGrant,
                        "urn:ietf:params:oauth:grant-type:token-exchange",
                    }));
                Assert.That(Names(body, "response_types_supported"), Is.EqualTo(new[] { "code" }));
                Assert.That(Names(body, "response_modes_supported"), Is.EqualTo(new[] { "query" }));
                Assert.That(Names(body, "code_challenge_methods_supported"), Is.EqualTo(new[] { "S256" }));
                Assert.That(
                    Names(body, "scopes_supported"),
                    Does.Contain("environments:log").And.Contain("offline_access").And.Not.Contain("openid"));
                Assert.That((bool?)body["authorization_response_iss_parameter_supported"], Is.True);
                Assert.That(body.ContainsKey("jwks_uri"), Is.False, "Nothing that is signed leaves the service.");
                Assert.That(
                    body.Select(member => member.Key).Where(name => new[] { "id_token", "claims", "subject_types" }
                        .Any(start => name.StartsWith(start, StringComparison.Ordinal))),
                    Is.Empty, "There are no ID tokens.");
            });
        }

        static string?[] Names(JsonObject body, string name) => [.. body[name]!.AsArray().Select(value => (string?)value)];
    }

    [Test]
    public async Task Codes_and_refresh_tokens_are_good_at_every_instance_and_after_a_restart()
    {
        await using var database = await TestDatabase.CreateAsync();
        string code;
        await using (var first = await IdentityHost.StartAsync(database))
        {
            var flow = new OAuthFlow(first);
            using var browser = await flow.AdministratorAsync();
            code = await OAuthFlow.CodeAsync(browser);
        }

        await using var second = await IdentityHost.StartAsync(database);
        using var answer = await new OAuthFlow(second).RedeemAsync(code);
        await OAuthFlow.TokensAsync(answer);
    }

    private static string Hash(string secret) => Convert.ToBase64String(SecretFormat.Sha256(secret));
}
