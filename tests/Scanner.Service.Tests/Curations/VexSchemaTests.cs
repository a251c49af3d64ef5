using System.Net;
using System.Text.Json.Nodes;

namespace EnvPlatform.Scanner.Service.Tests.Curations;

/// <summary>Exports conform to the specifications of the formats.</summary>
public sealed class VexSchemaTests : CurationFixture
{
    [SetUp]
    public async Task CurateEverythingAsync()
    {
        if (await ScalarAsync<long>(Db, "select count(*) from curations") > 0)
        {
            return;
        }

        using (var nothing = await SendAsync(HttpMethod.Get, Ada, "vulnerabilities/vex?format=openvex"))
        {
            Assert.That(nothing.StatusCode, Is.EqualTo(HttpStatusCode.Conflict), "an OpenVEX document has at least one statement");
            Assert.That(await nothing.Content.ReadAsStringAsync(), Does.Contain("nothing_curated"));
        }

        Assert.That(await CycloneDxSchema.ValidateAsync(await ExportAsync("cyclonedx")), Is.EqualTo("null"), "there is no verdict yet");
        await ImportAsync(File([
            Record("PYSEC-2026-900", "plain", null, null, ["CVE-2026-90000", "GHSA-9999-8888-7777"], Critical),
            Record("PYSEC-2026-901", "plain", null, null, null, High), Record("PYSEC-2026-902", "plain", null, null, ["CVE-2026-90002"]),
        ]));
        string[] statuses = ["active", "mitigated", "cleared", "disputed"];
        foreach (var (vulnerability, n) in new[] { "CVE-2026-90000", "PYSEC-2026-901", "CVE-2026-90002" }.Select((id, n) => (id, n)))
        {
            await CurateAsync(vulnerability, statuses[n], reason: "of \"all\" of it – everywhere\nand always");
            await CurateAsync(vulnerability, statuses[(n + 1) % 4], "plain.Name_x", reason: "package");
            await CurateAsync(vulnerability, statuses[(n + 2) % 4], "plain", "1!2.0+local_1", reason: "version");
            await CurateAsync(vulnerability, statuses[(n + 3) % 4], "_libgcc_mutex", "0.1", "conda_forge %@/#?&=ü", reason: "build");
            await CurateAsync(vulnerability, statuses[n], "wei rd/ñame", until: TimeProvider.System.GetUtcNow().AddDays(3), reason: "odd");
        }
    }

    [Test]
    public async Task What_is_exported_is_valid_cyclonedx()
    {
        var document = await ExportAsync("cyclonedx");
        Assert.That(await CycloneDxSchema.ValidateAsync(document), Is.EqualTo("null"), document);
        var bom = JsonNode.Parse(document)!;
        Assert.Multiple(async () =>
        {
            Assert.That(bom["vulnerabilities"]!.AsArray(), Has.Count.EqualTo(15));
            var refs = bom["components"]!.AsArray().Select(one => (string?)one!["bom-ref"])
                .Append((string?)bom["metadata"]!["component"]!["bom-ref"]).ToArray();
            Assert.That(refs, Is.Unique, "a bom-ref names one element");
            Assert.That(bom["vulnerabilities"]!.AsArray().SelectMany(one => one!["affects"]!.AsArray()).Select(one => (string?)one!["ref"])
                .Distinct(), Is.SubsetOf(refs), "what is affected is in the document");
            bom["vulnerabilities"]![0]!["analysis"]!["state"] = "maybe";
            Assert.That(await CycloneDxSchema.ValidateAsync(bom.ToJsonString()), Does.Contain("/vulnerabilities/0/analysis/state"),
                "the schema is applied");
        });
    }

