using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Ingest.Packages;
using EnvPlatform.Testing;

namespace EnvPlatform.Ingest.Tests.Environments;

/// <summary>The SBOM of an environment without its vulnerabilities; with them see the tests of Scanner, which has them.</summary>
public sealed class SbomTests : IngestFixture
{
    private static readonly string Sha256 = new('a', 64);

    private static readonly PackageEntry[] Packages =
    [
        new("conda", "openssl", "1.1.1k", "h27cfd23_0", "linux-64", "pkgs/main", Sha256, "OpenSSL", true),
        new("conda", "tool", "1!2.0+x", "0", "noarch", "https://repo.example.org:8443/team a", null, "Ours & theirs"),
        new("pypi", "requests", "2.25.1", null, null, null, null, "apache-2.0 or mit"),
    ];

    [Test]
    public async Task CycloneDx_has_every_package_with_what_is_known_of_it()
    {
        var id = await LogAsync("/sbom/cyclonedx", []);
        var bom = await SbomAsync(id, "cyclonedx");
        var components = bom["components"]!.AsArray().ToDictionary(one => (string)one!["name"]!, one => one!, StringComparer.Ordinal);
        Assert.Multiple(() =>
        {
            Assert.That(components.Values.Select(one => (string)one["purl"]!), Is.EquivalentTo(new[]
            {
                "pkg:conda/openssl@1.1.1k?build=h27cfd23_0&channel=pkgs%2Fmain&subdir=linux-64",
                "pkg:conda/tool@1%212.0%2Bx?build=0&channel=https:%2F%2Frepo.example.org:8443%2Fteam%20a&subdir=noarch",
                "pkg:pypi/requests@2.25.1",
            }));
            Assert.That((string)components["openssl"]["hashes"]![0]!["content"]!, Is.EqualTo(Sha256));
            Assert.That((string)components["openssl"]["licenses"]![0]!["expression"]!, Is.EqualTo("OpenSSL"));
            Assert.That((string)components["tool"]["licenses"]![0]!["license"]!["name"]!, Is.EqualTo("Ours & theirs"));
            Assert.That((string)components["requests"]["licenses"]![0]!["expression"]!, Is.EqualTo("Apache-2.0 OR MIT"));
            Assert.That((string)components["openssl"]["properties"]![0]!["name"]!, Is.EqualTo("envplatform:requested"));
            Assert.That((string)bom["metadata"]!["component"]!["name"]!, Is.EqualTo("cyclonedx"));
            Assert.That((string)bom["metadata"]!["component"]!["bom-ref"]!, Is.EqualTo($"urn:uuid:{id}"));
            Assert.That((string)bom["compositions"]![0]!["aggregate"]!, Is.EqualTo("complete"));
            Assert.That(bom["vulnerabilities"], Is.Null, "none is not the same as an empty list");
            Assert.That(Property(bom, "vulnerabilities"), Is.EqualTo("not part of this document"));
        });
        var audited = await Eventually.GetAsync(
            () => Task.FromResult(Events.Heard<AuditEventOccurred>()
                .FirstOrDefault(e => e.ActionKey == "sbom_exported" && e.Target.Id == id)),
            "sbom_exported");
        Assert.That(audited.Message, Does.Contain("cyclonedx"));
    }

    [Test]
    public async Task What_was_not_read_in_full_is_stated_and_what_is_not_known_is_neither_complete_nor_incomplete()
    {
        var part = await LogAsync("/sbom/part", ["conda-meta/zlib-1.2.11-0.json"]);
        var unsaid = (await LoggedAsync(Bob, Body(Packages, "/sbom/unsaid"))).GetProperty("environment_id").GetString()!;
        var bom = await SbomAsync(part, "cyclonedx");
        var spdx = await SbomAsync(part, "spdx");
        Assert.Multiple(async () =>
        {
            Assert.That((string)bom["compositions"]![0]!["aggregate"]!, Is.EqualTo("incomplete"));
            Assert.That(Property(bom, "incomplete"), Is.EqualTo("unreadable_record: conda-meta/zlib-1.2.11-0.json"));
            Assert.That((string)spdx["packages"]![0]!["annotations"]![0]!["comment"]!, Does.Contain("conda-meta/zlib-1.2.11-0.json"));
            Assert.That(MayHaveMore(spdx), Is.True);
            var unknown = await SbomAsync(unsaid, "cyclonedx");
            Assert.That((string)unknown["compositions"]![0]!["aggregate"]!, Is.EqualTo("unknown"));
            Assert.That(Property(unknown, "incomplete_count"), Is.EqualTo("unknown"));
            Assert.That(MayHaveMore(await SbomAsync(unsaid, "spdx")), Is.True);
        });
    }

