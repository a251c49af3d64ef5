using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Contracts.Scanner;
using EnvPlatform.Testing;

using Grpc.Net.Client;

namespace EnvPlatform.Scanner.Service.Tests;

/// <summary>What users see: lists, their filters and pages, search, and what they do not see of others.</summary>
public sealed class ReadTests : ScannerFixture
{
    private EnvironmentId _science;
    private EnvironmentId _web;
    private EnvironmentId _eves;
    private EnvironmentId _mallorys;

    protected override async Task PrepareAsync()
    {
        var severities = new[] { Critical, High, Medium, null };
        await ImportAsync(File([.. Enumerable.Range(0, 40).Select(i =>
        {
            var record = Record(
                $"PYSEC-2026-{1000 + i}", i % 2 == 0 ? "evenlib" : "oddlib", null, $"9.{i}", [$"CVE-2026-{20_000 + i}"], severities[i % 4]);
            record["published"] = i == 7 ? null : $"2026-01-{1 + i % 28:00}T00:00:00Z";
            return record;
        })]));
        await ImportAsync("""{"vulnerabilities":[{"cveID":"CVE-2026-20000","dateAdded":"2026-02-03"}]}"""u8.ToArray(), "kev");
        var bobs = await RegisterMachineAsync(Bob);
        _science = await LogAsync(
            Bob, bobs, "/home/bob/envs/science", Conda("evenlib", "1.0"), Conda("oddlib", "1.0"), Conda("mystery", "1", "h1_0"));
        _web = await LogAsync(Bob, bobs, "/home/bob/envs/web_1", PyPi("evenlib", "2.0"));
        _eves = await LogAsync(Eve, await RegisterMachineAsync(Eve), "/home/eve/envs/science", PyPi("evenlib", "2.0"));
        _mallorys = await LogAsync(Mallory, await RegisterMachineAsync(Mallory), "/home/mallory/science", PyPi("evenlib", "2.0"));
        foreach (var id in new[] { _science, _web, _eves, _mallorys })
        {
            await ScannedAsync(id);
        }
    }

    [TestCase("cvss")]
    [TestCase("-cvss")]
    [TestCase("epss")]
    [TestCase("published_at")]
    [TestCase("-published_at")]
    public async Task Pages_join_to_the_whole_list_in_order(string sort)
    {
        var items = await GetAllAsync(Bob, $"environments/{_science}/vulnerabilities?sort={sort}", 7);
        var field = sort.TrimStart('-');
        var keys = items.Select(item => item.GetProperty(field) switch
        {
            { ValueKind: JsonValueKind.Null } => double.MinValue,
            { ValueKind: JsonValueKind.Number } number => number.GetDouble(),
            var text => text.GetDateTimeOffset().ToUnixTimeSeconds(),
        });
        Assert.Multiple(() =>
        {
            Assert.That(items.Select(item => item.GetProperty("id").GetString()), Is.Unique.And.Exactly(40).Items);
            Assert.That(keys, sort.StartsWith('-') ? Is.Ordered.Descending : Is.Ordered.Ascending);
        });
    }

    [TestCase("severity=critical", 10)]
    [TestCase("severity=critical,high", 20)]
    [TestCase("severity=unknown", 10)]
    [TestCase("package=oddlib", 20)]
    [TestCase("package=nobody", 0)]
    [TestCase("kev=true", 1)]
    [TestCase("kev=false", 39)]
    [TestCase("status=reported", 40)]
    [TestCase("status=active", 0)]
    [TestCase("status=all", 40)]
    public async Task Filters_narrow_the_list_and_its_count(string filter, int expected)
    {
        Assert.Multiple(async () =>
        {
            Assert.That(await GetAllAsync(Bob, $"environments/{_science}/vulnerabilities?{filter}", 1_000), Has.Count.EqualTo(expected));
            Assert.That(await GetAllAsync(Bob, $"vulnerabilities?{filter}", 9), Has.Count.EqualTo(expected));
        });
    }

