using System.Net;
using System.Net.Http.Json;

using EnvPlatform.Identity.Organizations;
using EnvPlatform.Testing;

using Microsoft.Extensions.DependencyInjection;

namespace EnvPlatform.Identity.Tests;

[TestFixture]
public sealed class DeletedOrganizationTests
{
    private IdentityHost _host = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _host = await IdentityHost.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await _host.DisposeAsync();

    [Test]
    public async Task A_deleted_organization_answers_as_one_that_never_was_and_is_what_it_was_when_it_is_restored()
    {
        var org = await _host.CreateOrganizationAsync();
        var member = await _host.AddMemberAsync(org, "auditor");
        using var client = await _host.AsOperatorAsync();
        using var created = await client.PostAsJsonAsync($"/api/v1/orgs/{org}/service-accounts", new { name = "ci", role = "member" });
        var account = await created.JsonAsync();
        Assert.That(await SignInAsync(account), Is.EqualTo(HttpStatusCode.OK));

        using var deleted = await client.DeleteAsync(new Uri($"/api/v1/orgs/{org}", UriKind.Relative));
        var answer = await deleted.JsonAsync();
        Assert.That(deleted.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That((DateTimeOffset)answer["erased_after"]! - (DateTimeOffset)answer["deleted_at"]!, Is.EqualTo(TimeSpan.FromDays(30)));
        Assert.That((await _host.IntrospectAsync(member)).Memberships, Is.Empty);
        Assert.That(await SignInAsync(account), Is.EqualTo(HttpStatusCode.Unauthorized));
        using var gone = await _host.AsBearerOfAsync(member);
        Assert.That((await gone.GetAsync(new Uri($"/api/v1/orgs/{org}/tokens", UriKind.Relative))).StatusCode,
            Is.EqualTo(HttpStatusCode.NotFound));
        Assert.That(await gone.GetStringAsync(new Uri("/api/v1/me", UriKind.Relative)), Does.Not.Contain(org));
        using var administrator = await _host.AsOperatorAsync();
        Assert.That((await administrator.GetAsync(new Uri($"/api/v1/orgs/{org}/members", UriKind.Relative))).StatusCode,
            Is.EqualTo(HttpStatusCode.NotFound));
        Assert.That((await client.DeleteAsync(new Uri($"/api/v1/orgs/{org}", UriKind.Relative))).StatusCode,
            Is.EqualTo(HttpStatusCode.NotFound));
        Assert.That(
            await client.GetStringAsync(new Uri("/api/v1/orgs?deleted=true&limit=1000", UriKind.Relative)), Does.Contain(org));

        using var restored = await client.PostAsync(new Uri($"/api/v1/orgs/{org}/restore", UriKind.Relative), null);
        Assert.That(restored.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That((await _host.IntrospectAsync(member)).Memberships.Single().Role, Is.EqualTo("auditor"));
        Assert.That(await SignInAsync(account), Is.EqualTo(HttpStatusCode.OK));
        foreach (var action in new[] { "organization_deleted", "organization_restored" })
        {
            Assert.That(
                (await _host.AuditAsync(action)).Select(e => (string?)e["organization_name"]), Does.Contain(org), "in its own log");
        }
    }

    [Test]
    public async Task The_gateways_are_told_to_forget_what_they_know_of_its_members()
    {
        var org = await _host.CreateOrganizationAsync();
        var token = (await _host.IntrospectAsync(await _host.AddMemberAsync(org, "member"))).TokenId;
        async Task<int> ToldAsync() => (await _host.OutboxAsync("TokenRevoked"))
            .SelectMany(message => message["tokens"]!.AsArray()).Count(told => (string?)told == token);
        using var client = await _host.AsOperatorAsync();
        var before = await ToldAsync();
        await client.DeleteAsync(new Uri($"/api/v1/orgs/{org}", UriKind.Relative));
        Assert.That(await ToldAsync(), Is.EqualTo(before + 1));
        await client.PostAsync(new Uri($"/api/v1/orgs/{org}/restore", UriKind.Relative), null);
        Assert.That(await ToldAsync(), Is.EqualTo(before + 2));
    }

    [Test]
    public async Task After_its_time_it_is_erased_for_good_and_its_name_is_not_given_again()
    {
        var (org, kept) = (await _host.CreateOrganizationAsync(), await _host.CreateOrganizationAsync());
        var token = await _host.AddMemberAsync(org, "member");
        using var client = await _host.AsOperatorAsync();
        foreach (var slug in new[] { org, kept })
        {
            await client.DeleteAsync(new Uri($"/api/v1/orgs/{slug}", UriKind.Relative));
        }

        await _host.ExecuteAsync($"update organizations set deleted_at = now() - interval '30 days 1 second' where slug = '{org}'");
        var erase = _host.Service.Services.GetRequiredService<EraseOrganizations>();
        await Task.WhenAll(erase.RunAsync(CancellationToken.None), erase.RunAsync(CancellationToken.None));

        Assert.That((await _host.IntrospectAsync(token)).Active, Is.False);
        Assert.That(await _host.Db.ScalarAsync<long>(
            """
            select count(*) from organizations o
            left join memberships m on m.org_id = o.id
            left join service_accounts a on a.org_id = o.id
            where o.slug = @org and (m.org_id is not null or a.org_id is not null)
            """, new { org }), Is.Zero);
        Assert.That(await _host.OutboxAsync("OrganizationErased"), Has.Count.EqualTo(1), "the other services hear of it");
        Assert.That(
            (await _host.AuditAsync("organization_erased")).Select(e => (string?)e["organization_name"]), Is.EqualTo(new[] { org }));
        using var restored = await client.PostAsync(new Uri($"/api/v1/orgs/{org}/restore", UriKind.Relative), null);
        Assert.That(restored.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
        foreach (var slug in new[] { org, kept })
        {
            using var again = await client.PostAsJsonAsync("/api/v1/orgs", new { slug, name = "Again" });
            Assert.That((string?)(await again.JsonAsync())["code"], Is.EqualTo("slug_taken"));
        }

        Assert.That((await client.PostAsync(new Uri($"/api/v1/orgs/{kept}/restore", UriKind.Relative), null)).StatusCode,
            Is.EqualTo(HttpStatusCode.OK));
    }

    [Test]
    public async Task Nobody_but_the_operator_deletes_restores_or_lists()
    {
        var org = await _host.CreateOrganizationAsync();
        using var administrator = await _host.AsNewMemberAsync(org, "administrator");
        using var stranger = await _host.AsNewMemberAsync("default", "administrator");
        Assert.That((await administrator.DeleteAsync(new Uri($"/api/v1/orgs/{org}", UriKind.Relative))).StatusCode,
            Is.EqualTo(HttpStatusCode.Forbidden));
        Assert.That((await stranger.DeleteAsync(new Uri($"/api/v1/orgs/{org}", UriKind.Relative))).StatusCode,
            Is.EqualTo(HttpStatusCode.NotFound));
        Assert.That((await administrator.PostAsync(new Uri($"/api/v1/orgs/{org}/restore", UriKind.Relative), null)).StatusCode,
            Is.EqualTo(HttpStatusCode.Forbidden));
        Assert.That((await administrator.GetAsync(new Uri("/api/v1/orgs", UriKind.Relative))).StatusCode,
            Is.EqualTo(HttpStatusCode.Forbidden));
    }

    private async Task<HttpStatusCode> SignInAsync(System.Text.Json.Nodes.JsonObject account)
    {
        using var nobody = _host.Service.AsForwarded();
        using var form = new FormUrlEncodedContent(new Dictionary<string, string>
        {
            ["grant_type"] = "client_credentials",
            ["client_id"] = (string)account["client_id"]!,
            ["client_secret"] = (string)account["client_secret"]!,
        });
        using var response = await nobody.PostAsync(new Uri("/oauth/token", UriKind.Relative), form);
        return response.StatusCode;
    }
}
