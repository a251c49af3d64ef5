using System.Net;
using System.Net.Http.Json;

namespace EnvPlatform.Identity.Tests;

[TestFixture]
public sealed class OrganizationTests
{
    private IdentityHost _host = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _host = await IdentityHost.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await _host.DisposeAsync();

    [Test]
    public async Task The_operator_becomes_the_administrator_of_an_organization_that_it_creates()
    {
        var slug = await _host.CreateOrganizationAsync();
        using var client = await _host.AsOperatorAsync();
        var me = await (await client.GetAsync(new Uri("/api/v1/me", UriKind.Relative))).JsonAsync();
        Assert.That(
            me["organizations"]!.AsArray().Select(o => ((string?)o!["slug"], (string?)o["role"])), Does.Contain((slug, "administrator")));
        Assert.That((bool)me["operator"]!, Is.True);
        Assert.That(
            (await _host.OutboxAsync("TokenRevoked")).SelectMany(message => message["tokens"]!.AsArray()), Is.Not.Empty,
            "The gateways are told to drop their answers about the operator.");
    }

    [Test]
    public async Task A_slug_is_taken_once()
    {
        var slug = await _host.CreateOrganizationAsync();
        using var client = await _host.AsOperatorAsync();
        using var again = await client.PostAsJsonAsync("/api/v1/orgs", new { slug, name = "Again" });
        Assert.That(again.StatusCode, Is.EqualTo(HttpStatusCode.Conflict));
        Assert.That((string?)(await again.JsonAsync())["code"], Is.EqualTo("slug_taken"));
    }

    [TestCase("""{"slug":"A","name":"x"}""", "slug")]
    [TestCase("""{"slug":"a","name":"x"}""", "slug")]
    [TestCase("""{"slug":"-ab","name":"x"}""", "slug")]
    [TestCase("""{"slug":"a--b","name":"x"}""", "slug")]
    [TestCase("""{"slug":"a/b","name":"x"}""", "slug")]
    [TestCase("""{"slug":"0192f0c1-0000-7000-8000-000000000002","name":"x"}""", "slug", Description = "it would be taken for an id")]
    [TestCase("""{"slug":"good","name":""}""", "name")]
    [TestCase("""{"slug":"good"}""", "name")]
    [TestCase("""{"slug":"go\u0000od","name":"x"}""", "slug")]
    [TestCase("""{"slug":"good","name":"\ud800"}""", "name")]
    [TestCase("""{"slug":7,"name":"x"}""", "slug")]
    [TestCase("""not json""", "body")]
    public async Task Bad_input_is_refused_by_field(string body, string field)
    {
        using var client = await _host.AsOperatorAsync();
        using var content = new StringContent(body, System.Text.Encoding.UTF8, "application/json");
        using var response = await client.PostAsync(new Uri("/api/v1/orgs", UriKind.Relative), content);
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
        Assert.That((await response.JsonAsync())["errors"]!.AsObject().Select(member => member.Key), Is.EqualTo(new[] { field }));
    }

    [Test]
    public async Task Nobody_else_creates_an_organization()
    {
        using var member = await _host.AsNewMemberAsync("default", "administrator");
        using var refused = await member.PostAsJsonAsync("/api/v1/orgs", new { slug = "mine", name = "Mine" });
        using var nobody = _host.Service.As(null);
        using var unknown = await nobody.PostAsJsonAsync("/api/v1/orgs", new { slug = "mine", name = "Mine" });
        Assert.That(refused.StatusCode, Is.EqualTo(HttpStatusCode.Forbidden));
        Assert.That(unknown.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
    }
}
