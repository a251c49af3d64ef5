using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;

using EnvPlatform.Contracts.Sboms;
using EnvPlatform.Ingest;
using EnvPlatform.Testing;

namespace EnvPlatform.Scanner.Service.Tests.Curations;

/// <summary>
/// The SBOM of an environment with what Scanner found in it, held to the published schema of CycloneDX, and to parsers of others for
/// package URLs and licences.
/// </summary>
public sealed class SbomTests : CurationFixture
{
    private static readonly string[] Licenses =
    [
        "MIT", "mit", "Apache-2.0 WITH LLVM-exception", "GPL-2.0-or-later AND (BSD-3-Clause or lgpl-2.1+)", "LicenseRef-Public-Domain",
        "GPL-3.0-only WITH GCC-exception-3.1", "MIT/X11", "BSD 3-Clause", "GPL-2.0-or-later WITH", "(MIT", "MIT)", "MIT AND", "AND", "",
        "Proprietary", "LicenseRef-", "MIT OR Apache-2.0 AND Zlib", "((((MIT))))", "MIT+", "Apache-2.0;MIT", "WITH LLVM-exception",
    ];

    private ServiceFixture<IngestOptions> _asking = null!;

    protected override async Task PrepareAsync()
    {
        await base.PrepareAsync();
        _asking = await StartAskingIngestAsync();
    }

    [OneTimeTearDown]
    public async Task StopAskingAsync() => await _asking.DisposeAsync();

    [Test]
    public async Task It_is_valid_with_every_vulnerability_and_what_the_organization_holds_of_it()
    {
        await ImportAsync(File(
            Record("PYSEC-2026-700", "sbomlib", null, "3.0", ["CVE-2026-70000", "GHSA-7777-8888-9999"], Critical),
            Record("PYSEC-2026-701", "sbomlib", null, null, ["CVE-2026-70001"]),
            Record("PYSEC-2026-702", "sbomlib", null, null, ["CVE-2026-70002"], High)));
        var id = await LogAsync(
            Bob, Machine, "/sbom/all", PyPi("sbomlib", "1.0"), PyPi("sbomlib", "2.0+local"), Conda("_odd.name-x", "1!2_3", "h0+1_0"),
            new("conda", "far", "1", "0", "noarch", "https://repo.example.org:8443/a b/ü", new('b', 64), "MIT AND", true));
        await ScannedAsync(id);
        await CurateAsync("CVE-2026-70000", "mitigated", "sbomlib", "1.0", reason: "behind a proxy\nof \"ours\"");
        await CurateAsync("CVE-2026-70001", "active");
        var document = await SbomAsync(id, "cyclonedx&vulnerabilities=true");
        Assert.That(await CycloneDxSchema.ValidateAsync(document.ToJsonString()), Is.EqualTo("null"), document.ToJsonString());
        var found = document["vulnerabilities"]!.AsArray().Select(one => one!.AsObject()).ToArray();
        var refs = document["components"]!.AsArray().Select(one => (string)one!["bom-ref"]!).ToArray();
        Assert.Multiple(() =>
        {
            Assert.That(found.Select(Told), Is.EquivalentTo(new[]
            {
                "CVE-2026-70000 critical not_affected sbomlib@1.0", "CVE-2026-70000 critical  sbomlib@2.0%2Blocal",
                "CVE-2026-70001 unknown exploitable sbomlib@1.0,sbomlib@2.0%2Blocal",
                "CVE-2026-70002 high  sbomlib@1.0,sbomlib@2.0%2Blocal",
            }));
            Assert.That(refs, Is.Unique);
            Assert.That(found.Select(one => (string)one["bom-ref"]!), Is.Unique);
            Assert.That(
                found.SelectMany(one => one["affects"]!.AsArray()).Select(one => (string)one!["ref"]!).Distinct(), Is.SubsetOf(refs));
            var mitigated = found.Single(one => (string?)one["analysis"]?["state"] == "not_affected");
            Assert.That((string)mitigated["analysis"]!["justification"]!, Is.EqualTo("protected_by_mitigating_control"));
            Assert.That((string)mitigated["analysis"]!["detail"]!, Is.EqualTo("behind a proxy\nof \"ours\""));
            Assert.That((string)mitigated["recommendation"]!, Is.EqualTo("Fixed in 3.0"));
            Assert.That(mitigated["references"]!.AsArray().Select(one => (string)one!["id"]!), Does.Contain("GHSA-7777-8888-9999"));
            Assert.That((double)mitigated["ratings"]![0]!["score"]!, Is.EqualTo(9.8));
            Assert.That(Properties(mitigated), Does.Contain("envplatform:known_exploited=unknown"), "no catalogue was imported");
            var far = document["components"]!.AsArray().Single(one => (string)one!["name"]! == "far")!.AsObject();
            Assert.That(
                Properties(far), Is.EqualTo(new[]
                {
                    "envplatform:requested=true", "envplatform:coverage=not_checked", "envplatform:not_checked_reason=unknown_channel",
                }));
            Assert.That(Properties(document["metadata"]!.AsObject()), Does.Contain("envplatform:not_checked=2"));
        });
        document["compositions"]![0]!["aggregate"] = "perhaps";
        Assert.That(await CycloneDxSchema.ValidateAsync(document.ToJsonString()), Does.Contain("/compositions/0/aggregate"));
    }

