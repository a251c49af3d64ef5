using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;

using EnvPlatform.Testing;

namespace EnvPlatform.Scanner.Service.Tests.Curations;

/// <summary>Verdicts are exported and imported as VEX documents.</summary>
public sealed class VexTests : CurationFixture
{
    [TestCase("openvex")]
    [TestCase("cyclonedx")]
    public async Task What_was_exported_can_be_brought_back(string format)
    {
        var n = format == "openvex" ? 1 : 2;
        await ImportAsync(File([.. Enumerable.Range(0, 4)
            .Select(i => Record($"PYSEC-2026-8{n}{i}", $"vexlib{n}", null, null, [$"CVE-2026-80{n}0{i}"], Critical))]));
        var id = await LogAsync(Bob, Machine, $"/opt/vex{n}", Conda($"vexlib{n}", "1.0"));
        await CurateAsync($"CVE-2026-80{n}00", "mitigated", reason: "kept in \"quotes\" – and more");
        await CurateAsync($"CVE-2026-80{n}01", "cleared", $"vexlib{n}", reason: "not ours");
        await CurateAsync($"CVE-2026-80{n}02", "disputed", $"vexlib{n}", "1.0", reason: "upstream says no");
        await CurateAsync($"CVE-2026-80{n}03", "cleared", $"vexlib{n}", "1.0", "py39_0", reason: "patched build");
        await CurateAsync($"CVE-2026-80{n}03", "active", reason: "elsewhere it is");
        await CountsBecomeAsync(id, 0, null);
        var before = await HeldAsync(n);
        Assert.That(before, Has.Length.EqualTo(5));

        using var exported = await SendAsync(HttpMethod.Get, Aud, $"vulnerabilities/vex?format={format}");
        var document = await exported.Content.ReadAsByteArrayAsync();
        Assert.That(exported.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        foreach (var query in new[]
        {
            "00",
            $"01?package=vexlib{n}",
            $"02?package=vexlib{n}&version=1.0",
            $"03?package=vexlib{n}&version=1.0&build=py39_0",
            "03"
        })
        {
            using var response = await SendAsync(
                HttpMethod.Delete, Ada, $"vulnerabilities/CVE-2026-80{n}{query.Replace("?", "/curation?", StringComparison.Ordinal)}"
                    + $"{(query.Contains('?', StringComparison.Ordinal) ? "" : "/curation")}");
            Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.NoContent), query);
        }

