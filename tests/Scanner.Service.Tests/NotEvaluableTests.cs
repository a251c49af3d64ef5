using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;

using EnvPlatform.Contracts.Ids;

namespace EnvPlatform.Scanner.Service.Tests;

/// <summary>What cannot be compared is shown at the import, the package, the vulnerability and the list.</summary>
public sealed class NotEvaluableTests : ScannerFixture
{
    private MachineId _machine;

    protected override async Task PrepareAsync() => _machine = await RegisterMachineAsync(Bob);

    [Test]
    public async Task A_record_that_cannot_be_compared_is_said_everywhere()
    {
        var id = await LogAsync(Bob, _machine, "/opt/vague", PyPi("vaguelib", "1.0"), PyPi("clearlib", "1.0"));
        await ScannedAsync(id);
        var import = await ImportAsync(File(
            Ending("PYSEC-2026-501", "vaguelib", "CVE-2026-5501", "trunk"),
            Ending("PYSEC-2026-502", "clearlib", "CVE-2026-5502", "1.0-NA")));
        Assert.That(
            (import.GetProperty("rejected").GetInt32(), import.GetProperty("not_evaluable").GetInt32()), Is.EqualTo((0, 1)),
            import.ToString());
        using (var client = Scanner.As(Operator))
        {
            var listed = await client.GetFromJsonAsync<JsonElement>(
                new Uri($"/api/v1/advisories/imports/{import.GetProperty("id")}/rejections", UriKind.Relative));
            var row = listed.GetProperty("items")[0];
            Assert.That(row.GetProperty("record").GetString(), Is.EqualTo("PYSEC-2026-501"));
            Assert.That(row.GetProperty("kind").GetString(), Is.EqualTo("not_evaluable"));
            Assert.That(row.GetProperty("reason").GetString(), Does.Contain("vaguelib").And.Contain("trunk"));
        }

        var vulnerability = await GetAsync(Ada, "vulnerabilities/CVE-2026-5501");
        Assert.That(vulnerability.GetProperty("environments").GetInt32(), Is.Zero);
        Assert.That(vulnerability.GetProperty("not_compared")[0].GetProperty("project").GetString(), Is.EqualTo("vaguelib"));
        var environments = await GetAsync(Ada, "vulnerabilities/CVE-2026-5501/environments");
        Assert.That(environments.GetProperty("total_count").GetInt32(), Is.Zero);
        Assert.That(environments.GetProperty("not_compared_environments").GetInt32(), Is.EqualTo(1), "it may be affected");
        Assert.That(environments.GetProperty("not_compared")[0].GetProperty("advisory").GetString(), Is.EqualTo("PYSEC-2026-501"));
        var found = await GetAsync(Ada, "search?q=CVE-2026-5501");
        Assert.That(found.GetProperty("vulnerabilities")[0].GetProperty("not_compared").GetArrayLength(), Is.EqualTo(1));
        Assert.That(
            await ScalarAsync<string>(Db, "select concat_ws(' ', coverage, reason, not_evaluable) from packages where name = 'vaguelib'"),
            Is.EqualTo("not_checked advisory_not_evaluable {PYSEC-2026-501}"));
        Assert.That(await ScalarAsync<int>(
            Db, "select s.not_checked from set_counts s join environments e on e.set_id = s.set_id where e.environment_id = @Value", id),
            Is.EqualTo(1));

        using var scanned = await SendAsync(HttpMethod.Post, Bob, "scans", JsonContent.Create(new JsonObject
        {
            ["packages"] = new JsonArray(
                new JsonObject { ["manager"] = "pypi", ["name"] = "vaguelib", ["version"] = "1.0" },
                new JsonObject { ["manager"] = "pypi", ["name"] = "clearlib", ["version"] = "1.0" }),
        }));
        var packages = (await OkAsync(scanned)).GetProperty("packages");
        Assert.That(packages[0].GetProperty("reason").GetString(), Is.EqualTo("advisory_not_evaluable"));
        Assert.That(packages[0].GetProperty("not_evaluable")[0].GetString(), Is.EqualTo("PYSEC-2026-501"));
        Assert.That(packages[0].GetProperty("explanation").GetString(), Does.Contain("PYSEC-2026-501"));
        var read = packages[1].GetProperty("vulnerabilities")[0].GetProperty("matches")[0];
        Assert.That(read.GetProperty("range").GetString(), Is.EqualTo("<=1.0"));
        Assert.That(read.GetProperty("bounds_read")[0].GetProperty("bound").GetString(), Is.EqualTo("1.0-NA"));
        Assert.That(read.GetProperty("bounds_read")[0].GetProperty("read_as").GetString(), Is.EqualTo("1.0"));

        // The source corrects its record.
        await ImportAsync(File(Ending("PYSEC-2026-501", "vaguelib", "CVE-2026-5501", "0.9")));
        vulnerability = await GetAsync(Ada, "vulnerabilities/CVE-2026-5501");
        Assert.That(vulnerability.GetProperty("not_compared").GetArrayLength(), Is.Zero);
        Assert.That(
            await ScalarAsync<string>(Db, "select concat_ws(' ', coverage, reason, not_evaluable) from packages where name = 'vaguelib'"),
            Does.EndWith(" {}").And.Not.Contain("evaluable "));
    }

    [Test]
    public async Task A_member_is_told_of_the_environments_that_are_theirs()
    {
        var id = await LogAsync(Bob, _machine, "/opt/vague-of-bob", PyPi("vaguelib2", "1.0"));
        await ScannedAsync(id);
        await ImportAsync(File(Ending("PYSEC-2026-503", "vaguelib2", "CVE-2026-5503", "trunk")));
        foreach (var (caller, number) in new[] { (Ada, 1), (Bob, 1), (Eve, 0) })
        {
            using var answer = await SendAsync(HttpMethod.Get, caller, "vulnerabilities/CVE-2026-5503/environments");
            if (answer.StatusCode == HttpStatusCode.OK)
            {
                Assert.That((await OkAsync(answer)).GetProperty("not_compared_environments").GetInt32(), Is.EqualTo(number));
            }
        }
    }

    private static JsonObject Ending(string id, string project, string cve, string last)
    {
        var record = Record(id, project, null, null, [cve], High);
        record["affected"]![0]!["ranges"]![0]!["events"]!.AsArray().Add(new JsonObject { ["last_affected"] = last });
        return record;
    }
}