    [Test]
    public async Task Another_organization_has_its_own_verdicts()
    {
        await ImportAsync(File(Record("PYSEC-2026-710", "apartlib", null, null, ["CVE-2026-71000"], Critical)));
        var mine = await LogAsync(Bob, Machine, "/sbom/apart", PyPi("apartlib", "1.0"));
        var theirs = await LogAsync(Mallory, await RegisterMachineAsync(Mallory), "/sbom/apart", PyPi("apartlib", "1.0"));
        await ScannedAsync(mine);
        await ScannedAsync(theirs);
        await CurateAsync("CVE-2026-71000", "cleared", reason: "ours alone");
        var asMallory = await SbomAsync(theirs, "cyclonedx&vulnerabilities=true", Mallory);
        Assert.That((await SbomAsync(mine, "cyclonedx&vulnerabilities=true")).ToJsonString(), Does.Contain("ours alone"));
        Assert.That(asMallory.ToJsonString(), Does.Contain("CVE-2026-71000").And.Not.Contains("ours alone"));
        using var refused = await _asking.SendAsync(
            HttpMethod.Get, Mallory, $"environments/{mine}/sbom?format=cyclonedx&vulnerabilities=true");
        Assert.That(refused.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
    }

    [Test]
    public async Task What_was_not_scanned_yet_is_no_document_without_vulnerabilities()
    {
        var id = await LogAsync(Bob, Machine, "/sbom/early", PyPi("earlylib", "1.0"));
        // A set of which Scanner has not been told.
        await IngestDb.ExecuteAsync(
            """
            insert into package_sets (digest, package_ids, package_count, created_at)
            select 'sha256:early', s.package_ids, s.package_count, s.created_at from package_sets s
            join environments e on e.package_set_id = s.package_set_id where e.environment_id = @Value;
            insert into organization_package_sets (org_id, package_set_id, first_logged_at)
            select e.org_id, s.package_set_id, s.created_at from environments e, package_sets s
            where e.environment_id = @Value and s.digest = 'sha256:early';
            update environments e set package_set_id = s.package_set_id from package_sets s
            where e.environment_id = @Value and s.digest = 'sha256:early'
            """, id);
        using var response = await _asking.SendAsync(
            HttpMethod.Get, Bob, $"environments/{id}/sbom?format=cyclonedx&vulnerabilities=true");
        Assert.That((int)response.StatusCode, Is.EqualTo(409));
        Assert.That(await response.Content.ReadAsStringAsync(), Does.Contain("not_scanned"));
    }

    [Test]
    public async Task Package_urls_and_licences_are_read_alike_by_others()
    {
        SbomPackage[] packages =
        [
            new("conda", "openssl", "1.1.1k", "h27cfd23_0", "linux-64", "pkgs/main"), new("conda", "x264", "1!164.3095"),
            new("conda", "_odd", "1.0+l", "a b&=?#@/ü", "noarch", "https://repo.example.org:8443/t e/ü?&="),
            new("pypi", "six", "1.0+local.1"),
        ];
        var expressions = Licenses.Select(SpdxExpression.Read).ToArray();
        var parts = new JsonObject
        {
            ["purls"] = new JsonArray([.. packages.Select(package => new JsonObject
            {
                ["url"] = package.Url,
                ["type"] = package.Manager,
                ["name"] = package.Name,
                ["version"] = package.Version,
                ["qualifiers"] = new JsonObject(new[]
                {
                    ("build", package.Build), ("channel", package.Channel), ("subdir", package.Subdir),
                }.Where(one => one.Item2 is not null).Select(one => KeyValuePair.Create(one.Item1, (JsonNode?)one.Item2))),
            })]),
            ["licenses"] = new JsonArray([.. expressions.OfType<string>().Select(text => (JsonNode)text)]),
        };
        Assert.That(await CycloneDxSchema.ParseAsync(parts.ToJsonString()), Is.EqualTo("[]"));
        Assert.That(expressions, Is.EqualTo(new[]
        {
            "MIT", "MIT", "Apache-2.0 WITH LLVM-exception", "GPL-2.0-or-later AND (BSD-3-Clause OR LGPL-2.1+)", "LicenseRef-Public-Domain",
            "GPL-3.0-only WITH GCC-exception-3.1", null, null, null, null, null, null, null, null,
            null, null, "MIT OR Apache-2.0 AND Zlib", "((((MIT))))", "MIT+", null, null,
        }));
    }

    /// <summary>The id, the severity, the state of the analysis, and what is affected.</summary>
    private static string Told(JsonObject one)
    {
        var affected = one["affects"]!.AsArray().Select(on => ((string)on!["ref"]!)["pkg:pypi/".Length..]).Order(StringComparer.Ordinal);
        return string.Join(
            ' ', (string)one["id"]!, (string)one["ratings"]![0]!["severity"]!, (string?)one["analysis"]?["state"],
            string.Join(',', affected));
    }

    private static IEnumerable<string> Properties(JsonObject of) =>
        of["properties"]!.AsArray().Select(one => $"{one!["name"]}={one["value"]}");

    private async Task<JsonObject> SbomAsync(Contracts.Ids.EnvironmentId id, string query, TestCaller? caller = null)
    {
        using var response = await _asking.SendAsync(HttpMethod.Get, caller ?? Bob, $"environments/{id}/sbom?format={query}");
        Assert.That((int)response.StatusCode, Is.EqualTo(200), await response.Content.ReadAsStringAsync());
        return (await response.Content.ReadFromJsonAsync<JsonObject>())!;
    }
}
