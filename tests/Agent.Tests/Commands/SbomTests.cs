using System.Text.Json.Nodes;

namespace EnvPlatform.Agent.Tests.Commands;

public sealed class SbomTests : CommandFixture
{
    private const string Id = "0192f0c1-0000-7000-8000-0000000000e1";

    private const string Scanned = """
        {"packages": [
           {"manager": "conda", "name": "openssl", "version": "1.1.1k", "build": "h27cfd23_0", "channel": "pkgs/main", "coverage": "checked", "vulnerabilities": [
             {"id": "CVE-2022-0778", "aliases": ["GHSA-x3mh-jvjw-3xwx"], "cvss": 7.5, "cvss_vector": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H", "severity": "high",
              "status": "mitigated", "curated_at": "2026-11-20T10:00:00Z", "kev": null, "fixed_in": ["1.1.1n"], "summary": "A loop."}]},
           {"manager": "pypi", "name": "requests", "version": "2.25.1", "coverage": "not_checked", "reason": "not_mapped", "vulnerabilities": []}],
         "summary": {"total": 0, "not_checked": 1} }
        """;

    [Test]
    public async Task Of_a_logged_environment_it_is_the_platforms_document()
    {
        Platform.On($"GET {Orgs}/environments/{Id}/sbom", 200, """{"bomFormat": "CycloneDX"}""", "application/vnd.cyclonedx+json");
        var ended = await Machine.RunAsync("sbom", Id, "--vulnerabilities");
        Assert.That((ended.ExitCode, ended.Out.Trim()), Is.EqualTo((0, """{"bomFormat": "CycloneDX"}""")));
        Assert.That(Platform.Requests.Single().Query, Is.EqualTo("?format=cyclonedx&vulnerabilities=true"));
        Assert.That((await Machine.RunAsync("sbom", Guid.Empty.ToString())).ExitCode, Is.EqualTo(2));
    }

    [Test]
    public async Task Of_an_environment_on_this_machine_it_needs_no_platform()
    {
        var bom = (await Machine.RunAsync("sbom", "--prefix", Machine.Environment())).Json();
        var output = Path.Combine(Machine.Home, "bom.json");
        var spdx = await Machine.RunAsync("sbom", "--prefix", Machine.Environment(), "--format", "spdx", "--output", output);
        Assert.Multiple(() =>
        {
            Assert.That(bom["components"]!.AsArray().Select(one => (string)one!["name"]!), Is.EqualTo(new[] { "openssl", "requests" }));
            Assert.That(
                (string)bom["components"]![0]!["purl"]!, Does.StartWith("pkg:conda/openssl@1.1.1k?build=h27cfd23_0&channel=pkgs%2Fmain"));
            Assert.That((string)bom["compositions"]![0]!["aggregate"]!, Is.EqualTo("complete"));
            Assert.That(bom["vulnerabilities"], Is.Null);
            Assert.That((spdx.ExitCode, spdx.Out), Is.EqualTo((0, "")), spdx.Error);
            Assert.That((string)JsonNode.Parse(File.ReadAllText(output))!["spdxVersion"]!, Is.EqualTo("SPDX-2.3"));
            Assert.That(Platform.Requests, Is.Empty);
        });
    }

    [Test]
    public async Task What_was_not_read_in_full_is_in_the_document_and_in_the_exit_code()
    {
        var file = Machine.Write("environment.yml", "name: demo\ndependencies:\n  - openssl=1.1.1k=h27cfd23_0\n  - numpy>=1.20\n");
        var ended = await Machine.RunAsync("sbom", "--file", file);
        Assert.Multiple(() =>
        {
            Assert.That(ended.ExitCode, Is.EqualTo(2));
            Assert.That((string)ended.Json()["compositions"]![0]!["aggregate"]!, Is.EqualTo("incomplete"));
            Assert.That(ended.Out, Does.Contain("no_exact_version: numpy>=1.20").Or.Contain("no_exact_version: numpy\\u003E=1.20"));
        });
    }

    [Test]
    public async Task Vulnerabilities_come_from_a_scan_of_which_nothing_is_stored()
    {
        Platform.On($"POST {Orgs}/scans", 200, Scanned);
        var bom = (await Machine.RunAsync("sbom", "--prefix", Machine.Environment(), "--vulnerabilities")).Json();
        var found = bom["vulnerabilities"]!.AsArray().Single()!;
        Assert.Multiple(() =>
        {
            Assert.That((string)found["id"]!, Is.EqualTo("CVE-2022-0778"));
            Assert.That((string)found["analysis"]!["state"]!, Is.EqualTo("not_affected"));
            Assert.That((string)found["ratings"]![0]!["method"]!, Is.EqualTo("CVSSv31"));
            Assert.That((string)found["affects"]![0]!["ref"]!, Is.EqualTo((string)bom["components"]![0]!["bom-ref"]!));
            Assert.That(bom["components"]![1]!.ToJsonString(), Does.Contain("not_checked").And.Contains("not_mapped"));
            Assert.That(Platform.Requests.Select(one => one.Path), Has.All.EndsWith("/scans"));
        });
    }

    [Test]
    public async Task A_platform_that_cannot_scan_makes_no_document_without_vulnerabilities()
    {
        Platform.On($"POST {Orgs}/scans", 500, """{"title": "Internal error", "status": 500}""");
        var ended = await Machine.RunAsync("sbom", "--prefix", Machine.Environment(), "--vulnerabilities");
        Assert.That((ended.ExitCode, ended.Out), Is.EqualTo((2, "")));
    }

    [Test]
    public async Task A_document_is_of_one_environment()
    {
        var file = Machine.Write("demo/pixi.lock", """
            version: 6
            environments:
              default: {packages: {linux-64: [{conda: 'https://a.example/c/linux-64/zlib-1.2.11-0.conda'}]} }
              test: {packages: {linux-64: [{conda: 'https://a.example/c/linux-64/zlib-1.2.13-0.conda'}]} }
            packages: []

            """);
        var several = await Machine.RunAsync("sbom", "--file", file);
        var one = await Machine.RunAsync("sbom", "--file", file, "--environment", "test");
        Assert.That((several.ExitCode, several.Error.Contains("demo-default-linux-64, demo-test-linux-64", StringComparison.Ordinal)),
            Is.EqualTo((64, true)));
        Assert.That((string)one.Json()["components"]![0]!["version"]!, Is.EqualTo("1.2.13"));
    }

    [TestCase("--format", "spdx", "--vulnerabilities")]
    [TestCase("--format", "xml")]
    [TestCase("science")]
    public async Task What_cannot_be_asked_is_said(params string[] arguments) =>
        Assert.That((await Machine.RunAsync(["sbom", .. arguments])).ExitCode, Is.EqualTo(64));
}
