using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

using EnvPlatform.Policy.Policies;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.Testing;

namespace EnvPlatform.Policy.Tests.Policies;

/// <summary>A document is validated and explained, and its schema served.</summary>
public sealed class PreviewTextTests
{
    private PolicyPlatform _platform = null!;

    private string Url => $"/api/v1/orgs/{_platform.Organization.Slug}/policies/preview-text";

    [OneTimeSetUp]
    public async Task StartAsync() => _platform = await PolicyPlatform.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await _platform.DisposeAsync();

    [Test]
    public async Task Whoever_may_read_policies_is_told_what_a_document_says()
    {
        const string Yaml = "name: kev\nrules:\n  - name: r\n    when: { known_exploited: true }\n    then: block\n    grace: 14d\n";
        foreach (var role in Roles.OfOrganization)
        {
            using var client = _platform.As(TestCaller.Of(_platform.Organization with { Role = role }));
            var preview = await ReadAsync(await client.PostAsJsonAsync(Url, new { text = Yaml }), HttpStatusCode.OK);
            Assert.That(preview.GetProperty("rules")[0].GetProperty("sentence").GetString(), Is.EqualTo(
                "Warn about, and after 14 days from when it was first seen in the environment block, every environment that has an open "
                + "vulnerability that is known to be exploited."));
            // The canonical form is accepted as a document, and comes back as it was.
            var document = preview.GetProperty("document");
            var again = await ReadAsync(await client.PostAsJsonAsync(Url, new { document }), HttpStatusCode.OK);
            Assert.That(again.GetRawText(), Is.EqualTo(preview.GetRawText()));
        }
    }

    [Test]
    public async Task What_is_wrong_is_told_by_the_path_of_its_field()
    {
        using var client = _platform.Member();
        const string Wrong = """{"name":"p","rules":[{"name":"r","when":{"cvs":1},"then":"block"}]}""";
        foreach (var body in new object[] { new { text = Wrong }, new { document = JsonDocument.Parse(Wrong).RootElement } })
        {
            var problem = await ReadAsync(await client.PostAsJsonAsync(Url, body), HttpStatusCode.BadRequest);
            Assert.That(
                problem.GetProperty("errors").GetProperty("/rules/0/when/cvs")[0].GetString(),
                Does.StartWith("Found \"cvs\"; allowed is cvss, severity"));
        }
    }

    [TestCase("{}")]
    [TestCase("""{"text":null,"document":null}""")]
    [TestCase("""{"text":"x","document":{}}""")]
    [TestCase("""{"text":"\u001b[0m"}""")]
    [TestCase("""{"text":""}""")]
    [TestCase("""{"document":[]}""")]
    [TestCase("""{"document":"\ud800"}""")]
    public async Task No_document_is_a_bad_request(string body)
    {
        using var client = _platform.Member();
        using var content = new StringContent(body, System.Text.Encoding.UTF8, "application/json");
        await ReadAsync(await client.PostAsync(new Uri(Url, UriKind.Relative), content), HttpStatusCode.BadRequest);
    }

    [Test]
    public async Task The_schema_is_served()
    {
        using var client = _platform.Member();
        using var response = await client.GetAsync(new Uri("/api/v1/schemas/policy.json", UriKind.Relative));
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That(response.Content.Headers.ContentType!.MediaType, Is.EqualTo("application/schema+json"));
        Assert.That(await response.Content.ReadAsStringAsync(), Is.EqualTo(PolicySchema.Text));
        using var nobody = _platform.As(null);
        using var refused = await nobody.GetAsync(new Uri("/api/v1/schemas/policy.json", UriKind.Relative));
        Assert.That(refused.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
    }

    private static async Task<JsonElement> ReadAsync(HttpResponseMessage response, HttpStatusCode expected)
    {
        using (response)
        {
            var body = await response.Content.ReadAsStringAsync();
            Assert.That(response.StatusCode, Is.EqualTo(expected), body);
            return JsonDocument.Parse(body).RootElement;
        }
    }
}
