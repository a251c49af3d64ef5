using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

using EnvPlatform.Testing;

namespace EnvPlatform.Identity.Tests;

/// <summary>Invitations by mail, with a real mail server.</summary>
[TestFixture]
public sealed partial class MailTests
{
    private SmtpServer _server = null!;
    private IdentityHost _host = null!;

    [TearDown]
    public async Task StopAsync()
    {
        if (_host is not null)
        {
            await _host.DisposeAsync();
            _host = null!;
        }

        if (_server is not null)
        {
            await _server.DisposeAsync();
            _server = null!;
        }
    }

    [TestCase("starttls")]
    [TestCase("tls")]
    public async Task An_invitation_goes_by_mail_over_TLS_and_only_who_reads_the_mail_has_its_token(string security)
    {
        await StartAsync(security, security);
        var org = await _host.CreateOrganizationAsync();
        using var client = await _host.AsOperatorAsync();
        var address = NewAddress();
        var result = (await InviteAsync(client, org, "We <b>need</b> you.\nSoon.", address))[0]!;
        Assert.That((string?)result["token"] ?? (string?)result["link"], Is.Null, "shown to nobody");
        var (to, secure, user, mail) = await MailToAsync(address);
        Assert.Multiple(() =>
        {
            Assert.That((to, secure, user), Is.EqualTo((address, true, SmtpServer.User)));
            Assert.That(mail.From.ToString(), Does.Contain("noreply@envplatform.example"));
            Assert.That(mail.Subject, Is.EqualTo("Invitation to Organization"));
            Assert.That(mail.TextBody, Does.Contain("Administrator invites you to Organization").And.Contain("We <b>need</b> you."));
            Assert.That(mail.HtmlBody, Does.Contain("We &lt;b&gt;need&lt;/b&gt; you.").And.Not.Contain("<script"));
        });
        await StateBecomesAsync(client, org, address, "pending", "sent");
        var token = TokenIn(mail);
        Assert.That((await _host.OutboxAsync("AuditEventOccurred")).Select(e => e.ToJsonString()), Has.None.Contain(token));
        Assert.That(
            await _host.CountAsync($"select count(*) from invitations i where i::text like '%{token}%'"), Is.Zero, "stored nowhere");
        using var joined = await JoinAsync(token);
        Assert.That(joined.StatusCode, Is.EqualTo(HttpStatusCode.OK), await joined.Content.ReadAsStringAsync());

        // The token came by mail only: the address is the account's from now on, and the next invitation needs no token.
        var other = await _host.CreateOrganizationAsync();
        using var there = await _host.AsOperatorAsync();
        await InviteAsync(there, other, null, address);
        using var session = await _host.AsBearerOfAsync(await _host.SignInAsync(address));
        var mine = await (await session.GetAsync(new Uri("/api/v1/me/invitations", UriKind.Relative))).JsonAsync();
        using var accepted = await session.PostAsync(
            new Uri($"/api/v1/me/invitations/{mine["items"]![0]!["id"]}/accept", UriKind.Relative), null);
        Assert.That(accepted.StatusCode, Is.EqualTo(HttpStatusCode.OK), await accepted.Content.ReadAsStringAsync());
    }

    [Test]
    public async Task An_address_that_does_not_exist_fails_at_once_and_one_that_is_busy_is_tried_again()
    {
        await StartAsync("starttls", "starttls");
        var org = await _host.CreateOrganizationAsync();
        using var client = await _host.AsOperatorAsync();
        var (refused, later) = ("refused-" + NewAddress(), "later-" + NewAddress());
        await InviteAsync(client, org, null, refused, later);
        await StateBecomesAsync(client, org, refused, "failed", "failed");
        await StateBecomesAsync(client, org, later, "pending", "sent");
        Assert.That(_server.Recipients.Count(one => one == refused), Is.EqualTo(1), "nobody is asked for again who does not exist");
        Assert.That(_server.Recipients.Count(one => one == later), Is.EqualTo(2));
        var said = (await _host.AuditAsync("invitation_failed")).Single();
        Assert.That((string?)said["target"]!["email"], Is.EqualTo(refused));
        Assert.That((string?)said["meta"]!["reason"], Does.Contain("550").And.Not.Contain("unknown here"));

        // It can be sent again, and withdrawn, as any other.
        var id = (string)(await ItemAsync(client, org, refused))["id"]!;
        using var withdrawn = await client.DeleteAsync(new Uri($"/api/v1/orgs/{org}/invitations/{id}", UriKind.Relative));
        Assert.That(withdrawn.StatusCode, Is.EqualTo(HttpStatusCode.NoContent));
    }

