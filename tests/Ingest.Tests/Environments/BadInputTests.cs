using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

using EnvPlatform.Ingest.Packages;
using EnvPlatform.Testing;

namespace EnvPlatform.Ingest.Tests.Environments;

/// <summary>Any invalid request gets 400 with the field, or 413; never 500, and nothing is stored.</summary>
public sealed class BadInputTests : IngestFixture
{
    private static readonly string Long = new('n', 10_240);

    /// <summary>The error, how a valid log is changed to have it, and the field that the answer names.</summary>
    private static IEnumerable<TestCaseData> BadLogs()
    {
        yield return Case("machine_id_missing", "machine_id", body => body.Remove("machine_id"));
        yield return Case("machine_id_no_uuid", "machine_id", body => body["machine_id"] = "laptop");
        yield return Case("machine_id_a_number", "machine_id", body => body["machine_id"] = 7);
        yield return Case("prefix_missing", "prefix", body => body.Remove("prefix"));
        yield return Case("prefix_null", "prefix", body => body["prefix"] = null);
        yield return Case("prefix_blank", "prefix", body => body["prefix"] = "   ");
        yield return Case("prefix_of_10_KB", "prefix", body => body["prefix"] = "/" + Long);
        yield return Case("prefix_that_no_index_holds", "prefix", body => body["prefix"] = "/" + new string('\u6f22', 1_000));
        yield return Case("prefix_with_NUL", "prefix", body => body["prefix"] = "/a\0b");
        yield return Case("prefix_with_a_line_feed", "prefix", body => body["prefix"] = "/a\nb");
        yield return Case("name_missing", "name", body => body.Remove("name"));
        yield return Case("name_of_10_KB", "name", body => body["name"] = Long);
        yield return Case("name_an_object", "name", body => body["name"] = new JsonObject());
        yield return Case("platform_missing", "platform", body => body.Remove("platform"));
        yield return Case("platform_odd", "platform", body => body["platform"] = "Linux 64!");
        yield return Case("command_with_NUL", "command", body => body["command"] = "conda\0");
        yield return Case("command_with_an_escape", "command", body => body["command"] = "conda \u001b[2J");
        yield return Case("command_of_control_characters", "command", body => body["command"] = new string('\u0001', 16_384));
        yield return Case("name_with_a_line_feed", "name", body => body["name"] = "a\nb");
        yield return Case("command_too_long", "command", body => body["command"] = new string('c', 16_385));
        yield return Case("previous_prefix_blank", "previous_prefix", body => body["previous_prefix"] = "");
        yield return Case("digest_missing", "digest", body => body.Remove("digest"));
        yield return Case("digest_malformed", "digest", body => body["digest"] = "md5:abc");
        yield return Case("digest_upper_case", "digest", body => body["digest"] = "sha256:" + new string('A', 64));
        yield return Case("digest_of_other_packages", "digest", body => body["digest"] = "sha256:" + new string('0', 64));
        yield return Case("packages_no_array", "packages", body => body["packages"] = "numpy");
        yield return Case("package_null", "packages[1]", body => body["packages"]![1] = null);
        yield return Case("package_a_string", "packages[1]", body => body["packages"]![1] = "numpy");
        yield return Case("manager_missing", "packages[0].manager", body => body["packages"]![0]!.AsObject().Remove("manager"));
        yield return Case("manager_unknown", "packages[0].manager", body => body["packages"]![0]!["manager"] = "npm");
        yield return Case("package_name_missing", "packages[0].name", body => body["packages"]![0]!.AsObject().Remove("name"));
        yield return Case("package_name_empty", "packages[0].name", body => body["packages"]![0]!["name"] = "");
        yield return Case("package_name_of_10_KB", "packages[0].name", body => body["packages"]![0]!["name"] = Long);
        yield return Case("package_name_with_NUL", "packages[0].name", body => body["packages"]![0]!["name"] = "num\0py");
        yield return Case("package_name_with_a_bar", "packages[0].name", body => body["packages"]![0]!["name"] = "a|b");
        yield return Case("package_version_missing", "packages[0].version", body => body["packages"]![0]!["version"] = null);
        yield return Case("package_version_a_number", "packages[0].version", body => body["packages"]![0]!["version"] = 1.21);
        yield return Case("package_version_with_a_line_feed", "packages[0].version", body => body["packages"]![0]!["version"] = "1\n2");
        yield return Case("package_build_long", "packages[0].build", body => body["packages"]![0]!["build"] = new string('b', 256));
        yield return Case(
            "package_channel_with_a_token", "packages[0].channel",
            body => body["packages"]![0]!["channel"] = "https://example.org/t/tk-1/x");
        yield return Case(
            "package_channel_with_a_password", "packages[0].channel",
            body => body["packages"]![0]!["channel"] = "https://u:p@example.org/x");
        yield return Case("package_sha256_short", "packages[0].sha256", body => body["packages"]![0]!["sha256"] = "abc");
        yield return Case("package_license_of_10_KB", "packages[0].license", body => body["packages"]![0]!["license"] = Long);
        yield return Case(
            "package_license_with_an_escape", "packages[0].license", body => body["packages"]![0]!["license"] = "MIT\u001b[1m");
        yield return Case("package_requested_a_string", "packages[0].requested", body => body["packages"]![0]!["requested"] = "yes");
        yield return Case("package_that_no_index_holds", "packages[0]", body =>
        {
            foreach (var field in new[] { "name", "version", "build", "channel" })
            {
                body["packages"]![0]![field] = new string('\u6f22', 255);
            }
        });

        static TestCaseData Case(string what, string field, Action<JsonObject> spoil) =>
            new TestCaseData(spoil, field).SetArgDisplayNames(what);
    }

