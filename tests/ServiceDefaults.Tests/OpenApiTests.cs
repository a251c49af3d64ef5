using System.Net.Http.Json;
using System.Text.Json.Nodes;

using EnvPlatform.Testing;

namespace EnvPlatform.ServiceDefaults.Tests;

/// <summary>How a service describes its operations.</summary>
public sealed class OpenApiTests
{
    private TestApp _app = null!;
    private JsonObject _document = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _app = await TestApp.StartAsync();
        using var client = _app.As(null);
        _document = (await client.GetFromJsonAsync<JsonObject>(new Uri("/openapi/v1.json", UriKind.Relative)))!;
    }

    [OneTimeTearDown]
    public async Task StopAsync() => await _app.DisposeAsync();

    [Test]
    public void It_keeps_the_rules() =>
        Assert.That(OpenApiRules.Broken(_document).Where(what => !what.EndsWith("has no name", StringComparison.Ordinal)), Is.Empty);

    [Test]
    public void Parameters_are_named_as_they_are_read()
    {
        var parameters = Operation("/api/v1/orgs/{org}/filtered/{id}", "get")["parameters"]!.AsArray()
            .Select(parameter => $"{parameter!["in"]} {parameter["name"]}");
        Assert.That(
            parameters, Is.EqualTo(new[] { "path org", "path id", "query some_text", "query limit", "query cursor", "query sort" }));
    }

    [Test]
    public void Texts_are_strings_and_ids_are_uuids()
    {
        var id = Operation("/api/v1/orgs/{org}/filtered/{id}", "get")["parameters"]![1]!["schema"]!;
        var second = Body("/api/v1/orgs/{org}/second")["properties"]!;
        Assert.Multiple(() =>
        {
            Assert.That((string?)id["format"], Is.EqualTo("uuid"));
            Assert.That((string?)second["owner"]!["format"], Is.EqualTo("uuid"));
            Assert.That(second["owner"]!["type"]!.AsArray().Select(type => (string?)type), Is.EquivalentTo(new[] { "null", "string" }));
            Assert.That((string?)second["aliases"]!["items"]!["type"], Is.EqualTo("string"));
            Assert.That(
                (string?)Body("/api/v1/orgs/{org}/first")["properties"]!["kind"]!["type"], Is.EqualTo("string"), "required, so never null");
        });
    }

    [Test]
    public void Requests_of_two_operations_are_told_apart() =>
        Assert.That(
            (Members("/api/v1/orgs/{org}/first"), Members("/api/v1/orgs/{org}/second")),
            Is.EqualTo((new[] { "kind" }, new[] { "owner", "aliases" })));

    [Test]
    public void Every_operation_says_how_it_refuses()
    {
        var responses = Operation("/api/v1/orgs/{org}/filtered/{id}", "get")["responses"]!.AsObject();
        Assert.That(responses.Select(response => response.Key), Is.SupersetOf(new[] { "200", "400", "401", "403", "404", "429" }));
        var problem = _document["components"]!["schemas"]!["ProblemDetails"]!["properties"]!.AsObject();
        Assert.That(problem.Select(member => member.Key),
            Is.SupersetOf(new[] { "type", "title", "status", "detail", "code", "trace_id", "errors" }));
    }

    private JsonNode Operation(string path, string method) => _document["paths"]![path]![method]!;

    private string[] Members(string path) => [.. Body(path)["properties"]!.AsObject().Select(member => member.Key)];

    private JsonNode Body(string path)
    {
        var reference = (string)Operation(path, "post")["requestBody"]!["content"]!["application/json"]!["schema"]!["$ref"]!;
        return _document["components"]!["schemas"]![reference.Split('/')[^1]]!;
    }
}
