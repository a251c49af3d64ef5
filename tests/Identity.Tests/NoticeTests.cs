using System.Net.Http.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

using EnvPlatform.Identity.Notices;
using EnvPlatform.Identity.Tests.OAuth;
using EnvPlatform.Testing;

using Microsoft.Extensions.DependencyInjection;

namespace EnvPlatform.Identity.Tests;

/// <summary>What people are told by mail, with a real mail server, and the audit log in any case.</summary>
[TestFixture]
public sealed partial class NoticeTests
{
    private SmtpServer _server = null!;
    private TestDatabase _database = null!;
    private IdentityHost _host = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _server = await SmtpServer.StartAsync("none");
        _database = await TestDatabase.CreateAsync();
        _host = await IdentityHost.StartAsync(_database, null, Settings());
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        await _host.DisposeAsync();
        await _database.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Test]
    public async Task The_end_of_credentials_is_told_thirty_seven_and_one_days_before_once_by_however_many_instances()
    {
        var org = await _host.CreateOrganizationAsync();
        var (administrator, member) = (NewAddress(), NewAddress());
        await AddMemberAsync(org, "administrator", administrator);
        using var ada = await _host.AsBearerOfAsync(await AddMemberAsync(org, "member", member));
        var token = (string)(await CreatedAsync(
            ada, $"/api/v1/orgs/{org}/tokens", new { name = "nightly <b>", expires_at = In(100) }))["id"]!;
        using var boss = await _host.AsOperatorAsync();
        var account = await CreatedAsync(
            boss, $"/api/v1/orgs/{org}/service-accounts",
            new { name = "Build farm", role = "member", expires_at = In(200), secret_expires_at = In(100) });
        var (id, secret) = ((string)account["client_id"]!, (string)account["secret_id"]!);
        await using var other = await IdentityHost.StartAsync(_database, null, Settings());
        await RunAsync(other);
        Assert.That(await ToldAsync(org), Is.Empty);

        foreach (var (days, left) in new[] { (30, "29 days"), (7, "6 days 23 hours"), (1, "20 hours") })
        {
            await _host.ExecuteAsync(
                $"""
                update tokens set created_at = now() - interval '60 days', expires_at = now() + interval '{left}' where id = '{token}';
                update service_account_secrets set created_at = now() - interval '60 days', expires_at = now() + interval '{left}'
                where id = '{secret}';
                update service_accounts set created_at = now() - interval '60 days', expires_at = now() + interval '{left}'
                where id = '{id}';
                """);
            await RunAsync(other);
            await RunAsync(other);
            var told = (await ToldAsync(org)).Where(e => (int)e["meta"]!["days"]! == days).ToArray();
            Assert.That(
                told.Select(e => (string?)e["action_key"]).Order(StringComparer.Ordinal),
                Is.EqualTo(new[] { "service_account_expiring", "service_account_secret_expiring", "token_expiring" }));
            Assert.That(told.Select(e => (string?)e["organization_name"]), Is.All.EqualTo(org));
        }

        // Who can do something about it is told, in one mail each time.
        await Eventually.BecomesTrueAsync(
            () => Task.FromResult(MailsTo(administrator).Length == 3 && MailsTo(member).Length == 3), "the mails");
        foreach (var mail in MailsTo(administrator))
        {
            Assert.That(
                mail.TextBody,
                Does.Contain("A secret of the service account Build farm").And.Contain("- The service account Build farm"));
            Assert.That(mail.TextBody, Does.Not.Contain("nightly"));
        }

        Assert.That(MailsTo(member)[0].TextBody, Does.Contain("The token 'nightly <b>' of Ada in Organization").And.Contain("/account"));
        Assert.That(MailsTo(member)[0].HtmlBody, Does.Contain("nightly &lt;b&gt;"));
        await Eventually.BecomesTrueAsync(
            async () => await _host.CountAsync("select count(*) from notice_mails") == 0, "none waits any more");
    }

    [Test]
    public async Task What_was_made_for_a_short_time_is_not_told_of_as_if_it_ended_early()
    {
        var org = await _host.CreateOrganizationAsync();
        using var ada = await _host.AsBearerOfAsync(await AddMemberAsync(org, "member", NewAddress()));
        var token = (string)(await CreatedAsync(ada, $"/api/v1/orgs/{org}/tokens", new { name = "short", expires_at = In(5) }))["id"]!;
        await _host.Service.Services.GetRequiredService<AnnounceExpiries>().RunAsync(CancellationToken.None);
        Assert.That((await ToldAsync(org)).Where(e => (string?)e["target"]!["id"] == token), Is.Empty);
        await _host.ExecuteAsync(
            $"update tokens set created_at = now() - interval '5 days', expires_at = now() + interval '5 hours' where id = '{token}'");
        await _host.Service.Services.GetRequiredService<AnnounceExpiries>().RunAsync(CancellationToken.None);
        var told = (await ToldAsync(org)).Single(e => (string?)e["target"]!["id"] == token);
        Assert.That((int)told["meta"]!["days"]!, Is.EqualTo(1));
    }

    [Test]
    public async Task A_browser_that_is_new_is_told_of_once_and_the_first_is_no_news()
    {
        var org = await _host.CreateOrganizationAsync();
        var email = NewAddress();
        await AddMemberAsync(org, "member", email);
        var flow = new OAuthFlow(_host);
        using var first = await flow.BrowserAsync(email);
        using var second = await flow.BrowserAsync(email, address: "198.51.100.9");
        await Eventually.BecomesTrueAsync(() => Task.FromResult(MailsTo(email).Length > 0), "the mail");
        Assert.That(MailsTo(email).Single().TextBody, Does.Contain("From: 198.51.100.9").And.Contain("With: a browser (tests)"));

        // The same browsers again, from wherever.
        foreach (var browser in new[] { first, second })
        {
            using var form = await browser.GetAsync("/sign-out");
            using var left = await browser.PostAsync("/sign-out");
            await browser.SignInAsync(email, IdentityHost.Password);
        }

        var events = (await _host.AuditAsync("authentication_success")).Where(e => (string?)e["target"]!["email"] == email
            && (string?)e["meta"]!["method"] == "password").Select(e => (bool?)e["meta"]!["new_device"]);
        Assert.That(events, Is.EqualTo(new bool?[] { false, true, false, false }));
        using var third = await flow.BrowserAsync(email);
        await Eventually.BecomesTrueAsync(() => Task.FromResult(MailsTo(email).Length > 1), "the mail");
        Assert.That(MailsTo(email), Has.Length.EqualTo(2));
    }

    [Test]
    public async Task A_device_that_is_let_in_by_a_code_is_told_of()
    {
        var org = await _host.CreateOrganizationAsync();
        var email = NewAddress();
        await AddMemberAsync(org, "member", email);
        var flow = new OAuthFlow(_host);
        using var browser = await flow.BrowserAsync(email);
        foreach (var isNew in new[] { true, false })
        {
            var device = await flow.DeviceAsync(("hostname", "thief <i>"));
            using var allowed = await OAuthFlow.DecideDeviceAsync(browser, device);
            using var poll = await flow.PollAsync(device);
            await OAuthFlow.TokensAsync(poll);
            var told = (await _host.AuditAsync("authentication_success")).Last(e => (string?)e["meta"]!["method"] == "device_code"
                && (string?)e["target"]!["email"] == email);
            Assert.That((bool?)told["meta"]!["new_device"], Is.EqualTo(isNew));
        }

        await Eventually.BecomesTrueAsync(() => Task.FromResult(MailsTo(email).Length > 0), "the mail");
        var mail = MailsTo(email).Single();
        Assert.That(mail.Subject, Is.EqualTo("New sign-in to your account"));
        Assert.That(mail.TextBody, Does.Contain("EnvPlatform command line on thief <i>, by a code").And.Contain("change your password"));
        Assert.That(mail.HtmlBody, Does.Contain("thief &lt;i&gt;"));
    }

    [Test]
    public async Task A_program_that_signs_in_by_password_from_another_network_is_told_of()
    {
        var org = await _host.CreateOrganizationAsync();
        var email = NewAddress();
        await AddMemberAsync(org, "member", email);
        await _host.SignInAsync(email);
        await _host.SignInAsync(email);
        using var elsewhere = _host.Service.AsForwarded("203.0.113.77");
        using var answer = await elsewhere.PostAsJsonAsync("/api/v1/sign-in", new { email, password = IdentityHost.Password });
        Assert.That(answer.IsSuccessStatusCode, Is.True);
        await Eventually.BecomesTrueAsync(() => Task.FromResult(MailsTo(email).Length > 0), "the mail");
        Assert.That(MailsTo(email).Single().TextBody, Does.Contain("203.0.113.77"));
    }

    [Test]
    public async Task Where_no_mail_is_sent_none_waits_for_ever()
    {
        await using var host = await IdentityHost.StartAsync();
        var flow = new OAuthFlow(host);
        using var first = await flow.AdministratorAsync();
        using var second = await flow.AdministratorAsync();
        Assert.That((await host.AuditAsync("authentication_success")).Count(e => (bool?)e["meta"]!["new_device"] == true), Is.EqualTo(1));
        Assert.That(await host.CountAsync("select count(*) from notice_mails"), Is.Zero);
    }

    /// <summary>The initial token of somebody who was invited by mail.</summary>
    private async Task<string> AddMemberAsync(string org, string role, string email)
    {
        using var client = await _host.AsOperatorAsync();
        await CreatedAsync(client, $"/api/v1/orgs/{org}/members", new { email, display_name = "Ada", role });
        var mail = await Eventually.GetAsync(
            () => Task.FromResult((MimeKit.MimeMessage?)_server.Mails.FirstOrDefault(mail => mail.To == email).Mail), "the invitation");
        using var nobody = _host.Service.AsForwarded();
        var token = Token().Match(mail.TextBody ?? "").Value;
        return (string)(await CreatedAsync(
            nobody, "/api/v1/invitations/accept", new { token, password = IdentityHost.Password, display_name = "Ada" }))["token"]!;
    }

    private static string NewAddress() => $"{Guid.CreateVersion7():N}@example.org";

    private static DateTimeOffset In(int days) => TimeProvider.System.GetUtcNow().AddDays(days);

    private static async Task<JsonObject> CreatedAsync(HttpClient client, string path, object body)
    {
        using var response = await client.PostAsJsonAsync(path, body);
        Assert.That(response.IsSuccessStatusCode, Is.True, await response.Content.ReadAsStringAsync());
        return await response.JsonAsync();
    }

    private (string Key, string Value)[] Settings() =>
        [("Mail:Host", "localhost"), ("Mail:Port", $"{_server.Port}"), ("Mail:Security", "none"), ("Mail:From", "noreply@example.org")];

    /// <summary>Both instances at the same time.</summary>
    private Task RunAsync(IdentityHost other) => Task.WhenAll(new[] { _host, other }.SelectMany(host => Enumerable.Range(0, 2).Select(
        _ => host.Service.Services.GetRequiredService<AnnounceExpiries>().RunAsync(CancellationToken.None))));

    private async Task<List<JsonObject>> ToldAsync(string org) =>
    [
        .. (await _host.OutboxAsync("AuditEventOccurred")).Where(e => (string?)e["organization_name"] == org
            && ((string)e["action_key"]!).EndsWith("_expiring", StringComparison.Ordinal)),
    ];

    /// <summary>The notices, in order.</summary>
    private MimeKit.MimeMessage[] MailsTo(string address) =>
    [
        .. _server.Mails.Where(mail => mail.To == address).Select(mail => mail.Mail)
            .Where(mail => mail.Subject?.StartsWith("Invitation", StringComparison.Ordinal) != true),
    ];

    [GeneratedRegex("envi_[0-9A-Za-z]{36}", RegexOptions.ExplicitCapture, 10_000)]
    private static partial Regex Token();
}