    [TestCaseSource(nameof(BadLogs))]
    public async Task A_bad_log_is_refused_with_its_field(Action<JsonObject> spoil, string field)
    {
        var body = Body([Conda("numpy", "1"), Conda("scipy", "2")], "/bad");
        spoil(body);
        using var response = await LogAsync(Bob, body);
        await AssertRefusedAsync(response, field);
    }

    [TestCase("", "body")]
    [TestCase("{", "body")]
    [TestCase("not json", "body")]
    [TestCase("[]", "body")]
    [TestCase("null", "body")]
    [TestCase("42", "body")]
    [TestCase("\"text\"", "body")]
    [TestCase("""{"name": "\ud800"}""", "name")]
    [TestCase("""{"prefix": "a\udc00b"}""", "prefix")]
    public async Task What_is_no_log_is_refused(string body, string field)
    {
        using var response = await PostBytesAsync(Bob, Encoding.UTF8.GetBytes(body));
        await AssertRefusedAsync(response, field);
    }

    [Test]
    public async Task Bytes_that_are_no_UTF_8_are_refused()
    {
        var body = Encoding.UTF8.GetBytes(Body([], "/bytes-X").ToJsonString());
        body[Array.IndexOf(body, (byte)'X')] = 0xFF;
        using var response = await PostBytesAsync(Bob, body);
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
    }

