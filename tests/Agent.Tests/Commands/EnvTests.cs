namespace EnvPlatform.Agent.Tests.Commands;

public sealed class EnvTests : CommandFixture
{
    private const string Id = "0192f0c1-0000-7000-8000-0000000000e1";

    private const string View = $$"""
        {"id": "{{Id}}", "name": "science", "prefix": "/envs/science", "platform": "linux-64", "machine": {"id": "0192f0c1-0000-7000-8000-000000000001", "hostname": "ada-laptop"},
         "user": {"id": "0192f0c1-0000-7000-8000-00000000000a", "email": "ada@example.org", "display_name": "Ada"}, "status": "warn", "message": "Update openssl.", "archived": false,
         "digest": "sha256:x", "packages": 312, "incomplete_count": 0, "vulnerabilities": {"total": 3, "critical": 1, "high": 2, "medium": 0, "low": 0, "unknown": 0}, "max_cvss": 9.8, "kev": 1, "not_checked": 4,
         "created_at": "2026-03-01T10:00:00Z", "updated_at": "2026-03-02T10:00:00Z", "scanned_at": "2026-03-02T10:00:01Z"}
        """;

    private const string Findings = """
        {"items": [{"id": "CVE-2022-0778", "aliases": [], "advisories": ["X"], "packages": [{"manager": "conda", "name": "openssl", "version": "1.1.1k", "build": "0"}], "cvss": 7.5,
          "severity": "high", "epss": 0.05, "kev": true, "status": "reported", "fixed_in": ["1.1.1n"], "summary": "A loop."}], "total_count": 3, "next_cursor": "x"}
        """;

    [Test]
    public async Task The_list_passes_its_filters_on_and_shows_a_row_each()
    {
        Platform.On($"GET {Orgs}/environments", 200, $$"""{"items": [{{View}}], "total_count": 40, "next_cursor": "x"}""");
        var ended = await Machine.RunAsync(
            "env", "list", "--search", "sci ence", "--platform", "linux-64", "--status", "warn", "--severity", "high", "--archived",
            "--sort", "-max_cvss", "--limit", "1");
        Assert.Multiple(() =>
        {
            Assert.That(ended.ExitCode, Is.Zero, ended.Error);
            Assert.That(Platform.Requests.Single().Query,
                Is.EqualTo("?search=sci%20ence&platform=linux-64&status=warn&severity=high&archived=true&sort=-max_cvss&limit=1"));
            Assert.That(ended.Out, Does.Match(@$"(?m)^{Id}\s+science\s+warn\s+linux-64\s+ada-laptop\s+312\s+3\s+9\.8\s+2026-03-02 10:00")
                .And.Contains("1 of 40"));
        });
    }

    [Test]
    public async Task What_is_not_known_of_an_environment_is_said_in_words()
    {
        const string bare = $$"""{"id": "{{Id}}", "scanned_at": "2026-03-02T10:00:01Z"}""";
        Platform.On($"GET {Orgs}/environments", 200, $$"""{"items": [{{bare}}], "total_count": 1}""")
            .On($"GET {Orgs}/environments/{Id}", 200, bare)
            .On($"GET {Orgs}/environments/{Id}/vulnerabilities", 200,
                Findings.Replace("\"summary\"", "\"package_count\": 35, \"summary\"", StringComparison.Ordinal));
        var list = await Machine.RunAsync("env", "list");
        var shown = await Machine.RunAsync("env", "show", Id);
        Assert.Multiple(() =>
        {
            Assert.That(
                list.Out, Does.Match($@"(?m)^{Id} +unknown +unknown +unknown +0 +unknown \(completeness unknown\) +unknown +unknown"));
            Assert.That(shown.Out, Does.Match("exploited +unknown: no catalogue was imported").And.Match("status +unknown")
                .And.Contains("CVE-2022-0778 is in 35 packages, of which 1 are shown."));
        });
    }

    [Test]
    public async Task Json_of_the_list_is_the_platforms_answer()
    {
        Platform.On($"GET {Orgs}/environments", 200, $$"""{"items": [{{View}}], "total_count": 1, "next_cursor": null}""");
        Assert.That((string)(await Machine.RunAsync("env", "list", "--json")).Json()["items"]![0]!["id"]!, Is.EqualTo(Id));
    }

    [Test]
    public async Task One_environment_is_shown_with_its_vulnerabilities()
    {
        Platform.On($"GET {Orgs}/environments/{Id}", 200, View).On($"GET {Orgs}/environments/{Id}/vulnerabilities", 200, Findings);
        var ended = await Machine.RunAsync("env", "show", Id);
        var json = (await Machine.RunAsync("env", "show", Id, "--json")).Json();
        Assert.Multiple(() =>
        {
            Assert.That(ended.ExitCode, Is.Zero, ended.Error);
            Assert.That(ended.Out, Does.Match("status +warn: Update openssl.")
                .And.Match(@"CVE-2022-0778 \(exploited\)\s+high\s+7\.5\s+openssl\s+1\.1\.1k").And.Contains("1 of 3"));
            Assert.That((string)json["environment"]!["name"]!, Is.EqualTo("science"));
            Assert.That((int)json["vulnerabilities"]!["total_count"]!, Is.EqualTo(3));
        });
    }

    [Test]
    public async Task Without_an_id_it_is_the_active_environment()
    {
        Platform.On($"GET {Orgs}/activation", 200, $$"""{"status": "warn", "environment_id": "{{Id}}"}""")
            .On($"GET {Orgs}/environments/{Id}", 200, View).On($"GET {Orgs}/environments/{Id}/vulnerabilities", 200, Findings);
        Machine.Variables["CONDA_PREFIX"] = "/envs/science";
        Assert.That((await Machine.RunAsync("env", "show")).Out, Does.Contain("science"));
        Assert.That(Platform.To($"GET {Orgs}/activation").Single().Query, Does.Contain("prefix=%2Fenvs%2Fscience"));
    }

    [Test]
    public async Task An_environment_that_is_not_there_ends_with_2() =>
        Assert.That((await Machine.RunAsync("env", "show", Id)).ExitCode, Is.EqualTo(2));
}
