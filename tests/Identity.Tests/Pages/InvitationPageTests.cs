using System.Net;

using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.Testing;

namespace EnvPlatform.Identity.Tests.Pages;

/// <summary>Answering an invitation with a browser.</summary>
[TestFixture]
public sealed class InvitationPageTests
{
    private IdentityHost _host = null!;
    private string _org = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _host = await IdentityHost.StartAsync();
        _org = await _host.CreateOrganizationAsync();
    }

    [OneTimeTearDown]
    public async Task StopAsync() => await _host.DisposeAsync();

    [Test]
    public async Task Opening_the_link_takes_the_token_out_of_the_address_and_accepts_nothing()
    {
        // 3
        var token = await _host.InviteAsync(_org, "auditor", "opens@example.org");
        using var browser = Browser();
        using var link = await browser.GetAsync($"/invitations/{token}");
        Assert.That(link.Headers.Location?.OriginalString, Is.EqualTo("/invitations"));
        Assert.That(link.Headers.GetValues("Referrer-Policy"), Is.EqualTo(new[] { "no-referrer" }));
        Assert.That(
            browser.SetCookies.Single().ToLowerInvariant(), Does.Contain("httponly").And.Contain("secure").And.Contain("max-age=1800"));
        using var page = await browser.GetAsync("/invitations");
        Assert.That(page.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That(browser.Html, Does.Not.Contain(token));
        Assert.That(
            browser.Text, Does.Contain("Organization").And.Contain("Administrator").And.Contain("o•••@example.org")
                .And.Not.Contain("opens@").And.Not.Contain("auditor"));
        var open = await _host.Db.QuerySingleAsync<long>(
            "select count(*) from invitations where email = 'opens@example.org' and ended_at is null", null, CancellationToken.None);
        Assert.That(open, Is.EqualTo(1));
    }

    [Test]
    public async Task A_new_person_makes_an_account_joins_and_is_signed_in()
    {
        using var browser = await OpenAsync(await _host.InviteAsync(_org, "member", "new@example.org"));
        using var weak = await browser.PostAsync(
            "/invitations/join", fields: [("display_name", "Nina New"), ("password", "Nina New 1234")]);
        Assert.That(weak.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
        Assert.That(browser.Html, Does.Contain("password-error"), "The reason is beside the field.");
        using var joined = await browser.PostAsync(
            "/invitations/join", fields: [("display_name", "Nina <b>New</b>"), ("password", IdentityHost.Password)]);
        Assert.That(joined.Headers.Location?.OriginalString, Is.EqualTo("/invitations/accepted"), browser.Text);
        using var account = await browser.GetAsync("/account");
        Assert.That(browser.Html, Does.Contain("Nina &lt;b&gt;New").And.Contain(_org));
        var reply = await _host.IntrospectAsync(browser.Cookies[SessionCookie.Name]);
        Assert.That(reply.Memberships.Single().Role, Is.EqualTo("member"));
        using var again = await browser.GetAsync("/invitations");
        Assert.That(again.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
    }

    [Test]
    public async Task Who_has_an_account_signs_in_first_and_accepts()
    {
        await _host.AddMemberAsync(_org, "member", "has@example.org");
        var other = await _host.CreateOrganizationAsync();
        using var browser = await OpenAsync(await _host.InviteAsync(other, "member", "has@example.org"));
        using var join = await browser.PostAsync(
            "/invitations/join", fields: [("display_name", "Another"), ("password", "seven quiet lanterns over water")]);
        Assert.That(join.StatusCode, Is.EqualTo(HttpStatusCode.Conflict));
        Assert.That(browser.Text, Does.Contain("Sign in"));
        using var unasked = await browser.PostAsync("/invitations/accept");
        Assert.That(unasked.Headers.Location?.OriginalString, Is.EqualTo("/sign-in?return_to=%2Finvitations"));
        await browser.SignInAsync("has@example.org", IdentityHost.Password, "/sign-in?return_to=%2Finvitations");
        using var page = await browser.GetAsync("/invitations");
        using var accepted = await browser.PostAsync("/invitations/accept");
        Assert.That(accepted.Headers.Location?.OriginalString, Is.EqualTo("/invitations/accepted"));
        using var account = await browser.GetAsync("/account");
        Assert.That(browser.Html, Does.Contain(other).And.Contain(_org));
    }

    [Test]
    public async Task Another_account_is_told_to_sign_out_and_cannot_accept()
    {
        await _host.AddMemberAsync(_org, "member", "wrong@example.org");
        using var browser = await OpenAsync(await _host.InviteAsync(_org, "member", "right@example.org"));
        await browser.SignInAsync("wrong@example.org", IdentityHost.Password);
        using var page = await browser.GetAsync("/invitations");
        Assert.That(browser.Text, Does.Contain("Sign out and use the other account"));
        using var accepted = await browser.PostAsync("/invitations/accept");
        Assert.That(accepted.StatusCode, Is.EqualTo(HttpStatusCode.Forbidden));
        using var again = await browser.GetAsync("/invitations");
        using var signedOut = await browser.PostAsync("/sign-out");
        Assert.That(signedOut.Headers.Location?.OriginalString, Is.EqualTo("/invitations"));
        using var open = await browser.GetAsync("/invitations");
        Assert.That(open.StatusCode, Is.EqualTo(HttpStatusCode.OK));
    }

    [Test]
    public async Task Anybody_with_the_link_declines_without_an_account()
    {
        using var browser = await OpenAsync(await _host.InviteAsync(_org, "member", "declines@example.org"));
        using var declined = await browser.PostAsync("/invitations/decline");
        Assert.That(declined.Headers.Location?.OriginalString, Is.EqualTo("/invitations/declined"));
        Assert.That(
            (await _host.AuditAsync("invitation_declined")).Select(e => (string?)e["target"]!["email"]),
            Has.Member("declines@example.org"));
        using var page = await browser.GetAsync("/invitations/declined");
        Assert.That(browser.Text, Does.Contain("You declined"));
    }

    [Test]
    public async Task An_expired_withdrawn_or_unknown_invitation_says_so()
    {
        var expired = await _host.InviteAsync(_org, "member", "expired@example.org");
        using var browser = await OpenAsync(expired);
        await _host.ExecuteAsync("update invitations set expires_at = now() where email = 'expired@example.org'");
        using var late = await browser.PostAsync(
            "/invitations/join", fields: [("display_name", "Late"), ("password", IdentityHost.Password)]);
        Assert.That(late.StatusCode, Is.EqualTo(HttpStatusCode.Gone));
        using var page = await browser.GetAsync("/invitations");
        Assert.That(page.StatusCode, Is.EqualTo(HttpStatusCode.Gone));
        using var unknown = Browser();
        using var link = await unknown.GetAsync($"/invitations/{SecretFormat.New(SecretFormat.InvitationPrefix)}");
        using var nothing = await unknown.GetAsync("/invitations");
        Assert.That(nothing.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
        using var typo = await unknown.GetAsync("/invitations/envi_nothing");
        Assert.That(typo.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
    }

    private async Task<PageBrowser> OpenAsync(string token)
    {
        var browser = Browser();
        using var link = await browser.GetAsync($"/invitations/{token}");
        using var page = await browser.GetAsync("/invitations");
        return browser;
    }

    private PageBrowser Browser() => new(_host.Service.AsForwarded());
}
