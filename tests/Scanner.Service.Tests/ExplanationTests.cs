using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Contracts.Scanner;
using EnvPlatform.Testing;

using Grpc.Net.Client;

namespace EnvPlatform.Scanner.Service.Tests;

/// <summary>Each finding is explained: by which advisory and range, mapped to what and why, compared in which order.</summary>
public sealed class ExplanationTests : ScannerFixture
{
    private EnvironmentId _id;

    protected override async Task PrepareAsync()
    {
        var listed = Record("PYSEC-2026-9", "alphalib", "3.0", "3.5", ["CVE-2026-1009"], High);
        listed["affected"]![0]!["versions"] = new JsonArray("2.0.0");
        var native = Record("NVD-LIKE-1", "openssl", "1.1.1", "1.1.1n", ["CVE-2026-1007"], High);
        native["affected"]![0]!["package"]!["ecosystem"] = "conda";
        await ImportAsync(File(
            Record("PYSEC-2026-1", "alphalib", "1.0", "2.5", ["CVE-2026-1001"], High),
            Record("GHSA-aaaa-bbbb-cccc", "alphalib", null, "2.6", ["CVE-2026-1001"]),
            listed, native, Record("PYSEC-2026-2", "torch", null, "1.13.1", ["CVE-2026-1002"], Critical)));
        var machine = await RegisterMachineAsync(Bob);
        _id = await LogAsync(
            Bob, machine, "/envs/why", Conda("alphalib", "2.0"), PyPi("AlphaLib", "2.1"), Conda("pytorch", "1.11.0"),
            Conda("openssl", "1.1.1k", "h1_0"), Conda("mystery", "1", "h1_0"), Conda("__glibc", "2.17", "0"));
        await ScannedAsync(_id);
    }

    [Test]
    public async Task A_finding_says_by_which_advisory_and_range()
    {
        var packages = (await FindingAsync("CVE-2026-1001")).GetProperty("packages").EnumerateArray().ToArray();
        Assert.That(packages.Select(package => package.GetProperty("manager").GetString()), Is.EqualTo(new[] { "pypi", "conda" }),
            "beside each other, two packages");
        foreach (var package in packages)
        {
            Assert.That(Strings(package, "fixed_in"), Is.EqualTo(new[] { "2.5", "2.6" }));
            Assert.That(package.GetProperty("matches").EnumerateArray().Select(Text), Is.EqualTo(new[]
            {
                "GHSA-aaaa-bbbb-cccc GitHub Advisory Database https://osv.dev/vulnerability/GHSA-aaaa-bbbb-cccc 0 <2.6 False 2.6",
                "PYSEC-2026-1 Python Packaging Advisory Database https://osv.dev/vulnerability/PYSEC-2026-1 0 >=1.0, <2.5 False 2.5",
            }));
        }
    }

    [Test]
    public async Task A_version_that_is_listed_by_itself_says_so()
    {
        var finding = (await GetAsync(Bob, $"environments/{_id}/packages/alphalib/vulnerabilities")).GetProperty("items").EnumerateArray()
            .Single(item => item.GetProperty("id").GetString() == "CVE-2026-1009");
        Assert.That(Text(finding.GetProperty("packages")[0].GetProperty("matches")[0]), Does.EndWith(" 0 =2.0.0 True 3.5"));
    }

    [TestCase(
        "CVE-2026-1002", "PyPI", "torch", "table", "pep440", "The conda package pytorch of channel conda-forge is taken for PyPI's torch")]
    [TestCase("CVE-2026-1007", "conda", "openssl", "table", "openssl",
        "The conda package openssl of channel conda-forge is taken for conda's openssl")]
    public async Task A_finding_says_what_the_package_was_taken_for_and_why(
        string cve, string ecosystem, string project, string basis, string order, string why)
    {
        var mapping = (await FindingAsync(cve)).GetProperty("packages")[0].GetProperty("mapping");
        Assert.Multiple(() =>
        {
            Assert.That(
                (mapping.GetProperty("ecosystem").GetString(), mapping.GetProperty("project").GetString(), mapping.GetProperty("basis")
                    .GetString(), mapping.GetProperty("order").GetString()),
                Is.EqualTo((ecosystem, project, basis, order)));
            Assert.That(mapping.GetProperty("why").GetString(), Does.StartWith(why));
        });
    }

    [Test]
    public async Task The_environments_of_a_vulnerability_say_why_too()
    {
        var there = (await GetAsync(Bob, "vulnerabilities/CVE-2026-1001/environments")).GetProperty("items")[0].GetProperty("packages");
        Assert.That(there.EnumerateArray().Select(package => Text(package.GetProperty("matches")[1])), Has.Exactly(2)
            .Contain("PYSEC-2026-1 ").And.All.Contain(">=1.0, <2.5"));
        Assert.That(there.EnumerateArray().Select(package => package.GetProperty("mapping").GetProperty("project").GetString()),
            Is.All.EqualTo("alphalib"));
    }

