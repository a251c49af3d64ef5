using System.Net;
using System.Net.Http.Json;

using EnvPlatform.Identity.Invitations;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.Extensions.DependencyInjection;

namespace EnvPlatform.Identity.Tests;

[TestFixture]
public sealed class InvitationTests
{
    private const string Mine = "/api/v1/me/invitations";
    private IdentityHost _host = null!;
    private HttpClient _nobody = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _host = await IdentityHost.StartAsync();
        _nobody = _host.Service.AsForwarded();
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        _nobody.Dispose();
        await _host.DisposeAsync();
    }

    [Test]
    public async Task Nobody_gets_a_credential_the_id_or_the_name_of_somebody_who_has_an_account()
    {
        var (org, mallory) = await OrganizationWithoutOperatorAsync();
        using var administrator = await _host.AsBearerOfAsync(mallory);
        var operatorId = (await _host.IntrospectAsync((string)_host.Bootstrap["token"]!)).SubjectId;
        using var known = await InviteAsync(administrator, org, (string)_host.Bootstrap["email"]!);
        using var unknown = await InviteAsync(administrator, org, NewAddress());
        var (ofKnown, ofUnknown) = (await known.JsonAsync(), await unknown.JsonAsync());
        Assert.Multiple(() =>
        {
            Assert.That(known.StatusCode, Is.EqualTo(unknown.StatusCode).And.EqualTo(HttpStatusCode.Created));
            Assert.That(ofKnown.Select(member => member.Key), Is.EqualTo(ofUnknown.Select(member => member.Key)));
            Assert.That((string?)ofKnown["display_name"], Is.EqualTo("Who"), "what the administrator said itself");
            Assert.That(ofKnown.ToJsonString(), Does.Not.Contain(operatorId).And.Not.Contain("envp_"));
        });

        var token = (string)ofKnown["token"]!;
        Assert.That((await _host.IntrospectAsync(token)).Active, Is.False, "It is no bearer token.");
        using var taken = await JoinAsync(token);
        Assert.That((string?)(await taken.JsonAsync())["code"], Is.EqualTo("account_exists"));
        using var mismatch = await administrator.PostAsJsonAsync(Mine + "/accept", new { token });
        Assert.That((string?)(await mismatch.JsonAsync())["code"], Is.EqualTo("email_mismatch"));
        foreach (var path in new[] { "tokens", "members", "invitations?state=pending" })
        {
            Assert.That(
                await administrator.GetStringAsync(new Uri($"/api/v1/orgs/{org}/{path}", UriKind.Relative)),
                Does.Not.Contain(operatorId).And.Not.Contain("Administrator\"").And.Not.Contain("bootstrap"), path);
        }

        Assert.That(
            (await _host.AuditAsync("invitation_created")).Single(e => (string?)e["target"]!["id"] == (string?)ofKnown["id"])
                .ToJsonString(), Does.Not.Contain(operatorId));
    }

    [Test]
    public async Task Who_has_an_account_sees_the_invitation_and_accepts_it()
    {
        var (org, mallory) = await OrganizationWithoutOperatorAsync();
        using var administrator = await _host.AsBearerOfAsync(mallory);
        using var invited = await InviteAsync(administrator, org, ((string)_host.Bootstrap["email"]!).ToUpperInvariant(), "auditor");
        var id = (string)(await invited.JsonAsync())["id"]!;
        using var client = await _host.AsOperatorAsync();
        var list = await (await client.GetAsync(new Uri(Mine + "?limit=1000", UriKind.Relative))).JsonAsync();
        var item = list["items"]!.AsArray().Single(one => (string?)one!["id"] == id)!;
        Assert.That(((string?)item["organization"], (string?)item["role"]), Is.EqualTo((org, "auditor")));
        Assert.That(item.ToJsonString(), Does.Not.Contain("envi_"));
        for (var i = 0; i < 2; i++)
        {
            using var accepted = await client.PostAsync(new Uri($"{Mine}/{id}/accept", UriKind.Relative), null);
            Assert.That(accepted.StatusCode, Is.EqualTo(HttpStatusCode.OK), $"time {i}");
            Assert.That((string?)(await accepted.JsonAsync())["slug"], Is.EqualTo(org));
        }

        Assert.That(
            (await _host.IntrospectAsync((string)_host.Bootstrap["token"]!)).Memberships.Single(m => m.Slug == org).Role,
            Is.EqualTo("auditor"));
        Assert.That(
            (await _host.AuditAsync("organization_user_added")).Count(e => (string?)e["organization_name"] == org
                && (string?)e["target"]!["email"] == (string?)_host.Bootstrap["email"]), Is.EqualTo(2), "made it, and came back");
        Assert.That(await StateAsync(administrator, org, id), Is.EqualTo("accepted"));
        var subject = (await _host.IntrospectAsync((string)_host.Bootstrap["token"]!)).SubjectId;
        await administrator.DeleteAsync(new Uri($"/api/v1/orgs/{org}/members/{subject}", UriKind.Relative));
        using var late = await client.PostAsync(new Uri($"{Mine}/{id}/accept", UriKind.Relative), null);
        Assert.That(late.StatusCode, Is.EqualTo(HttpStatusCode.NotFound), "An invitation is accepted once.");
    }

    [Test]
    public async Task Who_has_no_account_makes_it_and_it_is_one_account_for_both_organizations()
    {
        var (one, two) = (await _host.CreateOrganizationAsync(), await _host.CreateOrganizationAsync());
        var address = NewAddress();
        var first = await _host.AddMemberAsync(one, "member", address.ToUpperInvariant());
        var second = await _host.InviteAsync(two, "auditor", address);
        using var client = await _host.AsBearerOfAsync(first);
        using var accepted = await client.PostAsJsonAsync(Mine + "/accept", new { token = second });
        var answer = await accepted.JsonAsync();
        Assert.That(accepted.StatusCode, Is.EqualTo(HttpStatusCode.OK), answer.ToJsonString());
        var (ofOne, ofTwo) = (await _host.IntrospectAsync(first), await _host.IntrospectAsync((string)answer["token"]!));
        var session = await _host.IntrospectAsync(await _host.SignInAsync(address));
        Assert.Multiple(() =>
        {
            Assert.That(ofTwo.SubjectId, Is.EqualTo(ofOne.SubjectId).And.EqualTo(session.SubjectId));
            Assert.That(
                ofOne.Memberships.Select(m => (m.Slug, m.Role)), Is.EqualTo(new[] { (one, "member") }), "A token opens nothing elsewhere.");
            Assert.That(ofTwo.Memberships.Select(m => (m.Slug, m.Role)), Is.EqualTo(new[] { (two, "auditor") }));
            Assert.That(session.Memberships.Select(m => m.Slug), Is.EqualTo(new[] { one, two }));
        });
        using var administrator = await _host.AsOperatorAsync();
        using var again = await InviteAsync(administrator, two, address);
        Assert.That((string?)(await again.JsonAsync())["code"], Is.EqualTo("member_exists"));
    }

    [Test]
    public async Task An_account_that_somebody_made_under_anothers_address_joins_nothing_that_means_the_other()
    {
        var (org, other) = (await _host.CreateOrganizationAsync(), await _host.CreateOrganizationAsync());
        var address = NewAddress();
        await _host.AddMemberAsync(other, "member", address);
        await _host.InviteAsync(org, "administrator", address);
        using var squatter = await _host.AsBearerOfAsync(await _host.SignInAsync(address));
        var list = await (await squatter.GetAsync(new Uri(Mine, UriKind.Relative))).JsonAsync();
        using var refused = await squatter.PostAsync(
            new Uri($"{Mine}/{list["items"]!.AsArray().Single()!["id"]}/accept", UriKind.Relative), null);
        Assert.That(refused.StatusCode, Is.EqualTo(HttpStatusCode.Forbidden));
        Assert.That((string?)(await refused.JsonAsync())["code"], Is.EqualTo("invitation_token_required"));
    }

    [Test]
    public async Task A_token_of_one_organization_shows_accepts_and_declines_no_invitation_of_another()
    {
        var (org, other) = (await _host.CreateOrganizationAsync(), await _host.CreateOrganizationAsync());
        var address = NewAddress();
        using var scoped = await _host.AsBearerOfAsync(await _host.AddMemberAsync(org, "member", address));
        await _host.InviteAsync(other, "member", address);
        using var session = await _host.AsBearerOfAsync(await _host.SignInAsync(address));
        var list = await (await session.GetAsync(new Uri(Mine, UriKind.Relative))).JsonAsync();
        var id = (string)list["items"]!.AsArray().Single()!["id"]!;
        using var seen = await scoped.GetAsync(new Uri(Mine, UriKind.Relative));
        using var accepted = await scoped.PostAsync(new Uri($"{Mine}/{id}/accept", UriKind.Relative), null);
        using var declined = await scoped.PostAsync(new Uri($"{Mine}/{id}/decline", UriKind.Relative), null);
        Assert.That(
            new[] { seen, accepted, declined }.Select(response => response.StatusCode), Is.All.EqualTo(HttpStatusCode.Forbidden));
        using var stranger = await _host.AsBearerOfAsync(await _host.SignInAsync(await AddedAsync(org)));
        Assert.That((await stranger.PostAsync(new Uri($"{Mine}/{id}/decline", UriKind.Relative), null)).StatusCode,
            Is.EqualTo(HttpStatusCode.NotFound));
    }

    [Test]
    public async Task Who_declines_stays_unknown_to_the_organization()
    {
        var (org, other) = (await _host.CreateOrganizationAsync(), await _host.CreateOrganizationAsync());
        var address = NewAddress();
        var subject = (await _host.IntrospectAsync(await _host.AddMemberAsync(other, "member", address))).SubjectId;
        await _host.InviteAsync(org, "member", address);
        using var session = await _host.AsBearerOfAsync(await _host.SignInAsync(address));
        var list = await (await session.GetAsync(new Uri(Mine, UriKind.Relative))).JsonAsync();
        var id = (string)list["items"]!.AsArray().Single()!["id"]!;
        using var declined = await session.PostAsync(new Uri($"{Mine}/{id}/decline", UriKind.Relative), null);
        Assert.That(declined.StatusCode, Is.EqualTo(HttpStatusCode.NoContent));
        var events = (await _host.AuditAsync("invitation_declined")).Where(e => (string?)e["target"]!["id"] == id).ToList();
        var told = events.Single(e => e["organization_id"] is not null);
        Assert.That(told.ToJsonString(), Does.Not.Contain(subject).And.Not.Contain("192.0.2.7"));
        Assert.That((string?)events.Single(e => e["organization_id"] is null)["actor"]!["id"], Is.EqualTo(subject));
        using var administrator = await _host.AsOperatorAsync();
        Assert.That(await StateAsync(administrator, org, id), Is.EqualTo("declined"));
    }

    [Test]
    public async Task An_invitation_is_open_once_and_is_resent_and_withdrawn()
    {
        var org = await _host.CreateOrganizationAsync();
        var address = NewAddress();
        using var client = await _host.AsOperatorAsync();
        using var invited = await InviteAsync(client, org, address);
        var (id, first) = ((string)(await invited.JsonAsync())["id"]!, (string)(await invited.JsonAsync())["token"]!);
        using var twice = await InviteAsync(client, org, address);
        Assert.That((string?)(await twice.JsonAsync())["code"], Is.EqualTo("invitation_exists"));
        using var resent = await client.PostAsync(new Uri($"/api/v1/orgs/{org}/invitations/{id}/resend", UriKind.Relative), null);
        var second = (string)(await resent.JsonAsync())["token"]!;
        Assert.That(resent.Headers.CacheControl?.NoStore, Is.True);
        Assert.That((await JoinAsync(first)).StatusCode, Is.EqualTo(HttpStatusCode.NotFound), "void when another was sent");
        using var stranger = await _host.AsNewMemberAsync(await _host.CreateOrganizationAsync(), "administrator");
        var path = new Uri($"/api/v1/orgs/{org}/invitations/{id}", UriKind.Relative);
        Assert.That((await stranger.DeleteAsync(path)).StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
        Assert.That((await client.DeleteAsync(path)).StatusCode, Is.EqualTo(HttpStatusCode.NoContent));
        Assert.That((await client.DeleteAsync(path)).StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
        Assert.That((string?)(await (await JoinAsync(second)).JsonAsync())["code"], Is.EqualTo("invitation_revoked"));
        Assert.That(await StateAsync(client, org, id), Is.EqualTo("revoked"));
        using var anew = await InviteAsync(client, org, address);
        Assert.That(anew.StatusCode, Is.EqualTo(HttpStatusCode.Created));
        foreach (var action in new[] { "invitation_resent", "invitation_revoked" })
        {
            Assert.That((await _host.AuditAsync(action)).Select(e => (string?)e["target"]!["id"]), Does.Contain(id));
        }

        Assert.That(
            (await _host.OutboxAsync("AuditEventOccurred")).Select(e => e.ToJsonString()), Has.None.Contain("envi_"), "no secret");
    }

    [Test]
    public async Task An_expired_invitation_is_void_and_noted_once()
    {
        var org = await _host.CreateOrganizationAsync();
        using var client = await _host.AsOperatorAsync();
        using var invited = await InviteAsync(client, org, NewAddress());
        var (id, token) = ((string)(await invited.JsonAsync())["id"]!, (string)(await invited.JsonAsync())["token"]!);
        Assert.That(
            (DateTimeOffset)(await invited.JsonAsync())["expires_at"]!,
            Is.EqualTo(TimeProvider.System.GetUtcNow().AddDays(7)).Within(TimeSpan.FromMinutes(10)));
        await _host.ExecuteAsync($"update invitations set expires_at = now() - interval '1 second' where id = '{id}'");
        using var late = await JoinAsync(token);
        Assert.That((string?)(await late.JsonAsync())["code"], Is.EqualTo("invitation_expired"));
        Assert.That(await StateAsync(client, org, id), Is.EqualTo("expired"));
        var expire = _host.Service.Services.GetRequiredService<ExpireInvitations>();
        await Task.WhenAll(expire.RunAsync(CancellationToken.None), expire.RunAsync(CancellationToken.None));
        Assert.That((await _host.AuditAsync("invitation_expired")).Count(e => (string?)e["target"]!["id"] == id), Is.EqualTo(1));
        using var still = await JoinAsync(token);
        Assert.That((string?)(await still.JsonAsync())["code"], Is.EqualTo("invitation_expired"));
        using var anew = await InviteAsync(client, org, NewAddress());
        Assert.That(anew.StatusCode, Is.EqualTo(HttpStatusCode.Created));
    }

    [TestCase("member", HttpStatusCode.OK)]
    [TestCase("auditor", HttpStatusCode.Conflict)]
    [TestCase("administrator", HttpStatusCode.Conflict)]
    public async Task Who_is_administrator_no_more_has_invited_members_only(string role, HttpStatusCode expected)
    {
        var org = await _host.CreateOrganizationAsync();
        var address = NewAddress();
        var token = await _host.AddMemberAsync(org, "administrator", address);
        // To invite an administrator asks for a password that was given a moment ago.
        using var byToken = await _host.AsBearerOfAsync(token);
        using var refused = await InviteAsync(byToken, org, NewAddress(), "administrator");
        Assert.That((string?)(await refused.JsonAsync())["code"], Is.EqualTo("step_up_required"));
        using var demoted = await _host.AsBearerOfAsync(await _host.SignInAsync(address));
        using var invited = await InviteAsync(demoted, org, NewAddress(), role);
        using var client = await _host.AsOperatorAsync();
        await client.PatchAsJsonAsync(
            $"/api/v1/orgs/{org}/members/{(await _host.IntrospectAsync(token)).SubjectId}", new { role = "member" });
        using var joined = await JoinAsync((string)(await invited.JsonAsync())["token"]!);
        Assert.That(joined.StatusCode, Is.EqualTo(expected), await joined.Content.ReadAsStringAsync());
    }

    [Test]
    public async Task A_token_makes_one_account_however_often_it_is_used_at_once()
    {
        var org = await _host.CreateOrganizationAsync();
        var address = NewAddress();
        var token = await _host.InviteAsync(org, "member", address);
        var answers = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => JoinAsync(token)));
        Assert.That(answers.Count(answer => answer.StatusCode == HttpStatusCode.OK), Is.EqualTo(1));
        Assert.That(
            answers.Count(answer => answer.StatusCode == HttpStatusCode.NotFound), Is.EqualTo(3), "The invitation has ended by then.");
        Assert.That((await _host.IntrospectAsync(await _host.SignInAsync(address))).DisplayName, Is.EqualTo("Ada"));
    }

    [Test]
    public async Task A_token_that_is_none_is_refused_and_audited()
    {
        using var unknown = await JoinAsync(SecretFormat.New(SecretFormat.InvitationPrefix));
        Assert.That(unknown.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
        Assert.That(
            (await _host.AuditAsync("authentication_failure")).Select(e => (string?)e["meta"]!["reason"]), Does.Contain("bad_invitation"));
        using var shortPassword = await _nobody.PostAsJsonAsync("/api/v1/invitations/accept", new { token = "x", password = "short" });
        Assert.That((await shortPassword.JsonAsync())["errors"]!["password"], Is.Not.Null);
    }

    [Test]
    public async Task A_deleted_organization_lets_nobody_in()
    {
        var org = await _host.CreateOrganizationAsync();
        var token = await _host.InviteAsync(org, "member", NewAddress());
        using var client = await _host.AsOperatorAsync();
        await client.DeleteAsync(new Uri($"/api/v1/orgs/{org}", UriKind.Relative));
        Assert.That((await JoinAsync(token)).StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
        await client.PostAsync(new Uri($"/api/v1/orgs/{org}/restore", UriKind.Relative), null);
        Assert.That((await JoinAsync(token)).StatusCode, Is.EqualTo(HttpStatusCode.OK));
    }

    private static string NewAddress() => $"{Guid.CreateVersion7():N}@example.org";

    private static Task<HttpResponseMessage> InviteAsync(HttpClient administrator, string org, string email, string role = "member") =>
        administrator.PostAsJsonAsync($"/api/v1/orgs/{org}/members", new { email, display_name = "Who", role });

    private static async Task<string?> StateAsync(HttpClient administrator, string org, string id)
    {
        var list = await (await administrator.GetAsync(new Uri($"/api/v1/orgs/{org}/invitations", UriKind.Relative))).JsonAsync();
        return (string?)list["items"]!.AsArray().Single(item => (string?)item!["id"] == id)!["state"];
    }

    private Task<HttpResponseMessage> JoinAsync(string token) =>
        _nobody.PostAsJsonAsync("/api/v1/invitations/accept", new { token, password = IdentityHost.Password });

    /// <summary>The address of a new member.</summary>
    private async Task<string> AddedAsync(string org)
    {
        var address = NewAddress();
        await _host.AddMemberAsync(org, "member", address);
        return address;
    }

    /// <summary>An organization that the operator has left, and a token of its administrator.</summary>
    private async Task<(string Org, string Administrator)> OrganizationWithoutOperatorAsync()
    {
        var org = await _host.CreateOrganizationAsync();
        var administrator = await _host.AddMemberAsync(org, "administrator");
        using var client = await _host.AsBearerOfAsync(administrator);
        var id = (await _host.IntrospectAsync((string)_host.Bootstrap["token"]!)).SubjectId;
        using var left = await client.DeleteAsync(new Uri($"/api/v1/orgs/{org}/members/{id}", UriKind.Relative));
        Assert.That(left.StatusCode, Is.EqualTo(HttpStatusCode.NoContent));
        return (org, administrator);
    }
}