    [Test]
    public async Task What_is_exported_is_valid_openvex()
    {
        // https://github.com/openvex/spec: OPENVEX-SPEC.md and openvex_json_schema.json, 0.2.0, in all its editions.
        var document = JsonNode.Parse(await ExportAsync("openvex"))!.AsObject();
        var statements = document["statements"]!.AsArray().Select(statement => statement!.AsObject()).ToArray();
        Assert.Multiple(() =>
        {
            Assert.That(Names(document), Is.EquivalentTo(new[] { "@context", "@id", "author", "timestamp", "version", "statements" }));
            Assert.That((string?)document["@context"], Is.EqualTo("https://openvex.dev/ns/v0.2.0"));
            Assert.That((string?)document["@id"], Does.Match(UriOfRfc3986));
            Assert.That((string?)document["author"], Is.Not.Empty);
            Assert.That((int?)document["version"], Is.GreaterThanOrEqualTo(1));
            Assert.That((string?)document["timestamp"], Does.Match(DateTimeOfRfc3339));
            Assert.That(statements, Has.Length.EqualTo(15));
            Assert.That(statements.Select(statement => statement.ToJsonString()), Is.Unique);
            Assert.That(statements.Select(statement => (string?)statement["status"]).Distinct(),
                Is.EquivalentTo(new[] { "affected", "not_affected", "under_investigation" }));
        });
        foreach (var statement in statements)
        {
            Assert.Multiple(() => Judge(statement));
        }
    }

    private const string DateTimeOfRfc3339 = @"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$";

    private const string UriOfRfc3986 = @"^[A-Za-z][A-Za-z0-9+.-]*:([A-Za-z0-9._~:/?#@!$&'()*+,;=\[\]-]|%[0-9A-F]{2})+$";

    private static void Judge(JsonObject statement)
    {
        var text = statement.ToJsonString();
        Assert.That(Names(statement), Is.SubsetOf(new[]
        {
            "@id", "version", "vulnerability", "timestamp", "last_updated", "products", "status", "supplier", "status_notes",
            "justification", "impact_statement",
            "action_statement", "action_statement_timestamp",
        }), text);
        Assert.That((string?)statement["timestamp"], Does.Match(DateTimeOfRfc3339), text);

        var vulnerability = statement["vulnerability"]!.AsObject();
        Assert.That(Names(vulnerability), Is.SubsetOf(new[] { "@id", "name", "description", "aliases" }), text);
        Assert.That((string?)vulnerability["name"], Is.Not.Empty, text);
        Assert.That(vulnerability["aliases"]!.AsArray().Select(alias => (string?)alias), Is.Unique, text);

        Assert.That(statement["products"]!.AsArray(), Is.Not.Empty, text);
        foreach (var product in statement["products"]!.AsArray().Select(one => one!.AsObject()))
        {
            Assert.That(Names(product), Is.SubsetOf(new[] { "@id", "identifiers", "hashes", "subcomponents" }), text);
            Assert.That((string?)product["@id"], Does.Match(UriOfRfc3986), text);
            Assert.That(product["identifiers"] is not JsonObject identifiers || Names(identifiers).SequenceEqual(["purl"]), Is.True, text);
        }

        // A justification and an impact statement exclude each other in the first edition of the schema, and one of them is required in
        // all.
        var isNotAffected = (string?)statement["status"] == "not_affected";
        Assert.That(statement.ContainsKey("justification") ^ statement.ContainsKey("impact_statement"), Is.EqualTo(isNotAffected), text);
        Assert.That(statement.ContainsKey("action_statement"), Is.EqualTo((string?)statement["status"] == "affected"), text);
        Assert.That((string?)statement["justification"] ?? "inline_mitigations_already_exist",
            Is.EqualTo("inline_mitigations_already_exist"), text);
    }

    private static IEnumerable<string> Names(JsonObject json) => json.Select(member => member.Key);

    private async Task<string> ExportAsync(string format)
    {
        using var response = await SendAsync(HttpMethod.Get, Aud, $"vulnerabilities/vex?format={format}");
        var document = await response.Content.ReadAsStringAsync();
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK), document);
        return document;
    }
}
