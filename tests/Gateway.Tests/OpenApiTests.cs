using System.Net;
using System.Text.Json.Nodes;

using EnvPlatform.Testing;

namespace EnvPlatform.Gateway.Tests;

[TestFixture]
public sealed class OpenApiTests
{
    private Platform _platform = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _platform = await Platform.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await _platform.DisposeAsync();

    [Test]
    public async Task The_services_documents_are_one()
    {
        using var nobody = _platform.With(null);
        var document = await Eventually.GetAsync(
            async () =>
            {
                using var response = await nobody.GetAsync(new Uri("/openapi/v1.json", UriKind.Relative));
                var merged = response.IsSuccessStatusCode ? await response.JsonAsync() : null;
                return merged?["paths"]!["/api/v1/orgs/{org}/environments"] is null ? null : merged;
            }, "The services have described themselves.");
        var paths = document["paths"]!.AsObject();
        Assert.Multiple(() =>
        {
            Assert.That(paths.Select(path => path.Key), Does.Contain("/api/v1/me").And.Contain("/api/v1/orgs/{org}/tokens")
                .And.Contain("/oauth/token"));
            Assert.That(paths.Select(path => path.Key), Has.None.StartsWith("/health").And.None.EqualTo("/internal"));
            Assert.That(paths["/oauth/token"]!["post"]!["security"]!.AsArray(), Is.Empty);
            Assert.That(paths["/api/v1/me"]!["get"]!["security"], Is.Null);
            Assert.That((string?)document["components"]!["securitySchemes"]!["bearer"]!["scheme"], Is.EqualTo("bearer"));
            Assert.That(document["components"]!["schemas"]!.AsObject().Select(schema => schema.Key), Has.Some.EqualTo("ProblemDetails"));
        });
        foreach (var reference in References(document))
        {
            JsonNode? node = document;
            foreach (var part in reference[2..].Split('/'))
            {
                node = node?[part];
            }

            Assert.That(node, Is.Not.Null, reference);
        }
    }

    [Test]
    public async Task Components_that_differ_keep_apart()
    {
        using var nobody = _platform.With(null);
        var document = await Eventually.GetAsync(
            async () =>
            {
                using var response = await nobody.GetAsync(new Uri("/openapi/v1.json", UriKind.Relative));
                var merged = response.IsSuccessStatusCode ? await response.JsonAsync() : null;
                return merged?["paths"]!["/api/v1/me"] is null
                    || merged["paths"]!["/api/v1/orgs/{org}/environments"] is null ? null : merged;
            }, "The services have described themselves.");
        var schemas = document["components"]!["schemas"]!.AsObject();
        var environments = (string)document["paths"]!["/api/v1/orgs/{org}/environments"]!["get"]!["responses"]!["200"]!["content"]!
            ["application/json"]!["schema"]!["$ref"]!;
        var refused = (string)document["paths"]!["/api/v1/orgs"]!["post"]!["responses"]!["409"]!["content"]!
            ["application/problem+json"]!["schema"]!["$ref"]!;
        Assert.That(environments, Is.Not.EqualTo(refused));
        Assert.That(schemas[environments.Split('/')[^1]]!["properties"]!["another"], Is.Not.Null);
        Assert.That(schemas[refused.Split('/')[^1]]!["properties"]!["detail"], Is.Not.Null);
    }

    [Test]
    public async Task The_page_to_read_it_loads_nothing_from_elsewhere()
    {
        using var nobody = _platform.With(null);
        using var page = await nobody.GetAsync(new Uri("/docs/index.html", UriKind.Relative));
        Assert.That(page.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That(page.Headers.GetValues("Content-Security-Policy").Single(), Does.Contain("script-src 'self';"));
        var html = await page.Content.ReadAsStringAsync();
        Assert.That(html, Does.Not.Contain("src=\"http").And.Not.Contain("href=\"http"));
        Assert.That(html, Does.Not.Contain("<script>"), "The policy lets no inline script run.");
    }

    [Test]
    public async Task Answers_are_neither_sniffed_nor_framed()
    {
        using var nobody = _platform.With(null);
        using var response = await nobody.GetAsync(new Uri("/health/live", UriKind.Relative));
        Assert.That(response.Headers.GetValues("X-Content-Type-Options"), Is.EqualTo(new[] { "nosniff" }));
        Assert.That(response.Headers.GetValues("Content-Security-Policy").Single(), Does.Contain("frame-ancestors 'none'"));
        Assert.That(response.Headers.Contains("Server"), Is.False);
    }

    private static IEnumerable<string> References(JsonNode? node) => node switch
    {
        JsonObject members => members.SelectMany(member => member.Key == "$ref" ? [(string)member.Value!] : References(member.Value)),
        JsonArray items => items.SelectMany(References),
        _ => [],
    };
}