    [TestCase("tls", "tls", "Mail:CaFile", "", "certificate")]
    [TestCase("tls", "tls", "Mail:Host", "127.0.0.1", "certificate")]
    [TestCase("none", "starttls", "Mail:User", "", "STARTTLS")]
    [TestCase("starttls", "starttls", "Mail:Password", "another password", "Mail:Password")]
    [TestCase("starttls", "starttls", "Mail:Port", "1", "reached")]
    public async Task A_mail_is_sent_to_no_server_that_is_not_the_one_meant(
        string mode, string security, string setting, string value, string reason)
    {
        await StartAsync(mode, security, (setting, value), ("Mail:Tries", "1"));
        var org = await _host.CreateOrganizationAsync();
        using var client = await _host.AsOperatorAsync();
        var address = NewAddress();
        await InviteAsync(client, org, null, address);
        await StateBecomesAsync(client, org, address, "failed", "failed");
        var shown = await ItemAsync(client, org, address);
        Assert.That((string?)shown["mail_error"], Does.Contain(reason));
        Assert.That(shown.ToJsonString(), Does.Not.Contain(SmtpServer.Password).And.Not.Contain("another password"));
        Assert.That(_server.Mails, Is.Empty);
        Assert.That(_server.Recipients, Is.Empty);
    }

