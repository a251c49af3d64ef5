using System.Net;

using EnvPlatform.Postgres;
using EnvPlatform.Testing;

namespace EnvPlatform.Identity.Tests.OAuth;

/// <summary>Programs that can open no browser. The numbers are those of the security rules for sign-in.</summary>
[TestFixture]
public sealed class DeviceTests
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
    public async Task A_device_shows_a_code_that_somebody_types_in_and_is_signed_in()
    {
        // 2
        var device = await _flow.DeviceAsync(("hostname", "build-7"));
        Assert.That((string?)device["user_code"], Does.Match("^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$"));
        Assert.That((string?)device["verification_uri"], Is.EqualTo("http://127.0.0.1:8080/device"));
        Assert.That((int)device["interval"]!, Is.EqualTo(5));
        Assert.That((int)device["expires_in"]!, Is.EqualTo(600).Within(2));
        using var early = await _flow.PollAsync(device);
        await OAuthFlow.RefusedAsync(early, "authorization_pending");

        using var browser = await _flow.BrowserAsync(
            (string)_host.Bootstrap["email"]!, (string)_host.Bootstrap["password"]!, address: "192.0.2.44");
        using var page = await browser.GetAsync("/device");
        Assert.That(browser.Text, Does.Contain("Only if you started this on your own machine"));
        var typed = ((string)device["user_code"]!).ToLowerInvariant().Replace('-', ' ');
        using var found = await browser.PostAsync("/device", fields: [("user_code", typed)]);
        Assert.That(found.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That(
            browser.Text,
            Does.Contain("EnvPlatform command line").And.Contain("build-7").And.Contain("192.0.2.7").And.Contain("environments:log")
                .And.Contain("Only if you started this on your own machine").And.Contain("another address than this browser"));
        using var allowed = await browser.PostAsync("/device/decision", fields: [("decision", "allow"), ("chosen_organization", "*")]);
        Assert.That(allowed.Headers.Location?.OriginalString, Is.EqualTo("/device/done"), browser.Text);

        using var poll = await _flow.PollAsync(device);
        var (access, refresh) = await OAuthFlow.TokensAsync(poll);
        var reply = await _host.IntrospectAsync(access);
        Assert.That(reply.Email, Is.EqualTo((string)_host.Bootstrap["email"]!));
        Assert.That(reply.Scopes.Names, Is.EqualTo(new[] { "environments:log" }));
        Assert.That(
            (await _host.AuditAsync("authentication_success")).Select(e => (string?)e["meta"]!["method"]), Does.Contain("device_code"));
        using var again = await _flow.PollAsync(device);
        await OAuthFlow.RefusedAsync(again, "invalid_grant");
        using var after = await _flow.RefreshAsync(refresh);
        await OAuthFlow.RefusedAsync(after, "invalid_grant");
    }

    [Test]
    public async Task A_device_beside_the_browser_is_not_marked()
    {
        var device = await _flow.DeviceAsync();
        using var browser = await _flow.AdministratorAsync();
        using var page = await browser.GetAsync("/device");
        using var found = await browser.PostAsync("/device", fields: [("user_code", (string)device["user_code"]!)]);
        Assert.That(found.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That(browser.Text, Does.Not.Contain("another address than this browser"));
    }

    [Test]
    public async Task The_address_of_the_page_fills_no_code_in()
    {
        // 2
        var device = await _flow.DeviceAsync();
        using var browser = await _flow.AdministratorAsync();
        using var page = await browser.GetAsync($"/device?user_code={device["user_code"]}");
        Assert.That(browser.Html, Does.Not.Contain((string)device["user_code"]!));
        Assert.That(browser.Text, Does.Not.Contain("Let it in"));
    }

    [Test]
    public async Task A_device_that_is_refused_is_told_and_its_code_is_void()
    {
        var device = await _flow.DeviceAsync();
        using var browser = await _flow.AdministratorAsync();
        using var refused = await OAuthFlow.DecideDeviceAsync(browser, device, "refuse");
        Assert.That(refused.Headers.Location?.OriginalString, Is.EqualTo("/device/refused"), browser.Text);
        using var poll = await _flow.PollAsync(device);
        await OAuthFlow.RefusedAsync(poll, "access_denied");
        using var page = await browser.GetAsync("/device");
        using var again = await browser.PostAsync("/device", fields: [("user_code", (string)device["user_code"]!)]);
        Assert.That(again.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
    }

    [Test]
    public async Task A_device_that_asks_too_often_is_told_to_slow_down_whichever_instance_it_asks()
    {
        await using var database = await TestDatabase.CreateAsync();
        await using var one = await IdentityHost.StartAsync(database);
        await using var two = await IdentityHost.StartAsync(database);
        var (first, second) = (new OAuthFlow(one), new OAuthFlow(two));
        var device = await first.DeviceAsync();
        using var asked = await first.PollAsync(device);
        await OAuthFlow.RefusedAsync(asked, "authorization_pending");
        using var early = await second.PollAsync(device);
        await OAuthFlow.RefusedAsync(early, "slow_down");
        var seconds = await one.Db.QuerySingleAsync<int>("select poll_seconds from oauth_grants", null, default);
        Assert.That(seconds, Is.EqualTo(10));
        await one.ExecuteAsync("update oauth_grants set polled_at = now() - interval '11 seconds'");
        using var patient = await second.PollAsync(device);
        await OAuthFlow.RefusedAsync(patient, "authorization_pending");
    }

    [Test]
    public async Task Five_wrong_codes_close_the_session_for_more_on_every_path_and_no_other()
    {
        // 2
        var device = await _flow.DeviceAsync();
        using var browser = await _flow.AdministratorAsync();
        using var page = await browser.GetAsync("/device");
        for (var i = 0; i < 5; i++)
        {
            var path = i % 2 == 0 ? "/device" : "/device/decision";
            using var wrong = await browser.PostAsync(path, fields: [("user_code", "BBBB-BBBB"), ("decision", "allow")]);
            Assert.That(wrong.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest), browser.Text);
        }

        foreach (var path in new[] { "/device", "/device/decision" })
        {
            using var again = await browser.GetAsync("/device");
            using var locked = await browser.PostAsync(
                path, fields: [("user_code", (string)device["user_code"]!), ("decision", "allow"), ("chosen_organization", "*")]);
            Assert.That(locked.StatusCode, Is.EqualTo(HttpStatusCode.TooManyRequests), "The right code too.");
        }

        using var other = await _flow.AdministratorAsync();
        using var allowed = await OAuthFlow.DecideDeviceAsync(other, device);
        Assert.That(allowed.Headers.Location?.OriginalString, Is.EqualTo("/device/done"), other.Text);
    }

    [Test]
    public async Task Right_codes_count_against_nothing()
    {
        using var browser = await _flow.AdministratorAsync();
        for (var i = 0; i < 8; i++)
        {
            using var allowed = await OAuthFlow.DecideDeviceAsync(browser, await _flow.DeviceAsync());
            Assert.That(allowed.Headers.Location?.OriginalString, Is.EqualTo("/device/done"), browser.Text);
        }
    }

    [Test]
    public async Task Of_two_people_who_let_a_device_in_at_once_one_does()
    {
        // 2
        var org = await _host.CreateOrganizationAsync();
        var browsers = new List<PageBrowser>();
        for (var i = 0; i < 6; i++)
        {
            var email = $"{Guid.CreateVersion7():N}@example.org";
            await _host.AddMemberAsync(org, "member", email);
            browsers.Add(await _flow.BrowserAsync(email));
        }

        var device = await _flow.DeviceAsync();
        foreach (var browser in browsers)
        {
            using var page = await browser.GetAsync("/device");
            using var found = await browser.PostAsync("/device", fields: [("user_code", (string)device["user_code"]!)]);
            Assert.That(found.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        }

        var answers = await Task.WhenAll(browsers.Select(browser =>
            browser.PostAsync("/device/decision", fields: [("decision", "allow"), ("chosen_organization", "*")])));
        Assert.That(answers.Count(answer => answer.Headers.Location?.OriginalString == "/device/done"), Is.EqualTo(1));
        Assert.That(answers.Select(answer => (int)answer.StatusCode), Is.All.LessThan(500));
        using var poll = await _flow.PollAsync(device);
        await OAuthFlow.TokensAsync(poll);
        browsers.ForEach(browser => browser.Dispose());
    }

    [Test]
    public async Task An_organization_that_allows_no_codes_is_signed_in_to_by_none()
    {
        // 2
        await using var host = await IdentityHost.StartAsync();
        var flow = new OAuthFlow(host);
        var org = await host.CreateOrganizationAsync();
        var email = $"{Guid.CreateVersion7():N}@example.org";
        await host.AddMemberAsync(org, "member", email);
        await host.ExecuteAsync(
            $"""
            update organization_settings set device_sign_in_allowed = false
            where org_id = (select id from organizations where slug = '{org}')
            """);
        using var browser = await flow.BrowserAsync(email);
        var id = await host.Db.QuerySingleAsync<Guid>("select id from organizations where slug = @org", new { org }, default);
        var device = await flow.DeviceAsync();
        foreach (var organization in new[] { "*", id.ToString() })
        {
            using var refused = await OAuthFlow.DecideDeviceAsync(browser, device, organization: organization);
            Assert.That(refused.StatusCode, Is.EqualTo(HttpStatusCode.Forbidden), browser.Text);
        }

        using var poll = await flow.PollAsync(device);
        await OAuthFlow.RefusedAsync(poll, "authorization_pending");
        var (access, _) = await flow.SignInAsync(browser, id.ToString());
        Assert.That((await host.IntrospectAsync(access)).Active, Is.True, "With a browser on the machine itself it works.");
    }

    [Test]
    public async Task A_device_is_let_in_to_organizations_of_the_person_only()
    {
        var (mine, other) = (await _host.CreateOrganizationAsync(), await _host.CreateOrganizationAsync());
        var email = $"{Guid.CreateVersion7():N}@example.org";
        await _host.AddMemberAsync(mine, "member", email);
        using var browser = await _flow.BrowserAsync(email);
        var id = await _host.Db.QuerySingleAsync<Guid>("select id from organizations where slug = @other", new { other }, default);
        using var refused = await OAuthFlow.DecideDeviceAsync(browser, await _flow.DeviceAsync(), organization: id.ToString());
        Assert.That(refused.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
    }

    [Test]
    public async Task Devices_behind_one_address_get_so_many_codes_and_no_more()
    {
        // 2
        await using var host = await IdentityHost.StartAsync(null, null, ("Identity:DeviceCodesPerAddress", "3"));
        var flow = new OAuthFlow(host);
        for (var i = 0; i < 3; i++)
        {
            await flow.DeviceAsync();
        }

        using var refused = await flow.PostAsync("/oauth/device", ("client_id", OAuthFlow.Cli));
        Assert.That(refused.StatusCode, Is.EqualTo(HttpStatusCode.TooManyRequests));
        Assert.That(refused.Headers.RetryAfter?.Delta, Is.GreaterThan(TimeSpan.Zero));
    }

    [Test]
    public async Task A_code_expires()
    {
        await using var host = await IdentityHost.StartAsync();
        var flow = new OAuthFlow(host);
        var device = await flow.DeviceAsync();
        await host.ExecuteAsync("update oauth_tokens set expires_at = now() - interval '1 second'");
        using var browser = await flow.AdministratorAsync();
        using var page = await browser.GetAsync("/device");
        using var late = await browser.PostAsync("/device", fields: [("user_code", (string)device["user_code"]!)]);
        Assert.That(late.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
        using var poll = await flow.PollAsync(device);
        await OAuthFlow.RefusedAsync(poll, "expired_token");
    }

    [Test]
    public async Task Who_is_not_signed_in_is_asked_to_and_led_back_to_the_page_without_a_code()
    {
        using var browser = new PageBrowser(_host.Service.AsForwarded());
        using var answer = await browser.GetAsync("/device?user_code=BBBB-BBBB");
        Assert.That(answer.Headers.Location?.OriginalString, Is.EqualTo("/sign-in?return_to=%2Fdevice"));
    }
}
