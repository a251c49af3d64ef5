using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace EnvPlatform.Scanner.Service.Tests;

/// <summary>A vulnerability is found by what its advisories name as upstream or related, which joins nothing.</summary>
public sealed class RelationTests : ScannerFixture
{
    [Test]
    public async Task A_CVE_that_is_carried_only_as_upstream_or_related_is_found_and_said_to_be_that()
    {
        var machine = await RegisterMachineAsync(Bob);
        await ImportAsync(File(
            Naming(Record("RSEC-2026-801", "wraplib", null, null, [], High), "upstream", "CVE-2026-8801"),
            Naming(Record("RSEC-2026-802", "otherwrap", null, null, [], High), "upstream", "CVE-2026-8801"),
            Naming(Record("PYSEC-2026-803", "sidelib", null, null, ["CVE-2026-8803"], High), "related", "CVE-2026-8804")));
        await ScannedAsync(await LogAsync(Bob, machine, "/opt/wrap", PyPi("otherwrap", "1.0")));

        var found = await GetAsync(Ada, "vulnerabilities/cve-2026-8801");
        var list = await GetAsync(Ada, "vulnerabilities/CVE-2026-8801/environments");
        var search = await GetAsync(Ada, "search?q=CVE-2026-8801");
        var related = await GetAsync(Ada, "vulnerabilities/CVE-2026-8804");
        var own = await GetAsync(Ada, "vulnerabilities/CVE-2026-8803");
        using var curation = await SendAsync(HttpMethod.Get, Ada, "vulnerabilities/CVE-2026-8801/curations");
        Assert.Multiple(() =>
        {
            Assert.That(found.GetProperty("id").GetString(), Is.EqualTo("RSEC-2026-802"), "the one that affects something comes first");
            Assert.That(found.GetProperty("found_by").GetProperty("relation").GetString(), Is.EqualTo("upstream"));
            Assert.That(found.GetProperty("found_by").GetProperty("others")[0].GetString(), Is.EqualTo("RSEC-2026-801"));
            Assert.That(found.GetProperty("aliases").GetArrayLength(), Is.Zero, "nothing is joined");
            Assert.That(list.GetProperty("total_count").GetInt32(), Is.EqualTo(1));
            Assert.That(list.GetProperty("found_by").GetProperty("id").GetString(), Is.EqualTo("CVE-2026-8801"));
            Assert.That(
                search.GetProperty("vulnerabilities").EnumerateArray()
                    .Select(one => (one.GetProperty("id").GetString(), one.GetProperty("relation").GetString())),
                Is.EquivalentTo(new[] { ("RSEC-2026-801", "upstream"), ("RSEC-2026-802", "upstream") }));
            Assert.That(related.GetProperty("id").GetString(), Is.EqualTo("CVE-2026-8803"));
            Assert.That(related.GetProperty("found_by").GetProperty("relation").GetString(), Is.EqualTo("related"));
            Assert.That(own.GetProperty("found_by").ValueKind, Is.EqualTo(JsonValueKind.Null));
            Assert.That(own.GetProperty("relations")[0].GetProperty("id").GetString(), Is.EqualTo("CVE-2026-8804"));
            Assert.That(curation.StatusCode, Is.EqualTo(HttpStatusCode.NotFound), "a verdict is on a vulnerability by its own ids");
        });

        // The CVE becomes known by itself.
        await ImportAsync(File(Record("PYSEC-2026-804", "corelib", null, null, ["CVE-2026-8801"], High)));
        var itself = await GetAsync(Ada, "vulnerabilities/CVE-2026-8801");
        Assert.Multiple(() =>
        {
            Assert.That(itself.GetProperty("id").GetString(), Is.EqualTo("CVE-2026-8801"));
            Assert.That(itself.GetProperty("found_by").ValueKind, Is.EqualTo(JsonValueKind.Null));
            Assert.That(itself.GetProperty("relations").EnumerateArray().Select(one => one.GetProperty("id").GetString()),
                Is.EquivalentTo(new[] { "RSEC-2026-801", "RSEC-2026-802" }), "and names what it is upstream of");
        });
    }

    private static JsonObject Naming(JsonObject record, string relation, string id)
    {
        record[relation] = new JsonArray(id);
        return record;
    }
}
