using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

using EnvPlatform.Contracts.Packages;

namespace EnvPlatform.EndToEnd.Tests;

/// <summary>Malformed input is refused at the edge, naming the invalid field, and nothing of it is stored.</summary>
public sealed class BadInputTests
{
    private Organization _organization = null!;
    private Api _api = null!;

    [OneTimeSetUp]
    public async Task CreateAsync()
    {
        _organization = await Organization.CreateAsync(SharedPlatform.Platform);
        _api = SharedPlatform.Platform.Client(_organization.Token);
    }

    [OneTimeTearDown]
    public async Task NothingWasKept()
    {
        var page = await _api.GetAsync($"{_organization.Path}/environments");
        Assert.That(page.GetProperty("total_count").GetInt32(), Is.Zero);
        _api.Dispose();
    }

    private static readonly TestCaseData[] BadLogs =
    [
        new TestCaseData("not json", "hello", "body").SetArgDisplayNames("not json"),
        new TestCaseData("an array", "[]", "body").SetArgDisplayNames("an array"),
        new TestCaseData("a wrong type", Log(prefix: "5"), "prefix").SetArgDisplayNames("a wrong type"),
        new TestCaseData("no machine", "{\"prefix\":\"/x\",\"name\":\"x\",\"platform\":\"linux-64\",\"packages\":[]}", "machine_id")
            .SetArgDisplayNames("no machine"),
        new TestCaseData("a machine id that is none", Log(machine: "\"x\""), "machine_id").SetArgDisplayNames("a machine id that is none"),
        new TestCaseData("a NUL", Log(prefix: "\"/a\\u0000b\""), "prefix").SetArgDisplayNames("a NUL"),
        new TestCaseData("a lone surrogate", Log(prefix: "\"/a\\ud800b\""), "prefix").SetArgDisplayNames("a lone surrogate"),
        new TestCaseData(
            "a name of 10 KB", Log(packages: "[{\"manager\":\"conda\",\"name\":\"" + new string('n', 10_240) + "\",\"version\":\"1\"}]"),
            "packages[0].name").SetArgDisplayNames("a name of 10 KB"),
        new TestCaseData("a wrong digest", Log(digest: "sha256:" + new string('0', 64)), "digest").SetArgDisplayNames("a wrong digest"),
        new TestCaseData("a digest that is none", Log(digest: "md5:1"), "digest").SetArgDisplayNames("a digest that is none"),
        new TestCaseData("packages of a wrong type", Log(packages: "\"all\""), "packages").SetArgDisplayNames("packages of a wrong type"),
        new TestCaseData(
            "a manager nobody knows", Log(packages: "[{\"manager\":\"brew\",\"name\":\"x\",\"version\":\"1\"}]"),
            "packages[0].manager").SetArgDisplayNames("a manager nobody knows"),
    ];

    [TestCaseSource(nameof(BadLogs))]
    public async Task A_bad_log_is_a_400_that_names_the_field(string what, string body, string field)
    {
        using var content = new StringContent(
            body.Replace("MACHINE", _organization.MachineId.ToString(), StringComparison.Ordinal), Encoding.UTF8, "application/json");
        await RefusedAsync(HttpMethod.Post, $"{_organization.Path}/environment-logs", content, HttpStatusCode.BadRequest, field, what);
    }

    [Test]
    public async Task More_than_50_000_packages_are_refused()
    {
        var packages = string.Join(
            ',', Enumerable.Range(0, 50_001).Select(i => $"{{\"manager\":\"pypi\",\"name\":\"p{i}\",\"version\":\"1\"}}"));
        using var content = new StringContent(
            Log(packages: $"[{packages}]").Replace("MACHINE", _organization.MachineId.ToString(), StringComparison.Ordinal),
            Encoding.UTF8, "application/json");
        await RefusedAsync(
            HttpMethod.Post, $"{_organization.Path}/environment-logs", content, HttpStatusCode.BadRequest, "packages", "50,001 packages");
    }

    [Test]
    public async Task A_gzip_bomb_is_413()
    {
        using var packed = new MemoryStream();
        await using (var gzip = new GZipStream(packed, CompressionLevel.SmallestSize, leaveOpen: true))
        {
            var spaces = new byte[1 << 20];
            Array.Fill(spaces, (byte)' ');
            for (var i = 0; i < 256; i++)
            {
                await gzip.WriteAsync(spaces);
            }
        }

        using var content = new ByteArrayContent(packed.ToArray())
        {
            Headers = { ContentType = new MediaTypeHeaderValue("application/json"), ContentEncoding = { "gzip" } }
        };
        using var response = await _api.Http.PostAsync(new Uri($"{_organization.Path}/environment-logs", UriKind.Relative), content);
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.RequestEntityTooLarge), await response.Content.ReadAsStringAsync());
    }

    [Test]
    public async Task A_body_larger_than_allowed_is_413()
    {
        using var content =
            new ByteArrayContent(new byte[17 << 20]) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } };
        using var request = new HttpRequestMessage(HttpMethod.Post, $"{_organization.Path}/environment-logs")
        {
            Content = content,
            Headers = { ExpectContinue = true }
        };
        using var response = await _api.Http.SendAsync(request);
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.RequestEntityTooLarge));
    }

    [TestCase("/environments?limit=-1", "limit")]
    [TestCase("/environments?limit=many", "limit")]
    [TestCase("/environments?cursor=forged", "cursor")]
    [TestCase("/environments?sort=password", "sort")]
    [TestCase("/environments?status=purple", "status")]
    [TestCase("/environments?severity=purple", "severity")]
    [TestCase("/environments?archived=perhaps", "archived")]
    [TestCase("/environments?search=%00", "query")]
    [TestCase("/vulnerabilities?limit=0", "limit")]
    [TestCase("/activation?machine_id=x&prefix=/x", "machine_id")]
    [TestCase("/activation?prefix=/x", "machine_id")]
    public async Task A_bad_query_is_a_400_that_names_the_parameter(string path, string field) =>
        await RefusedAsync(HttpMethod.Get, _organization.Path + path, null, HttpStatusCode.BadRequest, field, path);

    private static string Log(
        string machine = "\"MACHINE\"", string prefix = "\"/opt/envs/x\"",
        string packages = "[{\"manager\":\"pypi\",\"name\":\"x\",\"version\":\"1\"}]", string? digest = null) =>
        $$"""{"machine_id":{{machine}},"prefix":{{prefix}},"name":"x","platform":"linux-64","digest":"{{digest ?? PackageSetDigest.Compute([new("pypi", "", "", "x", "1", "")])}}","packages":{{packages}}}""";

    private async Task RefusedAsync(HttpMethod method, string path, HttpContent? content, HttpStatusCode status, string field, string what)
    {
        using var response = await _api.Http.SendAsync(new HttpRequestMessage(method, path) { Content = content });
        var text = await response.Content.ReadAsStringAsync();
        Assert.That(response.StatusCode, Is.EqualTo(status), $"{what}: {text}");
        Assert.That(JsonDocument.Parse(text).RootElement.GetProperty("errors").TryGetProperty(field, out _), Is.True, $"{what}: {text}");
    }
}