    [TestCase("environments/{0}/vulnerabilities?severity=bad", "severity")]
    [TestCase("environments/{0}/vulnerabilities?status=open", "status")]
    [TestCase("environments/{0}/vulnerabilities?kev=maybe", "kev")]
    [TestCase("environments/{0}/vulnerabilities?package=", "package")]
    [TestCase("environments/{0}/vulnerabilities?sort=name", "sort")]
    [TestCase("environments/{0}/vulnerabilities?limit=0", "limit")]
    [TestCase("environments/{0}/vulnerabilities?limit=-1", "limit")]
    [TestCase("environments/{0}/vulnerabilities?cursor=AAAA", "cursor")]
    [TestCase("vulnerabilities?severity=bad", "severity")]
    [TestCase("vulnerabilities/CVE-2026-20000/environments?sort=owner", "sort")]
    [TestCase("search", "q")]
    [TestCase("search?q=", "q")]
    [TestCase("search?q=a&limit=1000", "limit")]
    public async Task Bad_queries_are_refused_with_the_field(string path, string field)
    {
        using var response = await SendAsync(HttpMethod.Get, Bob, string.Format(null, path, _science));
        var problem = await response.Content.ReadFromJsonAsync<JsonElement>();
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest), problem.ToString());
        Assert.That(problem.GetProperty("errors").TryGetProperty(field, out _), Is.True, problem.ToString());
    }

    [Test]
    public async Task A_cursor_belongs_to_its_list()
    {
        var page = await GetAsync(Bob, $"environments/{_science}/vulnerabilities?limit=5");
        var cursor = Uri.EscapeDataString(page.GetProperty("next_cursor").GetString()!);
        using var other = await SendAsync(HttpMethod.Get, Bob, $"vulnerabilities?limit=5&cursor={cursor}");
        Assert.That(other.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
    }

    [Test]
    public async Task The_environments_of_a_vulnerability_are_those_that_the_caller_may_see()
    {
        const string even = "vulnerabilities/pysec-2026-1000/environments";
        Assert.Multiple(async () =>
        {
            Assert.That(Ids(await GetAllAsync(Ada, even, 2)), Is.EquivalentTo(new[] { _science, _web, _eves }));
            Assert.That(Ids(await GetAllAsync(Bob, even, 1)), Is.EquivalentTo(new[] { _science, _web }));
            Assert.That(Ids(await GetAllAsync(Eve, even + "?sort=-max_cvss", 1)), Is.EqualTo(new[] { _eves }));
            Assert.That(Ids(await GetAllAsync(Mallory, even, 100)), Is.EqualTo(new[] { _mallorys }));
            Assert.That(Ids(await GetAllAsync(Ada, "vulnerabilities/CVE-2026-20001/environments", 100)), Is.EqualTo(new[] { _science }));
            Assert.That((await GetAsync(Bob, "vulnerabilities/CVE-2026-20000")).GetProperty("environments").GetInt64(), Is.EqualTo(2));
            Assert.That((await GetAsync(Ada, "vulnerabilities?kev=true")).GetProperty("items")[0].GetProperty("environments").GetInt64(),
                Is.EqualTo(3));
        });
        var first = (await GetAllAsync(Ada, even + "?sort=prefix", 100))[0];
        Assert.Multiple(() =>
        {
            Assert.That(first.GetProperty("name").GetString(), Is.EqualTo("science"));
            Assert.That(first.GetProperty("user").GetProperty("id").GetGuid(), Is.EqualTo(Bob.SubjectId.Value));
            Assert.That(first.GetProperty("user").GetProperty("display_name").GetString(), Is.Not.Empty);
            Assert.That(first.GetProperty("machine").GetProperty("hostname").GetString(), Is.EqualTo("host"));
            Assert.That(first.GetProperty("status").GetString(), Is.EqualTo("ok"));
            Assert.That(first.GetProperty("digest").GetString(), Does.StartWith("sha256:"));
            Assert.That(
                first.GetProperty("created_at").GetDateTimeOffset(), Is.EqualTo(DateTimeOffset.UtcNow).Within(TimeSpan.FromMinutes(10)));
            Assert.That(first.GetProperty("packages")[0].GetProperty("name").GetString(), Is.EqualTo("evenlib"));
            Assert.That(first.GetProperty("packages")[0].GetProperty("fixed_in")[0].GetString(), Is.EqualTo("9.0"));
        });
    }

    [TestCase("name")]
    [TestCase("-name")]
    [TestCase("prefix")]
    [TestCase("platform")]
    [TestCase("max_cvss")]
    [TestCase("vulnerabilities")]
    [TestCase("-scanned_at")]
    public async Task Affected_environments_can_be_had_in_every_order(string sort) =>
        Assert.That(Ids(await GetAllAsync(Ada, $"vulnerabilities/CVE-2026-20000/environments?sort={sort}", 1)),
            Is.EquivalentTo(new[] { _science, _web, _eves }));

    [Test]
    public async Task Search_finds_environments_packages_and_vulnerabilities()
    {
        var byName = await GetAsync(Ada, "search?q=SCIENCE");
        var byPrefix = await GetAsync(Ada, "search?q=" + Uri.EscapeDataString("/bob/envs"));
        var literal = await GetAsync(Ada, "search?q=" + Uri.EscapeDataString("b_1"));
        var wildcard = await GetAsync(Ada, "search?q=" + Uri.EscapeDataString("%"));
        var package = await GetAsync(Ada, "search?q=evenlib");
        var cve = await GetAsync(Ada, "search?q=cve-2026-20000");
        var alias = await GetAsync(Bob, "search?q=Pysec-2026-1001");
        var some = await GetAsync(Ada, "search?q=CVE-2026-2000&limit=3");
        Assert.Multiple(() =>
        {
            Assert.That(Ids(byName.GetProperty("environments")), Is.EquivalentTo(new[] { _science, _eves }));
            Assert.That(Ids(byPrefix.GetProperty("environments")), Is.EquivalentTo(new[] { _science, _web }));
            Assert.That(Ids(literal.GetProperty("environments")), Is.EqualTo(new[] { _web }), "an underscore is an underscore");
            Assert.That(Ids(wildcard.GetProperty("environments")), Is.Empty);
            Assert.That(package.GetProperty("packages").EnumerateArray()
                .Select(p => (p.GetProperty("manager").GetString(), p.GetProperty("environments").GetInt64())),
                Is.EquivalentTo(new[] { ("conda", 1L), ("pypi", 2L) }));
            Assert.That(cve.GetProperty("vulnerabilities")[0].GetProperty("environments").GetInt64(), Is.EqualTo(3));
            Assert.That(alias.GetProperty("vulnerabilities")[0].GetProperty("id").GetString(), Is.EqualTo("CVE-2026-20001"));
            Assert.That(some.GetProperty("vulnerabilities").GetArrayLength(), Is.EqualTo(3));
        });
    }

    [Test]
    public async Task A_list_of_packages_is_scanned_without_storing_it()
    {
        var before = await ScalarAsync<long>(Db, "select count(*) from packages");
        using var response = await SendAsync(HttpMethod.Post, Bob, "scans", JsonContent.Create(new
        {
            packages = new object[]
            {
                new { manager = "conda", name = "evenlib", version = "9.1", build = "py39_0", channel = "conda-forge", sha256 = "unused" },
                new { manager = "pypi", name = "Even.Lib" },
                new { manager = "conda", name = "unheard-of", version = "1", build = "h1_0" },
                new { manager = "conda", name = "__glibc", version = "2.35", build = "0" },
            },
        }));
        var result = await OkAsync(response);
        var packages = result.GetProperty("packages");
        Assert.Multiple(async () =>
        {
            Assert.That(packages[0].GetProperty("coverage").GetString(), Is.EqualTo("checked"));
            Assert.That(packages[0].GetProperty("vulnerabilities").GetArrayLength(), Is.EqualTo(19), "fixed in 9.2 and later");
            Assert.That(packages[0].GetProperty("vulnerabilities")[0].GetProperty("fixed_in")[0].GetString(), Does.StartWith("9."));
            Assert.That(packages[2].GetProperty("coverage").GetString(), Is.EqualTo("not_checked"));
            Assert.That(packages[2].GetProperty("reason").GetString(), Is.Not.Empty);
            Assert.That(packages[3].GetProperty("coverage").GetString(), Is.EqualTo("not_applicable"));
            Assert.That(result.GetProperty("summary").GetProperty("total").GetInt32(), Is.EqualTo(19));
            Assert.That(result.GetProperty("summary").GetProperty("not_checked").GetInt32(), Is.EqualTo(2));
            Assert.That(await ScalarAsync<long>(Db, "select count(*) from packages"), Is.EqualTo(before));
        });
    }

    [TestCase("""{}""", "packages")]
    [TestCase("""{"packages": null}""", "packages")]
    [TestCase("""{"packages": 5}""", "packages")]
    [TestCase("""{"packages": [{"name": "x"}]}""", "packages[0]")]
    [TestCase("""{"packages": [null]}""", "packages[0]")]
    [TestCase("""{"packages": [{"manager": "npm", "name": "x"}]}""", "packages[0].manager")]
    [TestCase("""{"packages": [{"manager": "conda", "name": ""}]}""", "packages[0].name")]
    [TestCase("""{"packages": [{"manager": "conda", "name": "a\u0000b"}]}""", "packages[0].name")]
    [TestCase("""not json""", "body")]
    public async Task A_bad_list_of_packages_is_refused_with_the_field(string body, string field)
    {
        using var content = new StringContent(body, System.Text.Encoding.UTF8, "application/json");
        using var response = await SendAsync(HttpMethod.Post, Bob, "scans", content);
        var problem = await response.Content.ReadFromJsonAsync<JsonElement>();
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest), problem.ToString());
        Assert.That(
            problem.GetProperty("errors").EnumerateObject().Select(error => error.Name), Has.Some.StartsWith(field), problem.ToString());
    }

    [Test]
    public async Task Too_many_packages_are_refused()
    {
        using var response = await SendAsync(
            HttpMethod.Post, Bob, "scans",
            JsonContent.Create(new { packages = Enumerable.Range(0, 50_001).Select(i => new { manager = "conda", name = $"p{i}" }) }));
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
    }

    [Test]
    public async Task An_environment_is_scanned_again_when_somebody_asks()
    {
        using var response = await SendAsync(HttpMethod.Post, Bob, $"environments/{_science}/scan");
        var summary = await OkAsync(response);
        Assert.Multiple(() =>
        {
            Assert.That(summary.GetProperty("total").GetInt32(), Is.EqualTo(40));
            Assert.That(summary.GetProperty("critical").GetInt32(), Is.EqualTo(10));
            Assert.That(summary.GetProperty("unknown").GetInt32(), Is.EqualTo(10));
            Assert.That(summary.GetProperty("kev").GetInt32(), Is.EqualTo(1));
            Assert.That(summary.GetProperty("not_checked").GetInt32(), Is.EqualTo(1));
        });
    }

    [Test]
    public async Task Nothing_of_another_organization_or_another_member_can_be_reached()
    {
        (HttpMethod Method, string Path)[] ofBob =
        [
            (HttpMethod.Get, $"environments/{_science}/vulnerabilities"),
            (HttpMethod.Get, $"environments/{_science}/packages/evenlib/vulnerabilities"),
            (HttpMethod.Post, $"environments/{_science}/scan"),
        ];
        foreach (var (method, path) in ofBob)
        {
            using var other = await SendAsync(method, Eve, path);
            using var outside = await SendAsync(method, Mallory, path);
            using var foreign = await SendAsync(method, Mallory, path, org: Organization.Slug);
            using var nobody = await SendAsync(method, null, path);
            Assert.That(
                (other.StatusCode, outside.StatusCode, foreign.StatusCode, nobody.StatusCode),
                Is.EqualTo((HttpStatusCode.NotFound, HttpStatusCode.NotFound, HttpStatusCode.NotFound, HttpStatusCode.Unauthorized)), path);
        }

        foreach (var path in new[]
        {
            "vulnerabilities", "vulnerabilities/CVE-2026-20000", "vulnerabilities/CVE-2026-20000/environments", "search?q=science"
        })
        {
            using var foreign = await SendAsync(HttpMethod.Get, Mallory, path, org: Organization.Slug);
            using var nobody = await SendAsync(HttpMethod.Get, null, path);
            Assert.That((foreign.StatusCode, nobody.StatusCode), Is.EqualTo((HttpStatusCode.NotFound, HttpStatusCode.Unauthorized)), path);
        }

        Assert.That(Ids((await GetAsync(Mallory, "search?q=science")).GetProperty("environments")), Is.EqualTo(new[] { _mallorys }));
        Assert.That(Ids((await GetAsync(Eve, "search?q=science")).GetProperty("environments")), Is.EqualTo(new[] { _eves }));
    }

    [Test]
    public async Task Other_services_get_the_findings_of_a_set_and_nobody_else_does()
    {
        var set = await ScalarAsync<long>(Db, "select set_id from environments where environment_id = @Value", _science);
        using var channel = GrpcChannel.ForAddress(Scanner.GrpcAddress);
        var client = new Findings.FindingsClient(channel);
        var headers = new Grpc.Core.Metadata
        {
            {
                ServiceDefaults.Callers.Assertion.Header,
                ServiceDefaults.Callers.Assertion.OfService("ingest", TimeProvider.System.GetUtcNow())
                    .Sign(ServiceFixture<ScannerOptions>.KeyOf("ingest"))
            },
        };
        using var call = client.GetPackageFindings(new() { OrganizationId = Organization.Id.ToString(), PackageSetId = set }, headers);
        var packages = new List<PackageFindings>();
        while (await call.ResponseStream.MoveNext(default))
        {
            packages.AddRange(call.ResponseStream.Current.Packages);
        }

        Assert.Multiple(() =>
        {
            Assert.That(packages, Has.Count.EqualTo(3));
            Assert.That(packages.Sum(p => p.Critical + p.High + p.Medium + p.Low + p.Unknown), Is.EqualTo(40));
            Assert.That(packages.Count(p => p is { Coverage: "not_checked", Reason.Length: > 0 }), Is.EqualTo(1));
        });
        using var missing = client.GetPackageFindings(
            new() { OrganizationId = Organization.Id.ToString(), PackageSetId = 987_654 }, headers);
        Assert.That((await Assert.ThrowsAsync<Grpc.Core.RpcException>(() => missing.ResponseStream.MoveNext(default)))!.StatusCode,
            Is.EqualTo(Grpc.Core.StatusCode.NotFound));
        using var anonymous = client.GetPackageFindings(new() { PackageSetId = set });
        Assert.That((await Assert.ThrowsAsync<Grpc.Core.RpcException>(() => anonymous.ResponseStream.MoveNext(default)))!.StatusCode,
            Is.EqualTo(Grpc.Core.StatusCode.Unauthenticated));
    }

    private static EnvironmentId[] Ids(IEnumerable<JsonElement> items) =>
        [.. items.Select(item => new EnvironmentId(item.GetProperty("id").GetGuid()))];

    private static EnvironmentId[] Ids(JsonElement items) => Ids(items.EnumerateArray());
}
