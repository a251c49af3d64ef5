using System.Net;
using System.Net.Http.Json;

using EnvPlatform.Identity.SignIn;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.Testing;

namespace EnvPlatform.Identity.Tests.Pages;

/// <summary>Signing in and out with a browser. The numbers are those of the security rules for sign-in.</summary>
[TestFixture]
public sealed class SignInPageTests
{
    private IdentityHost _host = null!;

    private string Email => (string)_host.Bootstrap["email"]!;

    private string Password => (string)_host.Bootstrap["password"]!;

    [OneTimeSetUp]
    public async Task StartAsync() => _host = await IdentityHost.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await _host.DisposeAsync();

    [Test]
    public async Task Signing_in_begins_a_session_in_a_cookie_that_scripts_and_other_hosts_do_not_get()
    {
        using var browser = Browser();
        using var page = await browser.GetAsync("/sign-in?return_to=%2Faccount");
        using var answer = await browser.PostAsync("/sign-in", fields: [("email", Email.ToUpperInvariant()), ("password", Password)]);
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.Redirect));
        Assert.That(answer.Headers.Location?.OriginalString, Is.EqualTo("/account"));
        // 3: 256 bits, in the cookie alone; the database has the hash.
        var cookie = browser.SetCookies.Single(set => set.StartsWith(SessionCookie.Name, StringComparison.Ordinal));
        Assert.That(
            cookie.Split("; ").Skip(1).Select(part => part.ToLowerInvariant()),
            Is.EquivalentTo(new[] { "path=/", "secure", "httponly", "samesite=lax" }));
        var secret = browser.Cookies[SessionCookie.Name];
        Assert.That(SessionCookie.IsWellFormed(secret), Is.True);
        Assert.That(await StoredAsync(secret), Is.EqualTo(1));
        using var account = await browser.GetAsync("/account");
        Assert.That(account.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That(browser.Text, Does.Contain(Email));
        var told = (await _host.AuditAsync("authentication_success")).Last(e => (string?)e["meta"]!["method"] == "password");
        Assert.That(told.ToJsonString(), Does.Not.Contain(secret).And.Not.Contain(Password));
    }

    [Test]
    public async Task The_id_of_the_session_changes_at_sign_in_and_the_one_before_ends()
    {
        // 8
        using var browser = Browser();
        var planted = SessionCookie.New();
        browser.SetCookie(SessionCookie.Name, planted);
        await browser.SignInAsync(Email, Password);
        var first = browser.Cookies[SessionCookie.Name];
        Assert.That(first, Is.Not.EqualTo(planted));

        // Again in the same browser, which asks for it though it is signed in.
        browser.SetCookie(SessionCookie.Name, "none");
        using var page = await browser.GetAsync("/sign-in");
        Assert.That(page.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        using var second = await browser.PostAsync("/sign-in", fields: [("email", Email), ("password", Password)]);
        Assert.That(browser.Cookies[SessionCookie.Name], Is.Not.EqualTo(first));
        Assert.That((await _host.IntrospectAsync(planted)).Active, Is.False);
    }

    [Test]
    public async Task The_answer_is_the_same_for_an_unknown_address_a_wrong_password_and_a_closed_account()
    {
        // 6
        await using var host = await IdentityHost.StartAsync(null, null, ("Identity:FailedSignInsPerAccount", "2"));
        var known = (string)host.Bootstrap["email"]!;
        var answers = new List<(HttpStatusCode Status, string Text)>();
        foreach (var email in new[] { "nobody@example.org", known, known, known, "nobody@example.org", "nobody@example.org" })
        {
            using var browser = new PageBrowser(host.Service.AsForwarded());
            using var page = await browser.GetAsync("/sign-in");
            using var answer = await browser.PostAsync("/sign-in", fields: [("email", email), ("password", "wrong")]);
            Assert.That(answer.Headers.RetryAfter, Is.Null);
            answers.Add((answer.StatusCode, browser.Text));
        }

        Assert.That(answers.Distinct().Count(), Is.EqualTo(1), string.Join("\n", answers));
        Assert.That(answers[0].Status, Is.EqualTo(HttpStatusCode.Unauthorized));

        // The limit holds for the page and the API together.
        using var api = host.Service.AsForwarded();
        using var closed = await api.PostAsJsonAsync(
            "/api/v1/sign-in", new { email = known, password = (string)host.Bootstrap["password"]! });
        Assert.That(closed.StatusCode, Is.EqualTo(HttpStatusCode.TooManyRequests));
    }

    [Test]
    public async Task The_limit_of_the_page_holds_in_another_instance_and_after_a_restart()
    {
        // 6
        await using var database = await TestDatabase.CreateAsync();
        var limit = ("Identity:FailedSignInsPerAccount", "2");
        string email, password, file;
        await using (var first = await IdentityHost.StartAsync(database, null, limit))
        {
            (email, password, file) = ((string)first.Bootstrap["email"]!, (string)first.Bootstrap["password"]!, first.BootstrapFile);
            await using var second = await IdentityHost.StartAsync(database, null, limit);
            foreach (var host in new[] { first, second })
            {
                using var browser = new PageBrowser(host.Service.AsForwarded());
                using var page = await browser.GetAsync("/sign-in");
                using var wrong = await browser.PostAsync("/sign-in", fields: [("email", email), ("password", "wrong")]);
            }
        }

        await using var again = await IdentityHost.StartAsync(database, null, limit);
        using var late = new PageBrowser(again.Service.AsForwarded());
        using var form = await late.GetAsync("/sign-in");
        using var answer = await late.PostAsync("/sign-in", fields: [("email", email), ("password", password)]);
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized), "closed, though the password is right");
        await again.ExecuteAsync("update failed_sign_ins set window_ends_at = now() - interval '1 second'");
        using var open = await late.PostAsync("/sign-in", fields: [("email", email), ("password", password)]);
        Assert.That(open.StatusCode, Is.EqualTo(HttpStatusCode.Redirect));
    }

    [TestCase("cross-site")]
    [TestCase("same-site")]
    [TestCase("none")]
    public async Task A_form_that_another_site_sends_does_nothing(string site)
    {
        // 8
        using var browser = Browser();
        using var page = await browser.GetAsync("/sign-in");
        using var answer = await browser.PostAsync("/sign-in", site, ("email", Email), ("password", Password));
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
        Assert.That(browser.Cookies.Keys, Has.No.Member(SessionCookie.Name));
    }

    [Test]
    public async Task Every_form_asks_for_its_token_which_is_of_this_browser_and_this_session()
    {
        // 8
        using var other = Browser();
        using var theirs = await other.GetAsync("/sign-in");
        using var browser = Browser();
        using var page = await browser.GetAsync("/sign-in");
        using var without = await browser.PostAsync(
            "/sign-in", fields: [("email", Email), ("password", Password), ("form_token", "")]);
        Assert.That(without.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
        using var copied = other.CopyTo(_host.Service.AsForwarded());
        foreach (var (name, value) in browser.Cookies)
        {
            copied.SetCookie(name, value);
        }

        using var foreign = await copied.PostAsync("/sign-in", fields: [("email", Email), ("password", Password)]);
        Assert.That(foreign.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest), "the token of another browser");

        // A form from before the sign-in is good no more behind it.
        using var again = await browser.GetAsync("/sign-in");
        var before = browser.Html;
        using var signedIn = await browser.PostAsync("/sign-in", fields: [("email", Email), ("password", Password)]);
        Assert.That(signedIn.StatusCode, Is.EqualTo(HttpStatusCode.Redirect));
        using var stale = await browser.PostAsync("/sign-out", fields: [("form_token", TokenIn(before))]);
        Assert.That(stale.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
        using var still = await browser.GetAsync("/account");
        Assert.That(still.StatusCode, Is.EqualTo(HttpStatusCode.OK));
    }

    [Test]
    public async Task Forms_and_sessions_outlive_a_restart_and_are_read_by_another_instance()
    {
        await using var database = await TestDatabase.CreateAsync();
        await using var first = await IdentityHost.StartAsync(database);
        await using var second = await IdentityHost.StartAsync(database);
        var (email, password) = ((string)first.Bootstrap["email"]!, (string)first.Bootstrap["password"]!);
        using var one = new PageBrowser(first.Service.AsForwarded());
        using var page = await one.GetAsync("/sign-in");
        using var two = one.CopyTo(second.Service.AsForwarded());
        using var signedIn = await two.PostAsync("/sign-in", fields: [("email", email), ("password", password)]);
        Assert.That(signedIn.StatusCode, Is.EqualTo(HttpStatusCode.Redirect), two.Text);
        using var form = await two.GetAsync("/sign-out");
        await using var third = await IdentityHost.StartAsync(database);
        using var three = two.CopyTo(third.Service.AsForwarded());
        using var account = await three.GetAsync("/account");
        Assert.That(account.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        using var back = two.CopyTo(third.Service.AsForwarded());
        using var signedOut = await back.PostAsync("/sign-out");
        Assert.That(signedOut.StatusCode, Is.EqualTo(HttpStatusCode.Redirect), back.Text);
        var keys = await first.Db.QueryAsync<string>("select xml from data_protection_keys", null, CancellationToken.None);
        Assert.That(keys, Has.Count.EqualTo(1), "The instances have one key together.");
        // 9
        Assert.That(keys[0], Does.Contain("encryptedByServiceSecret").And.Not.Contain("masterKey"));
    }

    [Test]
    public async Task A_session_ends_when_it_is_not_used_for_an_hour_and_twelve_hours_after_it_began()
    {
        await using var host = await IdentityHost.StartAsync();
        var (email, password) = ((string)host.Bootstrap["email"]!, (string)host.Bootstrap["password"]!);
        foreach (var (change, isOver) in new[]
        {
            ("last_used_at = now() - interval '59 minutes'", false),
            ("last_used_at = now() - interval '61 minutes'", true),
            ("expires_at = expires_at - interval '12 hours'", true),
        })
        {
            using var browser = new PageBrowser(host.Service.AsForwarded());
            await browser.SignInAsync(email, password);
            await host.ExecuteAsync($"update tokens set {change} where kind = 'session'");
            Assert.That((await host.IntrospectAsync(browser.Cookies[SessionCookie.Name])).Active, Is.EqualTo(!isOver), change);
            using var account = await browser.GetAsync("/account");
            Assert.That(account.StatusCode, Is.EqualTo(isOver ? HttpStatusCode.Redirect : HttpStatusCode.OK), change);
            await host.ExecuteAsync("delete from tokens where kind = 'session'");
        }
    }

    [Test]
    public async Task Signing_out_ends_the_session_on_the_server_and_everywhere()
    {
        // 4
        using var browser = Browser();
        await browser.SignInAsync(Email, Password);
        var secret = browser.Cookies[SessionCookie.Name];
        var id = (await _host.IntrospectAsync(secret)).TokenId;
        using var page = await browser.GetAsync("/sign-out");
        Assert.That((await _host.IntrospectAsync(secret)).Active, Is.True, "Opening the page ends nothing.");
        using var answer = await browser.PostAsync("/sign-out");
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.Redirect));
        Assert.That(browser.Cookies.Keys, Has.No.Member(SessionCookie.Name));
        Assert.That((await _host.IntrospectAsync(secret)).Active, Is.False);
        Assert.That((await _host.OutboxAsync("TokenRevoked")).Select(e => e.ToJsonString()), Has.Some.Contains(id));
        Assert.That((await _host.AuditAsync("session_revoked")).Select(e => (string?)e["target"]!["id"]), Has.Member(id));
        browser.SetCookie(SessionCookie.Name, secret);
        using var account = await browser.GetAsync("/account");
        Assert.That(account.Headers.Location?.OriginalString, Is.EqualTo("/sign-in?return_to=%2Faccount"));
    }

    [Test]
    public async Task A_session_is_listed_with_the_others_and_ended_from_another_one()
    {
        using var lost = Browser();
        await lost.SignInAsync(Email, Password);
        var secret = lost.Cookies[SessionCookie.Name];
        var id = (await _host.IntrospectAsync(secret)).TokenId;
        using var client = await _host.AsBearerOfAsync(await _host.SignInAsync(Email, Password));
        var list = await (await client.GetAsync(new Uri("/api/v1/me/sessions", UriKind.Relative))).JsonAsync();
        Assert.That(list["items"]!.AsArray().Select(item => (string?)item!["id"]), Has.Member(id));
        using var browser = Browser();
        await browser.SignInAsync(Email, Password);
        using var account = await browser.GetAsync("/account");
        Assert.That(browser.Html, Does.Contain(id));
        using var ended = await browser.PostAsync("/account/sessions/end", fields: [("id", id)]);
        Assert.That(ended.StatusCode, Is.EqualTo(HttpStatusCode.Redirect));
        Assert.That((await _host.IntrospectAsync(secret)).Active, Is.False);
    }

    [TestCase("/account?a=b", true)]
    [TestCase("/device?user_code=ABCD", true)]
    [TestCase("//evil.example", false)]
    [TestCase("/\\evil.example", false)]
    [TestCase("/\t/evil.example", false)]
    [TestCase("/%09/evil.example", true)]
    [TestCase("https://evil.example/", false)]
    [TestCase("javascript:alert(1)", false)]
    [TestCase("evil.example", false)]
    [TestCase("", false)]
    [TestCase(null, false)]
    public void Pages_lead_back_to_addresses_of_this_host_only(string? address, bool isLocal) =>
        // 8
        Assert.That(ReturnAddress.Local(address), Is.EqualTo(isLocal ? address : "/account"));

    [Test]
    public async Task Pages_are_not_stored_framed_or_scripted_and_say_so()
    {
        // 8
        using var browser = Browser();
        foreach (var path in new[] { "/sign-in", "/sign-out", "/account" })
        {
            using var page = await browser.GetAsync(path);
            var headers = page.Headers.ToDictionary(header => header.Key, header => string.Join(", ", header.Value));
            Assert.That(headers["Cache-Control"], Does.Contain("no-store"), path);
            Assert.That(headers["Referrer-Policy"], Is.EqualTo("no-referrer"));
            Assert.That(headers["X-Frame-Options"], Is.EqualTo("DENY"));
            Assert.That(
                headers["Content-Security-Policy"],
                Does.Contain("default-src 'none'").And.Contain("style-src 'self'").And.Contain("form-action 'self'")
                    .And.Contain("frame-ancestors 'none'").And.Contain("base-uri 'none'")
                    .And.Not.Contain("unsafe").And.Not.Contain("script"));
            Assert.That(browser.Html, Does.Not.Contain("<script").And.Not.Contain("style=\"").And.Not.Contain("onclick"));
        }
    }

    [Test]
    public async Task What_somebody_typed_is_shown_as_text()
    {
        using var browser = Browser();
        using var page = await browser.GetAsync("/sign-in?return_to=" + Uri.EscapeDataString("/a\"><script>alert(1)</script>"));
        Assert.That(browser.Html, Does.Not.Contain("<script"));
        using var answer = await browser.PostAsync(
            "/sign-in", fields: [("email", "\"><script>alert(1)</script>@example.org"), ("password", "x")]);
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
        Assert.That(browser.Html, Does.Not.Contain("<script").And.Not.Contain("value=\"x\""));
    }

    [Test]
    public async Task The_stylesheet_is_served_under_the_address_of_its_content()
    {
        using var browser = Browser();
        using var page = await browser.GetAsync("/sign-in");
        var path = browser.Html.Split("<link rel=\"stylesheet\" href=\"")[1].Split('"')[0];
        using var sheet = await browser.GetAsync(path);
        Assert.That(sheet.Content.Headers.ContentType?.MediaType, Is.EqualTo("text/css"));
        Assert.That(sheet.Headers.CacheControl?.ToString(), Does.Contain("immutable"));
        using var other = await browser.GetAsync("/assets/identity-0.css");
        Assert.That(other.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
    }

    private static string TokenIn(string html) => html.Split("name=\"form_token\" value=\"")[1].Split('"')[0];

    private PageBrowser Browser() => new(_host.Service.AsForwarded());

    private Task<long> StoredAsync(string secret) => _host.Db.QuerySingleAsync<long>(
        "select count(*) from tokens where sha256 = @Sha256 and kind = 'session'", new { Sha256 = SecretFormat.Sha256(secret) },
        CancellationToken.None);
}
