using System.Text.Json;

namespace EnvPlatform.EndToEnd.Tests;

/// <summary>
/// Every operation of the OpenAPI document refuses a query parameter that it does not have, and names the nearest of those that it has. New
/// operations are covered by being in the document.
/// </summary>
public sealed class UnknownParameterTests
{
    private static readonly string[] Methods = ["get", "post", "put", "delete", "patch"];

    [Test]
    public async Task Every_operation_refuses_a_parameter_that_it_does_not_have()
    {
        var platform = SharedPlatform.Platform;
        var organization = await Organization.CreateAsync(platform);
        using var api = platform.Administrator();
        api.Http.DefaultRequestHeaders.Add("X-Org-Name", organization.Slug);
        var document = await api.GetAsync("/openapi/v1.json");
        var operations = (from path in document.GetProperty("paths").EnumerateObject()
                          from method in path.Value.EnumerateObject()
                          where Methods.Contains(method.Name)
                          select (Method: method.Name.ToUpperInvariant(), Path: path.Name, Known: NamesOf(method.Value))).ToArray();
        Assert.That(operations, Has.Length.GreaterThan(45));
        Assert.That(operations.Count(operation => operation.Known.Length > 0), Is.GreaterThan(12));
        var wrong = new List<string>();
        foreach (var (method, path, known) in operations)
        {
            foreach (var (unknown, nearest) in known.Select(name => (name + "x", name)).Append(("zz9", "")))
            {
                var url = Fill(path, organization.Slug) + $"?{unknown}=1";
                using var request = new HttpRequestMessage(new HttpMethod(method), url);
                using var response = await api.Http.SendAsync(request);
                var text = await response.Content.ReadAsStringAsync();
                var status = path.StartsWith("/api/audit-logs", StringComparison.Ordinal) ? 422 : 400;
                var expected = nearest.Length == 0 ? "There is no such parameter" : $"The nearest is {nearest};";
                if ((int)response.StatusCode != status || !text.Contains(unknown, StringComparison.Ordinal)
                    || !text.Contains(expected, StringComparison.Ordinal))
                {
                    wrong.Add($"{method} {url}: {(int)response.StatusCode} {text}");
                }
            }
        }

        Assert.That(wrong, Is.Empty);
    }

    [TestCase("cursor")]
    [TestCase("from")]
    public async Task What_would_read_the_first_page_of_the_audit_log_for_ever_is_refused(string name)
    {
        using var api = SharedPlatform.Platform.Administrator();
        api.Http.DefaultRequestHeaders.Add("X-Org-Name", SharedPlatform.Platform.Bootstrap.Organization);
        using var response = await api.Http.GetAsync(new Uri($"/api/audit-logs?limit=1&{name}=2026-01-01", UriKind.Relative));
        var error = JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement.GetProperty("detail")[0];
        Assert.Multiple(() =>
        {
            Assert.That((int)response.StatusCode, Is.EqualTo(422));
            Assert.That(error.GetProperty("loc").EnumerateArray().Select(part => part.GetString()), Is.EqualTo(new[] { "query", name }));
            Assert.That(error.GetProperty("type").GetString(), Is.EqualTo("extra_forbidden"));
            Assert.That(error.GetProperty("msg").GetString(), Does.Contain("after").And.Contain("from_date"));
        });
    }

    private static string[] NamesOf(JsonElement operation) => operation.TryGetProperty("parameters", out var given)
        ? [
            .. given.EnumerateArray().Where(one => one.GetProperty("in").GetString() == "query")
                .Select(one => one.GetProperty("name").GetString()!),
        ]
        : [];

    /// <summary>With ids of nothing, so that an operation that did not refuse would change nothing.</summary>
    private static string Fill(string path, string slug) => string.Join('/', path.Split('/').Select(part =>
        part == "{org}" ? slug : part.StartsWith('{') ? Guid.CreateVersion7().ToString() : part));
}