    [Test]
    public async Task An_invitation_that_is_resent_has_another_link_and_the_first_is_dead()
    {
        await StartAsync("starttls", "starttls");
        var org = await _host.CreateOrganizationAsync();
        using var client = await _host.AsOperatorAsync();
        var address = NewAddress();
        var result = (await InviteAsync(client, org, null, address))[0]!;
        var first = TokenIn((await MailToAsync(address)).Mail);
        using var resent = await client.PostAsync(new Uri($"/api/v1/orgs/{org}/invitations/{result["id"]}/resend", UriKind.Relative), null);
        Assert.That((await resent.JsonAsync())["token"], Is.Null);
        using var dead = await JoinAsync(first);
        Assert.That(dead.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
        using var joined = await JoinAsync(TokenIn((await MailToAsync(address, 2)).Mail));
        Assert.That(joined.StatusCode, Is.EqualTo(HttpStatusCode.OK));
    }

    [Test]
    public async Task Who_follows_a_link_for_a_domain_shows_by_mail_that_the_address_is_of_it()
    {
        await StartAsync("starttls", "starttls");
        var (org, other) = (await _host.CreateOrganizationAsync(), await _host.CreateOrganizationAsync());
        using var client = await _host.AsOperatorAsync();
        using var made = await client.PostAsJsonAsync(
            $"/api/v1/orgs/{org}/invitations", new { role = "member", link = new { max_uses = 5, email_domain = "Example.ORG" } });
        var token = (string)(await made.JsonAsync())["results"]![0]!["token"]!;
        var (address, known) = (NewAddress(), NewAddress());
        await InviteAsync(client, other, null, known);
        using var account = await JoinAsync(TokenIn((await MailToAsync(known)).Mail));
        Assert.That(account.StatusCode, Is.EqualTo(HttpStatusCode.OK));

        using var foreign = await JoinAsync(token, "x@example.com");
        Assert.That((string?)(await foreign.JsonAsync())["code"], Is.EqualTo("email_mismatch"));
        using var unknown = await JoinAsync(token, address);
        using var hasAccount = await JoinAsync(token, known);
        Assert.That(unknown.StatusCode, Is.EqualTo(HttpStatusCode.Accepted));
        Assert.That(hasAccount.StatusCode, Is.EqualTo(HttpStatusCode.Accepted), "who has an account is not told");
        Assert.That(await unknown.Content.ReadAsStringAsync(), Is.EqualTo(await hasAccount.Content.ReadAsStringAsync()));
        using var joined = await JoinAsync(TokenIn((await MailToAsync(address)).Mail));
        Assert.That(joined.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That((int)(await ItemAsync(client, org, null))["uses"]!, Is.EqualTo(2));
    }

    [Test]
    public async Task A_link_for_a_domain_gives_its_groups_and_its_seats_through_the_mail()
    {
        await StartAsync("starttls", "starttls");
        using var ada = await OrganizationClient.OfNewAsync(_host);
        await ada.OkAsync(
            "PATCH", "products", new { products = new[] { new { product = "environments", limit = 4, auto_assign = false } } });
        var group = (string)(await ada.OkAsync("POST", "groups", new { name = "labs" }))["id"]!;
        var made = await ada.OkAsync(
            "POST", "invitations",
            new
            {
                role = "member",
                link = new { max_uses = 2, email_domain = "example.org" },
                group_ids = new[] { group },
                products = new[] { "environments" },
            });
        var (token, address, late) = ((string)made["results"]![0]!["token"]!, NewAddress(), NewAddress());
        var before = await SeatsAsync(ada);
        using var followed = await JoinAsync(token, address);
        using var followedLate = await JoinAsync(token, late);
        Assert.That(
            new[] { followed.StatusCode, followedLate.StatusCode }, Is.All.EqualTo(HttpStatusCode.Accepted));
        Assert.That(await SeatsAsync(ada), Is.EqualTo(before), "two are promised as before");
        using var joined = await JoinAsync(TokenIn((await MailToAsync(address)).Mail));
        Assert.That(joined.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        var id = (await ada.ListAsync($"groups/{group}/members", "id")).Single();
        Assert.That(await ada.ListAsync("products/environments/seats", "user_id"), Has.Member(id));
        Assert.That(await SeatsAsync(ada), Is.EqualTo((before.Assigned + 1, before.Reserved - 1)));
        var other = (await ada.OkAsync("GET", $"invitations?search={late}"))["items"]![0]!["id"];
        await ada.OkAsync("DELETE", $"invitations/{other}");
        Assert.That(await SeatsAsync(ada), Is.EqualTo((before.Assigned + 1, 0)), "what was promised to who did not come is free");
    }

    private static async Task<(int Assigned, int Reserved)> SeatsAsync(OrganizationClient client)
    {
        var product = (await client.OkAsync("GET", "products"))["items"]!.AsArray()
            .Single(item => (string?)item!["product"] == "environments")!;
        return ((int)product["assigned"]!, (int)product["reserved"]!);
    }

    private static string NewAddress() => $"{Guid.CreateVersion7():N}@example.org";

    private static string TokenIn(MimeKit.MimeMessage mail) => Token().Match(mail.TextBody ?? "").Groups["token"].Value;

    private static async Task<JsonArray> InviteAsync(HttpClient client, string org, string? message, params string[] emails)
    {
        using var response = await client.PostAsJsonAsync($"/api/v1/orgs/{org}/invitations", new { emails, role = "member", message });
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK), await response.Content.ReadAsStringAsync());
        return (await response.JsonAsync())["results"]!.AsArray();
    }

    private static async Task<JsonObject> ItemAsync(HttpClient client, string org, string? email)
    {
        var list = await (await client.GetAsync(new Uri($"/api/v1/orgs/{org}/invitations", UriKind.Relative))).JsonAsync();
        return list["items"]!.AsArray().Single(item => (string?)item!["email"] == email)!.AsObject();
    }

    private static Task StateBecomesAsync(HttpClient client, string org, string email, string state, string mail) =>
        Eventually.BecomesTrueAsync(
            async () =>
            {
                var item = await ItemAsync(client, org, email);
                return ((string?)item["state"], (string?)item["mail"]) == (state, mail);
            },
            $"{state}, {mail}", seconds: 120);

    private async Task<(string To, bool Secure, string? User, MimeKit.MimeMessage Mail)> MailToAsync(string address, int number = 1)
    {
        await Eventually.BecomesTrueAsync(
            () => Task.FromResult(_server.Mails.Count(one => one.To == address) >= number), $"mail {number} to {address}", seconds: 120);
        return _server.Mails.Where(one => one.To == address).ElementAt(number - 1);
    }

    private async Task<HttpResponseMessage> JoinAsync(string token, string? email = null)
    {
        using var nobody = _host.Service.AsForwarded();
        return await nobody.PostAsJsonAsync("/api/v1/invitations/accept", new { token, password = IdentityHost.Password, email });
    }

    private async Task StartAsync(string mode, string security, params (string, string)[] others)
    {
        _server = await SmtpServer.StartAsync(mode);
        _host = await IdentityHost.StartAsync(settings: _server.Settings(security, others));
    }

    [GeneratedRegex("/invitations/(?<token>envi_[0-9A-Za-z]+)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Token();
}