    [Test]
    public async Task The_local_audit_says_the_same_as_the_stored_findings()
    {
        var body = new
        {
            packages = new[]
            {
                new { manager = "conda", name = "alphalib", version = "2.0", build = "py39_0", channel = "conda-forge" },
                new { manager = "conda", name = "pytorch", version = "1.11.0", build = "py39_0", channel = "conda-forge" },
                new { manager = "conda", name = "openssl", version = "1.1.1k", build = "h1_0", channel = "conda-forge" },
                new { manager = "conda", name = "mystery", version = "1", build = "h1_0", channel = "conda-forge" },
                new { manager = "conda", name = "__glibc", version = "2.17", build = "0", channel = "" },
            },
        };
        var scanned = (await OkAsync(await SendAsync(HttpMethod.Post, Bob, "scans", JsonContent.Create(body))))
            .GetProperty("packages").EnumerateArray().ToDictionary(package => package.GetProperty("name").GetString()!);
        foreach (var item in await GetAllAsync(Bob, $"environments/{_id}/vulnerabilities", 100))
        {
            var stored = item.GetProperty("packages").EnumerateArray()
                .Single(package => package.GetProperty("manager").GetString() == "conda");
            var package = scanned[stored.GetProperty("name").GetString()!];
            var found = package.GetProperty("vulnerabilities").EnumerateArray()
                .Single(one => one.GetProperty("id").GetString() == item.GetProperty("id").GetString());
            Assert.That(found.GetProperty("matches").ToString(), Is.EqualTo(stored.GetProperty("matches").ToString()));
            Assert.That(found.GetProperty("fixed_in").ToString(), Is.EqualTo(stored.GetProperty("fixed_in").ToString()));
            Assert.That(package.GetProperty("mapping").ToString(), Is.EqualTo(stored.GetProperty("mapping").ToString()));
        }

        Assert.Multiple(() =>
        {
            Assert.That(scanned["mystery"].GetProperty("explanation").GetString(),
                Is.EqualTo("Not checked: which project the package mystery holds is not known."));
            Assert.That(scanned["__glibc"].GetProperty("explanation").GetString(), Does.StartWith("There is nothing to check"));
            Assert.That(scanned["__glibc"].GetProperty("mapping").ValueKind, Is.EqualTo(JsonValueKind.Null));
        });
    }

    [Test]
    public async Task Ingest_is_told_how_each_package_was_checked_in_words()
    {
        using var channel = GrpcChannel.ForAddress(Scanner.GrpcAddress);
        var headers = new Grpc.Core.Metadata
        {
            {
                ServiceDefaults.Callers.Assertion.Header,
                ServiceDefaults.Callers.Assertion.OfService("ingest", TimeProvider.System.GetUtcNow())
                    .Sign(ServiceFixture<ScannerOptions>.KeyOf("ingest"))
            },
        };
        var request = new GetPackageFindingsRequest { OrganizationId = Organization.Id.ToString(), PackageSetId = await ScannedAsync(_id) };
        using var call = new Findings.FindingsClient(channel).GetPackageFindings(request, headers);
        var packages = new List<PackageFindings>();
        while (await call.ResponseStream.MoveNext(default))
        {
            packages.AddRange(call.ResponseStream.Current.Packages);
        }

        Assert.Multiple(() =>
        {
            Assert.That(packages.Select(package => package.Explanation),
                Has.All.Not.Empty.And.Some.Contains("pytorch").And.Some.StartsWith("Not checked: which project"));
            Assert.That(
                packages.Count(package => package.Mapping is null), Is.EqualTo(1), "there is nothing to check in a virtual package");
            Assert.That(packages.Where(package => package.Mapping is not null).Select(package => package.Mapping.Project),
                Has.Some.EqualTo("torch"));
        });
    }

    [Test]
    public async Task Findings_without_reasons_get_them_at_the_next_start_and_everybody_is_told_the_same_counts_once()
    {
        var before = (await GetAsync(Bob, $"environments/{_id}/vulnerabilities")).GetProperty("items").ToString();
        var told = Events.Heard<EnvironmentScanned>().Count;
        // As stored before reasons existed.
        await ScalarAsync<int>(
            Db,
            """
            update package_findings set matches = '[]';
            update packages set basis = 'none', basis_reason = null, version_order = 'generic';
            update advisory_state set starter_sha256 = '\x';
            """);
        await using var newer = await StartAnotherAsync();
        Assert.That((await GetAsync(Bob, $"environments/{_id}/vulnerabilities")).GetProperty("items").ToString(), Is.EqualTo(before));
        // A start with other tables tells everybody: what others keep may be of before.
        await Eventually.BecomesTrueAsync(
            () => Task.FromResult(Events.Heard<EnvironmentScanned>().Count == told + 1), "the environment's service is told once");
        Assert.That(
            Events.Heard<EnvironmentScanned>().SelectMany(scanned => scanned.Sets).Select(set => set.Vulnerabilities).Distinct().Count(),
            Is.EqualTo(1));
    }

    private async Task<JsonElement> FindingAsync(string cve) =>
        (await GetAsync(Bob, $"environments/{_id}/vulnerabilities")).GetProperty("items").EnumerateArray()
            .Single(item => item.GetProperty("id").GetString() == cve);

    private static string Text(JsonElement match) => string.Join(
        ' ', match.GetProperty("advisory"), match.GetProperty("source"), match.GetProperty("url"), match.GetProperty("entry"),
        match.GetProperty("range"), match.GetProperty("listed"), string.Join(',', Strings(match, "fixed_in")));

    private static IEnumerable<string?> Strings(JsonElement item, string property) =>
        item.GetProperty(property).EnumerateArray().Select(value => value.GetString());
}