        await CountsBecomeAsync(id, 4, 9.8m);
        var result = await SendVexAsync(document);
        Assert.Multiple(async () =>
        {
            Assert.That(result.GetProperty("applied").GetInt32(), Is.EqualTo(5), result.ToString());
            Assert.That(result.GetProperty("skipped").GetArrayLength(), Is.Zero, result.ToString());
            Assert.That(await HeldAsync(n), Is.EqualTo(before));
        });
        await CountsBecomeAsync(id, 0, null);
        Assert.That((await SendVexAsync(document)).GetProperty("applied").GetInt32(), Is.Zero, "the same again changes nothing");
    }

    [Test]
    public async Task What_others_state_is_applied_where_it_is_about_us_and_the_rest_is_reported()
    {
        await ImportAsync(
            File([.. Enumerable.Range(0, 6).Select(i => Record($"PYSEC-2026-83{i}", "theirs", null, null, [$"CVE-2026-8300{i}"], High))]));
        static object Said(
            string name, string product, string status, string? at = null, string? justification = null, string? notes = null) => new
            {
                vulnerability = new { name, aliases = new[] { name.Replace("GHSA-none", "PYSEC-2026-831", StringComparison.Ordinal) } },
                products = new[] { new JsonObject { ["@id"] = product } },
                status,
                timestamp = at ?? "2026-01-01T00:00:00Z",
                justification,
                status_notes = notes,
            };
        var result = await SendVexAsync(JsonSerializer.SerializeToUtf8Bytes(new JsonObject
        {
            ["@context"] = "https://openvex.dev/ns/v0.2.0",
            ["@id"] = "https://example.org/vex",
            ["author"] = "them",
            ["timestamp"] = "2026-01-01T00:00:00Z",
            ["version"] = 1,
            ["statements"] = JsonSerializer.SerializeToNode(new[]
            {
                Said("CVE-2026-83000", "pkg:conda/theirs@1.0?build=py39_0&channel=main&subdir=linux-64", "affected",
                    "2026-02-01T00:00:00Z", notes: "newer"),
                Said("CVE-2026-83000", "pkg:conda/theirs@1.0?build=py39_0", "fixed", "2026-01-15T00:00:00Z", notes: "older"),
                Said("GHSA-none", "pkg:pypi/Theirs", "fixed"),
                Said("CVE-2026-83002", "pkg:pypi/theirs@1.0", "not_affected", justification: "inline_mitigations_already_exist"),
                Said("CVE-2026-83003", "pkg:pypi/theirs", "under_investigation"),
                Said("CVE-2026-83003", "pkg:apk/wolfi/git@2.39.0-r1", "not_affected"),
                Said("CVE-2026-83003", "pkg:conda/theirs?channel=main", "not_affected"),
                Said("CVE-2026-83003", "urn:uuid:11111111-1111-1111-1111-111111111111", "not_affected"),
                Said("CVE-1999-99999", "pkg:pypi/theirs", "affected"),
            }),
        }));
        Assert.Multiple(async () =>
        {
            Assert.That((result.GetProperty("statements").GetInt32(), result.GetProperty("applied").GetInt32()),
                Is.EqualTo((9, 3)), result.ToString());
            Assert.That(result.GetProperty("skipped").EnumerateArray().Select(one => one.GetProperty("vulnerability").GetString()),
                Is.EqualTo(new[] { "CVE-2026-83003", "CVE-2026-83003", "CVE-2026-83003", "CVE-2026-83003", "CVE-1999-99999" }));
            Assert.That(await HeldAsync(3), Is.EqualTo(new[]
            {
                "CVE-2026-83000 theirs 1.0 py39_0 active newer", "CVE-2026-83001 theirs   cleared It is fixed in the product.",
                "CVE-2026-83002 theirs 1.0  mitigated inline_mitigations_already_exist",
            }));
        });

        var second = await SendVexAsync("""
            {"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "components": [{"type": "library", "bom-ref": "c1", "name": "theirs", "purl": "pkg:pypi/theirs"}],
             "vulnerabilities": [
               {"id": "CVE-2026-83004", "analysis": {"state": "exploitable", "detail": "we use it"}, "affects": [{"ref": "c1", "versions": [{"version": "3.0"}, {"range": "vers:pypi/<4"}, {"version": "2.0", "status": "unaffected"}]}]},
               {"id": "CVE-2026-83005", "analysis": {"state": "not_affected", "justification": "protected_at_perimeter"}, "affects": [{"ref": "urn:cdx:3e671687-395b-41f5-a30f-a58921a69b79/1#pkg%3Apypi%2Ftheirs%402.0"}]},
               {"id": 5, "analysis": {"state": "resolved"}, "affects": [{"ref": "c1"}]},
               {"id": "CVE-2026-83005", "analysis": {"state": "resolved", "detail": "a\u0000b"}}, 7]}
            """u8.ToArray());
        Assert.Multiple(async () =>
        {
            Assert.That(second.GetProperty("applied").GetInt32(), Is.EqualTo(2), second.ToString());
            Assert.That(await HeldAsync(3), Does.Contain("CVE-2026-83004 theirs 3.0  active we use it")
                .And.Contains("CVE-2026-83005 theirs 2.0  mitigated protected_at_perimeter"));
        });
    }

    [TestCase("not json")]
    [TestCase("[]")]
    [TestCase("{}")]
    [TestCase("""{"@context": 5, "statements": []}""")]
    [TestCase("")]
    public async Task What_is_no_vex_document_is_refused(string body)
    {
        using var content = new StringContent(body, System.Text.Encoding.UTF8, "application/json");
        using var response = await SendAsync(HttpMethod.Post, Ada, "vulnerabilities/vex", content);
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest), await response.Content.ReadAsStringAsync());
    }

    [Test]
    public async Task Only_administrators_bring_verdicts_in_and_others_of_the_organization_read_them()
    {
        var document = """{"@context": "https://openvex.dev/ns/v0.2.0", "statements": []}""";
        foreach (var (caller, org, read, write) in new (TestCaller?, string?, HttpStatusCode, HttpStatusCode)[]
        {
            (Ada, null, HttpStatusCode.OK, HttpStatusCode.OK),
            (Bob, null, HttpStatusCode.OK, HttpStatusCode.Forbidden), (Aud, null, HttpStatusCode.OK, HttpStatusCode.Forbidden),
            (Mallory, Organization.Slug, HttpStatusCode.NotFound, HttpStatusCode.NotFound),
            (null, null, HttpStatusCode.Unauthorized, HttpStatusCode.Unauthorized),
        })
        {
            using var content = new StringContent(document, System.Text.Encoding.UTF8, "application/json");
            using var get = await SendAsync(HttpMethod.Get, caller, "vulnerabilities/vex?format=cyclonedx", org: org);
            using var post = await SendAsync(HttpMethod.Post, caller, "vulnerabilities/vex", content, org);
            Assert.That((get.StatusCode, post.StatusCode), Is.EqualTo((read, write)), caller?.Email);
        }

        using var neither = await SendAsync(HttpMethod.Get, Ada, "vulnerabilities/vex?format=csaf");
        Assert.That(neither.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
    }

    private async Task<JsonElement> SendVexAsync(byte[] document)
    {
        using var content = new ByteArrayContent(document) { Headers = { ContentType = new("application/json") } };
        using var response = await SendAsync(HttpMethod.Post, Ada, "vulnerabilities/vex", content);
        return await OkAsync(response);
    }

    /// <summary>The verdicts on the vulnerabilities of a test.</summary>
    private async Task<string[]> HeldAsync(int test) =>
        [
            .. (await GetAllAsync(Ada, "vulnerabilities/curations", 100)).Where(one => one.GetProperty("vulnerability_id").GetString()!
                .StartsWith(test == 3 ? "CVE-2026-83" : $"CVE-2026-80{test}", StringComparison.Ordinal))
                .Select(one => string.Join(' ', new[] { "vulnerability_id", "package", "version", "build", "status", "reason" }.Select(
                    name => one.GetProperty(name).GetString())))
                .Order(StringComparer.Ordinal)];
}
