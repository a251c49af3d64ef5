using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

using EnvPlatform.Identity.SignIn;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.Testing;

using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace EnvPlatform.Identity.Tests.OAuth;

/// <summary>What somebody tries who wants in, or wants to know something, or to break something.</summary>
[TestFixture]
public sealed class AttackTests
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

    [TestCase("/oauth/token", "grant_type=client_credentials")]
    [TestCase("/oauth/device", "scope=environments:read")]
    [TestCase("/oauth/revoke", "token=x")]
    public async Task Credentials_that_hold_what_no_text_holds_are_refused(string path, string form)
    {
        foreach (var pair in new[] { "a%00b:c", "a:c%00d", "\u0001:x", "%ZZ:%", "%ED%A0%80:x", ":", "a", new string('x', 5_000) + ":y" })
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(path, UriKind.Relative))
            {
                Content = new StringContent(form, Encoding.ASCII, "application/x-www-form-urlencoded"),
            };
            request.Headers.Authorization = new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(pair)));
            using var answer = await _flow.Nobody.SendAsync(request);
            var body = await answer.JsonAsync();
            Assert.That((int)answer.StatusCode, Is.EqualTo(400).Or.EqualTo(401), $"{pair}: {body.ToJsonString()}");
            Assert.That((string?)body["error"], Is.EqualTo("invalid_client").Or.EqualTo("invalid_request"), pair);
        }
    }

    [TestCase("/sign-in", "email", "password")]
    [TestCase("/confirm", "return_to", "password")]
    [TestCase("/password", "current", "password")]
    [TestCase("/device", "user_code", "x")]
    [TestCase("/device/decision", "user_code", "decision")]
    [TestCase("/oauth/authorize", "client_id", "state")]
    [TestCase("/account/sessions/end", "id", "x")]
    [TestCase("/account/programs/end", "id", "x")]
    [TestCase("/invitations/join", "display_name", "email")]
    public async Task A_form_that_holds_what_no_text_holds_breaks_nothing(string path, params string[] names)
    {
        using var browser = await _flow.AdministratorAsync();
        using var page = await browser.GetAsync("/account");
        foreach (var name in names)
        {
            foreach (var value in new[] { "a\0b", "\u0085", "\uFFFE\u202E", new string('é', 7_000), Random(9_000) })
            {
                using var answer = await browser.PostAsync(path, fields: [(name, value)]);
                Assert.That((int)answer.StatusCode, Is.LessThan(500), $"{name}: {browser.Text}");
            }
        }
    }

    [TestCase("/ünïcode")]
    [TestCase("/a?b=ü€😀")]
    [TestCase("/\u2028x")]
    public async Task Whoever_is_led_back_to_an_address_that_no_header_holds_is_led_somewhere(string address)
    {
        using var browser = new PageBrowser(_host.Service.AsForwarded());
        using var page = await browser.GetAsync($"/sign-in?return_to={Uri.EscapeDataString(address)}");
        using var answer = await browser.PostAsync(
            "/sign-in", fields: [("email", (string)_host.Bootstrap["email"]!), ("password", (string)_host.Bootstrap["password"]!)]);
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.Redirect), browser.Text);
        var back = answer.Headers.Location!.OriginalString;
        Assert.That(back, Does.StartWith("/").And.Not.StartWith("//"));
        Assert.That(Ascii.IsValid(back), Is.True, back);
    }

    [Test]
    public async Task A_device_that_calls_itself_something_odd_is_let_ask()
    {
        foreach (var hostname in new[] { new string('a', 252) + "😀😀", "\u202Egnp.exe", new string('ü', 2_000) })
        {
            await _flow.DeviceAsync(("hostname", hostname), ("organization", hostname));
        }
    }

    [Test]
    public async Task Nobody_learns_by_the_time_of_an_answer_whether_an_account_is_there()
    {
        // 6: what is written to the audit log, and how often, differs; the answer waits for longer than that takes.
        var clock = new HeldClock();
        using var passwords = new PasswordChecks(Options.Create(new IdentityOptions()));
        var signIn = new PasswordSignIn(
            _host.Db, new AuthenticationFailures(_host.Db, clock), passwords, Options.Create(new IdentityOptions()), clock);
        foreach (var email in new[] { (string)_host.Bootstrap["email"]!, "nobody@example.org", (string)_host.Bootstrap["email"]! })
        {
            var answer = signIn.CheckAsync(email, "wrong", RequestOrigin.Unknown, CancellationToken.None);
            var over = await clock.Waiting.Task.WaitAsync(TimeSpan.FromMinutes(1));
            clock.Waiting = new();
            Assert.That(answer.IsCompleted, Is.False, email);
            over();
            Assert.That(await answer, Is.TypeOf<PasswordSignIn.Wrong>());
        }
    }

    [Test]
    public async Task What_an_administrators_account_signs_in_with_is_given_to_a_fresh_password_only()
    {
        // 5
        var org = await _host.CreateOrganizationAsync();
        var email = $"{Guid.CreateVersion7():N}@example.org";
        await _host.AddMemberAsync(org, "administrator", email);
        using var client = new OrganizationClient(await _host.AsBearerOfAsync(await _host.SignInAsync(email)), org);
        var root = await MakeAsync("Root", "administrator");
        var small = await MakeAsync("Small", "member");
        var narrow = (string)(await client.OkAsync(
            "POST", "service-accounts", new
            {
                name = "Narrow",
                role = "administrator",
                scopes = new[] { "members:write" },
                allowed_ips = new[] { "192.0.2.0/24" },
            }))["client_id"]!;
        await _host.ExecuteAsync("update tokens set authenticated_at = now() - interval '11 minutes' where kind = 'session'");
        var trust = new { issuer = "https://ci.example.org", audience = "x", subject_pattern = "repo:acme/app:*" };
        foreach (var (method, path, body) in new (string, string, object)[]
        {
            ("POST", $"service-accounts/{root}/secrets", new { }),
            ("POST", $"service-accounts/{root}/trusts", trust),
            ("PATCH", $"service-accounts/{small}", new { role = "administrator" }),
            ("PATCH", $"service-accounts/{narrow}", new { scopes = new[] { "members:write", "settings:write" } }),
            ("PATCH", $"service-accounts/{narrow}", JsonNode.Parse("""{ "scopes": null }""")!),
            ("PATCH", $"service-accounts/{narrow}", JsonNode.Parse("""{ "allowed_ips": null }""")!),
        })
        {
            Assert.That(await client.RefusedAsync(method, path, body), Is.EqualTo((403, "step_up_required")), $"{method} {path} {body}");
        }

        await client.OkAsync("POST", $"service-accounts/{small}/secrets", new { });
        await client.OkAsync("POST", $"service-accounts/{small}/trusts", trust);
        await client.OkAsync(
            "PATCH", $"service-accounts/{narrow}", new { description = "what it is for", scopes = new[] { "members:write" } });

        async Task<string> MakeAsync(string name, string role) =>
            (string)(await client.OkAsync("POST", "service-accounts", new { name, role }))["client_id"]!;
    }

    [Test]
    public async Task A_list_with_nothing_in_it_is_refused_in_words()
    {
        using var client = await OrganizationClient.OfNewAsync(_host);
        foreach (var field in new[] { "scopes", "allowed_ips" })
        {
            var body = JsonNode.Parse($$"""{ "name": "x", "role": "member", "{{field}}": [null] }""")!;
            var (status, _) = await client.SendAsync("POST", "service-accounts", body);
            Assert.That(status, Is.EqualTo(400), field);
        }
    }

    [Test]
    public async Task The_address_of_a_request_decides_nothing_for_the_person()
    {
        using var browser = await _flow.AdministratorAsync();
        using var page = await browser.GetAsync(
            OAuthFlow.Authorize(("decision", "allow"), ("chosen_organization", "*"), ("form_token", "forged")));
        Assert.That(page.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That(
            browser.Html, Does.Not.Contain("name=\"decision\" value=\"allow\" />").And.Not.Contain("value=\"forged\"")
                .And.Not.Contain("name=\"chosen_organization\" value"));
    }

    [Test]
    public async Task A_public_client_that_names_itself_revokes_what_is_its_own_only()
    {
        using var browser = await _flow.AdministratorAsync();
        var (access, _) = await _flow.SignInAsync(browser);
        using var other = await _flow.PostAsync("/oauth/revoke", ("token", access), ("client_id", "another"));
        Assert.That(other.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That((await _host.IntrospectAsync(access)).Active, Is.True);
        using var own = await _flow.PostAsync("/oauth/revoke", ("token", access), ("client_id", OAuthFlow.Cli));
        Assert.That((await _host.IntrospectAsync(access)).Active, Is.False);
    }

    [Test]
    public async Task An_organization_that_takes_no_codes_is_closed_to_devices_that_were_let_in_before()
    {
        // 2: otherwise one that was let into all organizations gets into those that are joined later, too.
        var org = await _host.CreateOrganizationAsync();
        var email = $"{Guid.CreateVersion7():N}@example.org";
        await _host.AddMemberAsync(org, "member", email);
        var id = await _host.Db.QuerySingleAsync<Guid>("select id from organizations where slug = @org", new { org }, default);
        using var browser = await _flow.BrowserAsync(email);
        var (all, one) = (await DeviceAsync("*"), await DeviceAsync(id.ToString()));
        var (code, _) = await _flow.SignInAsync(browser);
        foreach (var access in new[] { all.Access, one.Access, code })
        {
            Assert.That((await _host.IntrospectAsync(access, org)).Memberships, Has.Count.EqualTo(1));
        }

        await _host.ExecuteAsync($"update organization_settings set device_sign_in_allowed = false where org_id = '{id}'");
        Assert.That((await _host.IntrospectAsync(all.Access, org)).Memberships, Is.Empty);
        Assert.That((await _host.IntrospectAsync(one.Access, org)).Memberships, Is.Empty);
        Assert.That((await _host.IntrospectAsync(code, org)).Memberships, Has.Count.EqualTo(1), "It came by no device's code.");
        using var refused = await _flow.RefreshAsync(one.Refresh);
        await OAuthFlow.RefusedAsync(refused, "invalid_grant");
        await _host.ExecuteAsync($"update organization_settings set device_sign_in_allowed = true where org_id = '{id}'");
        Assert.That((await _host.IntrospectAsync(one.Access, org)).Memberships, Has.Count.EqualTo(1));

        async Task<(string Access, string Refresh)> DeviceAsync(string organization)
        {
            var device = await _flow.DeviceAsync();
            using var allowed = await OAuthFlow.DecideDeviceAsync(browser, device, organization: organization);
            using var poll = await _flow.PollAsync(device);
            return await OAuthFlow.TokensAsync(poll);
        }
    }

    [Test]
    public async Task A_person_sees_which_programs_act_for_it_and_ends_its_own_only()
    {
        var org = await _host.CreateOrganizationAsync();
        var email = $"{Guid.CreateVersion7():N}@example.org";
        await _host.AddMemberAsync(org, "member", email);
        using var victim = await _flow.BrowserAsync(email);
        var (access, refresh) = await _flow.SignInAsync(victim);
        var grant = await _host.Db.QuerySingleAsync<Guid>(
            "select grant_id from tokens where sha256 = @Sha256", new { Sha256 = SecretFormat.Sha256(access) }, default);
        using var attacker = await _flow.AdministratorAsync();
        using var page = await attacker.GetAsync("/account");
        using var foreign = await attacker.PostAsync("/account/programs/end", fields: [("id", grant.ToString())]);
        Assert.That((await _host.IntrospectAsync(access)).Active, Is.True, "It is another's.");
        using var mine = await victim.GetAsync("/account");
        Assert.That(victim.Text, Does.Contain("Programs that act for you").And.Contain("EnvPlatform command line"));
        using var ended = await victim.PostAsync("/account/programs/end", fields: [("id", grant.ToString())]);
        Assert.That((await _host.IntrospectAsync(access)).Active, Is.False);
        using var refused = await _flow.RefreshAsync(refresh);
        await OAuthFlow.RefusedAsync(refused, "invalid_grant");
        using var after = await victim.GetAsync("/account");
        Assert.That(victim.Text, Does.Not.Contain("Programs that act for you"));
        Assert.That(
            (await _host.AuditAsync("token_revoked")).Count(e => (string?)e["target"]!["id"] == grant.ToString()), Is.EqualTo(1));
    }

    [Test]
    public async Task A_password_that_is_given_again_and_is_wrong_is_told_as_such_once_a_minute_with_the_session()
    {
        var org = await _host.CreateOrganizationAsync();
        var email = $"{Guid.CreateVersion7():N}@example.org";
        await _host.AddMemberAsync(org, "member", email);
        using var browser = await _flow.BrowserAsync(email);
        var session = (await _host.IntrospectAsync(browser.Cookies[SessionCookie.Name])).TokenId;
        foreach (var path in new[] { "/confirm", "/password", "/confirm" })
        {
            using var page = await browser.GetAsync(path);
            using var answer = await browser.PostAsync(path, fields: [("password", "wrong"), ("current", "wrong")]);
            Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
        }

        var told = (await _host.AuditAsync("step_up_failed")).Single(e => (string?)e["target"]!["email"] == email);
        Assert.Multiple(() =>
        {
            Assert.That((string?)told["organization_name"], Is.EqualTo(org));
            Assert.That((string?)told["meta"]!["reason"], Is.EqualTo("bad_password"));
            Assert.That(told.ToJsonString(), Does.Contain(session));
            Assert.That(told.ToJsonString(), Does.Not.Contain("wrong\""));
        });
        Assert.That(
            (await _host.AuditAsync("authentication_failure")).Where(e => (string?)e["target"]!["email"] == email), Is.Empty,
            "It is told once, not twice.");
        var later = TimeProvider.System.GetUtcNow().AddMinutes(2);
        await _host.Service.Services.GetRequiredService<AuthenticationFailures>().WriteCountsAsync(later, CancellationToken.None);
        var counted = (await _host.AuditAsync("step_up_failed")).Last(e => (string?)e["target"]!["email"] == email);
        Assert.That((int)counted["meta"]!["count"]!, Is.EqualTo(2));
    }

    private static string Random(int length) =>
        RandomNumberGenerator.GetString("abcdefghijklmnopqrstuvwxyz0123456789", length);

    /// <summary>A clock whose delays are over when the test says so.</summary>
    private sealed class HeldClock : TimeProvider
    {
        public TaskCompletionSource<Action> Waiting { get; set; } = new();

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            if (dueTime != PasswordSignIn.Telling)
            {
                return base.CreateTimer(callback, state, dueTime, period);
            }

            Waiting.TrySetResult(() => callback(state));
            return base.CreateTimer(callback, state, Timeout.InfiniteTimeSpan, period);
        }
    }
}