    [Test]
    public async Task Another_content_type_is_refused()
    {
        using var response = await PostBytesAsync(Bob, "a=b"u8.ToArray(), contentType: "application/x-www-form-urlencoded");
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.UnsupportedMediaType));
    }

    [Test]
    public async Task Deep_nesting_is_refused()
    {
        using var response = await PostBytesAsync(Bob, Encoding.UTF8.GetBytes(new string('[', 100_000)));
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
    }

    [Test]
    public async Task One_package_more_than_allowed_is_refused_and_as_many_as_allowed_are_stored()
    {
        var packages = Enumerable.Range(0, PackageList.MaxPackages + 1).Select(i => Pypi($"p{i}", "1")).ToArray();
        using (var tooMany = await LogAsync(Bob, Body(packages, "/many")))
        {
            await AssertRefusedAsync(tooMany, "packages");
        }

        var stored = await LoggedAsync(Bob, Body(packages[1..], "/many"));
        Assert.That(stored.GetProperty("packages").GetInt32(), Is.EqualTo(PackageList.MaxPackages));
    }

    [Test]
    public async Task A_gzip_bomb_is_too_large()
    {
        var bomb = Gzipped.Of("{\"name\":\"" + new string('a', 200 * 1024 * 1024) + "\"}");
        Assert.That(bomb, Has.Length.LessThan(2 * 1024 * 1024));
        using var response = await PostBytesAsync(Bob, bomb, "gzip");
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.RequestEntityTooLarge));
        Assert.That((await response.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("status").GetInt32(), Is.EqualTo(413));
    }

    [Test]
    public async Task A_body_of_more_than_16_MiB_is_too_large()
    {
        using var response = await PostBytesAsync(Bob, Encoding.UTF8.GetBytes("{\"name\":\"" + new string('a', 17 * 1024 * 1024) + "\"}"));
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.RequestEntityTooLarge));
    }

    [Test]
    public async Task A_broken_gzip_body_is_refused()
    {
        var packed = Gzipped.Of(Body([], "/broken").ToJsonString());
        packed.AsSpan(10).Fill(0xAA); // everything after the header of the format
        using var broken = await PostBytesAsync(Bob, packed, "gzip");
        await AssertRefusedAsync(broken, "body");
        using var notPacked = await PostBytesAsync(Bob, "{}"u8.ToArray(), "gzip");
        await AssertRefusedAsync(notPacked, "body");
    }

    [TestCase("limit=0", "limit")]
    [TestCase("limit=-1", "limit")]
    [TestCase("limit=1001", "limit")]
    [TestCase("limit=ten", "limit")]
    [TestCase("limit=99999999999", "limit")]
    [TestCase("cursor=AAAA", "cursor")]
    [TestCase("cursor=%00", "query")]
    [TestCase("cursor=!!!", "cursor")]
    [TestCase("sort=password", "sort")]
    [TestCase("sort=name;drop", "sort")]
    [TestCase("sort=--name", "sort")]
    [TestCase("status=blocked", "status")]
    [TestCase("severity=huge", "severity")]
    [TestCase("severity=high,huge", "severity")]
    [TestCase("archived=maybe", "archived")]
    [TestCase("search=%00", "query")]
    public async Task A_bad_query_is_refused_with_its_field(string query, string field)
    {
        using var response = await SendAsync(HttpMethod.Get, Ada, "environments?" + query);
        await AssertRefusedAsync(response, field);
    }

    [Test]
    public async Task A_long_search_is_refused()
    {
        using var response = await SendAsync(HttpMethod.Get, Ada, "environments?search=" + new string('s', 300));
        await AssertRefusedAsync(response, "search");
    }

    [Test]
    public async Task A_cursor_of_another_list_is_refused()
    {
        await LoggedAsync(Bob, Body([Conda("one", "1")], "/cursor/1"));
        await LoggedAsync(Bob, Body([Conda("one", "1")], "/cursor/2"));
        var cursor = Uri.EscapeDataString((await GetAsync(Ada, "environments?limit=1&sort=name")).GetProperty("next_cursor").GetString()!);
        foreach (var (caller, query) in new[] { (Ada, "sort=-name"), (Ada, "sort=name&search=x"), (Bob, "sort=name") })
        {
            using var response = await SendAsync(HttpMethod.Get, caller, $"environments?{query}&cursor={cursor}");
            await AssertRefusedAsync(response, "cursor");
        }
    }

    [Test]
    public async Task An_id_that_is_no_UUID_is_not_found_or_refused()
    {
        using var response = await SendAsync(HttpMethod.Get, Ada, "environments/1%27%20or%201=1");
        Assert.That((int)response.StatusCode, Is.AnyOf(400, 404));
    }

    private static async Task AssertRefusedAsync(HttpResponseMessage response, string field)
    {
        var text = await response.Content.ReadAsStringAsync();
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest), text);
        Assert.That(response.Content.Headers.ContentType?.MediaType, Is.EqualTo("application/problem+json"));
        var errors = JsonDocument.Parse(text).RootElement.GetProperty("errors");
        Assert.That(errors.EnumerateObject().Select(error => error.Name), Does.Contain(field), text);
        Assert.That(text, Does.Not.Contain("EnvPlatform.").And.Not.Contain("System."));
    }
}
