using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace EnvPlatform.Scanner.Service.Tests;

/// <summary>A package of which only a range of versions is known, such as conda's <c>python=3.11</c>.</summary>
public sealed class VersionRangeTests : ScannerFixture
{
    [Test]
    public async Task A_range_is_judged_for_some_or_all_of_its_versions()
    {
        await ImportAsync(File(
            Record("PYSEC-2026-601", "rangelib", null, "4.0", ["CVE-2026-6601"], High),
            Record("PYSEC-2026-602", "rangelib", null, "3.11.5", ["CVE-2026-6602"], High),
            Record("PYSEC-2026-603", "rangelib", null, "3.11", ["CVE-2026-6603"], High)));
        var result = await ScanAsync(new JsonObject { ["manager"] = "pypi", ["name"] = "rangelib", ["version_range"] = "3.11.*" });
        var package = result.GetProperty("packages")[0];
        var summary = result.GetProperty("summary");
        Assert.Multiple(() =>
        {
            Assert.That(package.GetProperty("version").ValueKind, Is.EqualTo(JsonValueKind.Null), "nothing is claimed of one version");
            Assert.That(package.GetProperty("version_range").GetString(), Is.EqualTo("3.11.*"));
            Assert.That(package.GetProperty("coverage").GetString(), Is.EqualTo("checked"));
            Assert.That(package.GetProperty("explanation").GetString(), Does.EndWith("All versions of 3.11.* were considered."));
            Assert.That(
                package.GetProperty("vulnerabilities").EnumerateArray().Select(one => one.GetProperty("id").GetString()),
                Is.EquivalentTo(new[] { "CVE-2026-6601", "CVE-2026-6602" }));
            Assert.That(
                package.GetProperty("only_some_versions").EnumerateArray().Select(one => one.GetString()),
                Is.EqualTo(new[] { "CVE-2026-6602" }));
            Assert.That(summary.GetProperty("total").GetInt32(), Is.EqualTo(1));
            Assert.That(summary.GetProperty("some_versions").GetInt32(), Is.EqualTo(1));
            Assert.That(result.GetProperty("upgrades").GetProperty("commands").GetArrayLength(), Is.Zero, "from no version");
        });

        // One version that is affected makes it certain.
        result = await ScanAsync(
            new JsonObject { ["manager"] = "pypi", ["name"] = "rangelib", ["version_range"] = "3.11.*" },
            new JsonObject { ["manager"] = "pypi", ["name"] = "rangelib", ["version"] = "3.11.4" });
        summary = result.GetProperty("summary");
        Assert.That((summary.GetProperty("total").GetInt32(), summary.GetProperty("some_versions").GetInt32()), Is.EqualTo((2, 0)));
        Assert.That(result.GetProperty("packages")[1].GetProperty("only_some_versions").GetArrayLength(), Is.Zero);
    }

    [TestCase("3.11", null)]
    [TestCase(">=3", null)]
    [TestCase("3.11.*", "3.11.4")]
    public async Task What_is_no_range_and_a_range_beside_a_version_are_refused(string range, string? version)
    {
        using var response = await SendAsync(HttpMethod.Post, Bob, "scans", JsonContent.Create(new JsonObject
        {
            ["packages"] = new JsonArray(
                new JsonObject { ["manager"] = "pypi", ["name"] = "x", ["version"] = version, ["version_range"] = range }),
        }));
        var problem = await response.Content.ReadFromJsonAsync<JsonElement>();
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest), problem.ToString());
        Assert.That(
            problem.GetProperty("errors").EnumerateObject().Select(error => error.Name), Is.EqualTo(new[] { "packages[0].version_range" }));
    }

    private async Task<JsonElement> ScanAsync(params JsonNode[] packages)
    {
        using var response = await SendAsync(
            HttpMethod.Post, Bob, "scans", JsonContent.Create(new JsonObject { ["packages"] = new JsonArray(packages) }));
        return await OkAsync(response);
    }
}
