using System.Net;
using System.Net.Http.Json;

namespace EnvPlatform.Identity.Tests;

[TestFixture]
public sealed class MemberTests
{
    private IdentityHost _host = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _host = await IdentityHost.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await _host.DisposeAsync();

    [Test]
    public async Task A_removed_member_has_no_good_token_left_for_the_organization()
    {
        var org = await _host.CreateOrganizationAsync();
        var token = await _host.AddMemberAsync(org, "member");
        var id = (await _host.IntrospectAsync(token)).SubjectId;
        using var client = await _host.AsOperatorAsync();
        using var changed = await client.PutAsJsonAsync($"/api/v1/orgs/{org}/members/{id}", new { role = "auditor" });
        Assert.That(changed.StatusCode, Is.EqualTo(HttpStatusCode.NoContent));
        Assert.That((await _host.IntrospectAsync(token)).Memberships.Single().Role, Is.EqualTo("auditor"));
        using var removed = await client.DeleteAsync(new Uri($"/api/v1/orgs/{org}/members/{id}", UriKind.Relative));
        Assert.That(removed.StatusCode, Is.EqualTo(HttpStatusCode.NoContent));
        Assert.That((await _host.IntrospectAsync(token)).Active, Is.False);
    }

    [Test]
    public async Task The_last_administrator_can_neither_leave_nor_step_down()
    {
        var org = await _host.CreateOrganizationAsync();
        using var client = await _host.AsOperatorAsync();
        var members = await (await client.GetAsync(new Uri($"/api/v1/orgs/{org}/members", UriKind.Relative))).JsonAsync();
        var id = (string)members["items"]![0]!["id"]!;
        using var down = await client.PutAsJsonAsync($"/api/v1/orgs/{org}/members/{id}", new { role = "member" });
        using var leave = await client.DeleteAsync(new Uri($"/api/v1/orgs/{org}/members/{id}", UriKind.Relative));
        Assert.That(down.StatusCode, Is.EqualTo(HttpStatusCode.Conflict));
        Assert.That(leave.StatusCode, Is.EqualTo(HttpStatusCode.Conflict));
    }

    [Test]
    public async Task Two_administrators_who_leave_at_once_do_not_both_leave()
    {
        var org = await _host.CreateOrganizationAsync();
        var other = (await _host.IntrospectAsync(await _host.AddMemberAsync(org, "administrator"))).SubjectId;
        using var client = await _host.AsOperatorAsync();
        var me = (string)(await (await client.GetAsync(new Uri("/api/v1/me", UriKind.Relative))).JsonAsync())["id"]!;
        var answers = await Task.WhenAll(
            new[] { me, other }.Select(id => client.DeleteAsync(new Uri($"/api/v1/orgs/{org}/members/{id}", UriKind.Relative))));
        Assert.That(
            answers.Select(answer => answer.StatusCode), Is.EquivalentTo(new[] { HttpStatusCode.NoContent, HttpStatusCode.Conflict }));
    }

    [Test]
    public async Task Members_and_other_organizations_are_kept_out()
    {
        var org = await _host.CreateOrganizationAsync();
        using var member = await _host.AsNewMemberAsync(org);
        using var stranger = await _host.AsNewMemberAsync(await _host.CreateOrganizationAsync(), "administrator");
        var path = new Uri($"/api/v1/orgs/{org}/members", UriKind.Relative);
        Assert.That((await member.GetAsync(path)).StatusCode, Is.EqualTo(HttpStatusCode.Forbidden));
        Assert.That((await stranger.GetAsync(path)).StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
    }

    [TestCase("""{"email":"no address","display_name":"x","role":"member"}""", "email")]
    [TestCase("""{"email":"a@b.c","display_name":"x","role":"owner"}""", "role")]
    [TestCase("""{"email":"a@b.c","role":"member"}""", "display_name")]
    public async Task Bad_input_is_refused_by_field(string body, string field)
    {
        using var client = await _host.AsOperatorAsync();
        using var content = new StringContent(body, System.Text.Encoding.UTF8, "application/json");
        using var response = await client.PostAsync(new Uri("/api/v1/orgs/default/members", UriKind.Relative), content);
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
        Assert.That((await response.JsonAsync())["errors"]!.AsObject().Select(member => member.Key), Is.EqualTo(new[] { field }));
    }
}