    [Test]
    public async Task Spdx_conforms_to_the_specification()
    {
        // https://spdx.github.io/spdx-spec/v2.3 and its JSON schema, which allows no other members.
        var document = await SbomAsync(await LogAsync("/sbom/spdx", []), "spdx");
        var packages = document["packages"]!.AsArray().Select(one => one!.AsObject()).ToArray();
        var ids = packages.Select(one => (string)one["SPDXID"]!).Append((string)document["SPDXID"]!).ToArray();
        var defined = document["hasExtractedLicensingInfos"]!.AsArray().Select(one => (string)one!["licenseId"]!).ToArray();
        Assert.Multiple(() =>
        {
            Assert.That(
                Names(document), Is.EquivalentTo(new[]
                {
                    "spdxVersion", "dataLicense", "SPDXID", "name", "documentNamespace", "comment", "creationInfo", "packages",
                    "hasExtractedLicensingInfos", "relationships",
                }));
            Assert.That(((string)document["spdxVersion"]!, (string)document["dataLicense"]!, (string)document["SPDXID"]!),
                Is.EqualTo(("SPDX-2.3", "CC0-1.0", "SPDXRef-DOCUMENT")));
            Assert.That(Uri.IsWellFormedUriString((string)document["documentNamespace"]!, UriKind.Absolute));
            Assert.That((string)document["creationInfo"]!["created"]!, Does.Match(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"));
            Assert.That(document["creationInfo"]!["creators"]!.AsArray().Select(one => (string)one!),
                Has.All.Match("^(Person|Organization|Tool): .+").And.Some.StartsWith("Tool: EnvPlatform-"));
            Assert.That(ids, Is.Unique.And.All.Match(@"^SPDXRef-[A-Za-z0-9.-]+$"));
            foreach (var package in packages)
            {
                Assert.That(Names(package), Is.SubsetOf(new[]
                {
                    "SPDXID", "name", "versionInfo", "downloadLocation", "filesAnalyzed", "licenseConcluded", "licenseDeclared",
                    "copyrightText", "externalRefs", "checksums", "annotations",
                }));
                Assert.That((string)package["downloadLocation"]!, Is.EqualTo("NOASSERTION"));
                Assert.That((string)package["licenseDeclared"]!, Is.Not.Empty);
            }

            Assert.That(packages.Select(one => (string)one["licenseDeclared"]!), Is.EquivalentTo(new[]
            {
                "NOASSERTION", "OpenSSL", "LicenseRef-envplatform-1", "Apache-2.0 OR MIT",
            }));
            Assert.That(defined, Is.EqualTo(new[] { "LicenseRef-envplatform-1" }));
            Assert.That((string)document["hasExtractedLicensingInfos"]![0]!["extractedText"]!, Is.EqualTo("Ours & theirs"));
            Assert.That(packages.SelectMany(one => one["externalRefs"]?.AsArray() ?? []).Select(one =>
                ((string)one!["referenceCategory"]!, (string)one["referenceType"]!)), Is.EqualTo(
                    Enumerable.Repeat(("PACKAGE-MANAGER", "purl"), 3)));
            var checksum = packages.SelectMany(one => one["checksums"]?.AsArray() ?? []).Single()!;
            Assert.That(((string)checksum["algorithm"]!, (string)checksum["checksumValue"]!), Is.EqualTo(("SHA256", Sha256)));
            var relationships = document["relationships"]!.AsArray().Select(one =>
                ((string)one!["spdxElementId"]!, (string)one["relationshipType"]!, (string)one["relatedSpdxElement"]!)).ToArray();
            Assert.That(relationships, Has.Length.EqualTo(4).And.Member(("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-Environment")));
            Assert.That(relationships.SelectMany(one => new[] { one.Item1, one.Item3 }).Distinct(), Is.SubsetOf(ids));
            Assert.That(MayHaveMore(document), Is.False);
        });
    }

    [Test]
    public async Task A_document_is_of_those_who_may_see_the_environment()
    {
        var id = await LogAsync("/sbom/mine", []);
        foreach (var caller in new[] { Eve, Mallory })
        {
            using var refused = await SendAsync(HttpMethod.Get, caller, $"environments/{id}/sbom?format=spdx");
            Assert.That(refused.StatusCode, Is.EqualTo(HttpStatusCode.NotFound), caller.Email);
        }

        using var theirs = await SendAsync(HttpMethod.Get, Mallory, $"environments/{id}/sbom?format=spdx", org: Organization.Slug);
        using var administrator = await SendAsync(HttpMethod.Get, Ada, $"environments/{id}/sbom?format=spdx");
        using var gone = await SendAsync(HttpMethod.Get, Ada, $"environments/{Guid.CreateVersion7()}/sbom?format=spdx");
        Assert.That((theirs.StatusCode, administrator.StatusCode, gone.StatusCode),
            Is.EqualTo((HttpStatusCode.NotFound, HttpStatusCode.OK, HttpStatusCode.NotFound)));
    }

    [TestCase("", 400, "format")]
    [TestCase("?format=xml", 400, "format")]
    [TestCase("?format=spdx&vulnerabilities=true", 400, "vulnerabilities")]
    [TestCase("?format=cyclonedx&vulnerabilities=perhaps", 400, "vulnerabilities")]
    [TestCase("?format=cyclonedx&vulnerabilities=true", 503, "scanner_unavailable", Description = "it would say that there is nothing")]
    public async Task What_cannot_be_answered_is_refused(string query, int status, string says)
    {
        var id = await LogAsync("/sbom/refused", []);
        using var response = await SendAsync(HttpMethod.Get, Bob, $"environments/{id}/sbom{query}");
        Assert.That((int)response.StatusCode, Is.EqualTo(status));
        Assert.That(await response.Content.ReadAsStringAsync(), Does.Contain(says));
    }

    private static bool MayHaveMore(JsonObject spdx) => spdx["relationships"]!.AsArray().Any(one =>
        (string)one!["relationshipType"]! == "CONTAINS" && (string)one["relatedSpdxElement"]! == "NOASSERTION");

    private static IEnumerable<string> Names(JsonObject json) => json.Select(member => member.Key);

    private static string? Property(JsonObject bom, string name) => bom["metadata"]!["properties"]!.AsArray()
        .Where(one => (string)one!["name"]! == "envplatform:" + name).Select(one => (string?)one!["value"]).FirstOrDefault();

    private async Task<string> LogAsync(string prefix, string[] incomplete)
    {
        var body = Body(Packages, prefix);
        body["incomplete"] = new JsonArray([
            .. incomplete.Select(what => new JsonObject { ["what"] = what, ["reason"] = "unreadable_record" })]);
        return (await LoggedAsync(Bob, body)).GetProperty("environment_id").GetString()!;
    }

    private async Task<JsonObject> SbomAsync(string id, string format)
    {
        using var response = await SendAsync(HttpMethod.Get, Bob, $"environments/{id}/sbom?format={format}");
        Assert.That((int)response.StatusCode, Is.EqualTo(200), await response.Content.ReadAsStringAsync());
        Assert.That(response.Content.Headers.ContentType!.MediaType, Does.StartWith("application/").And.Contains(format));
        return (await response.Content.ReadFromJsonAsync<JsonObject>())!;
    }
}
