namespace EnvPlatform.Agent.Tests.Commands;

public sealed class EnvFixTests : CommandFixture
{
    private const string Id = "0192f0c1-0000-7000-8000-0000000000e1";

    private const string Upgrades = """
        {"items": [
           {"manager": "conda", "name": "openssl", "version": "1.1.1k", "to": "1.1.1n", "spec": "openssl>=1.1.1n,<1.1.1", "clears": ["CVE-1", "CVE-2", "CVE-3", "CVE-4", "CVE-5", "CVE-6"], "remaining": ["CVE-9"]},
           {"manager": "pypi", "name": "requests", "version": "2.25.1", "to": "2.31.0", "spec": "requests>=2.31.0", "clears": ["CVE-7"], "remaining": []}],
         "commands": [
           {"manager": "conda", "shell": "posix", "command": "conda install --prefix '/envs/my science' 'openssl>=1.1.1n,<1.1.1'"},
           {"manager": "pypi", "shell": "posix", "command": "conda run --prefix '/envs/my science' python -m pip install --upgrade 'requests>=2.31.0'"}],
         "unfixed": [{"manager": "conda", "name": "gamma", "version": "1.0", "vulnerability": "CVE-8", "severity": "low", "known": "No advisory names a version that fixes it."}]}
        """;

    private const string Nothing = """{"items": [], "commands": [], "unfixed": []}""";

    private const string Findings = """
        {"items": [{"id": "CVE-2022-0778", "aliases": [], "advisories": ["NVD-CVE-2022-0778"], "cvss": 7.5, "severity": "high", "epss": 0.05, "kev": true, "status": "active", "fixed_in": ["1.1.1n", "9"], "summary": "A loop.",
          "packages": [
            {"manager": "conda", "name": "openssl", "version": "1.1.1k", "build": "0", "channel": "conda-forge", "status": "active", "fixed_in": ["1.1.1n"],
             "matches": [{"advisory": "NVD-CVE-2022-0778", "source": "NVD", "url": "https://nvd.nist.gov/vuln/detail/CVE-2022-0778", "entry": 0, "range": ">=1.1.1, <1.1.1n", "listed": false, "fixed_in": ["1.1.1n"]}],
             "mapping": {"ecosystem": "conda", "project": "openssl", "basis": "table", "why": "The conda package openssl is taken for conda's openssl.", "order": "openssl"}},
            {"manager": "pypi", "name": "other", "version": "3", "build": null, "channel": null, "status": "mitigated", "fixed_in": [],
             "matches": [{"advisory": "ACME-1", "source": null, "url": null, "entry": 0, "range": "=3", "listed": true, "fixed_in": []}],
             "mapping": {"ecosystem": "PyPI", "project": "other", "basis": "pypi", "why": "The distribution other was installed from PyPI.", "order": "pep440"}}]}],
         "total_count": 7, "next_cursor": "x"}
        """;

    [Test]
    public async Task The_commands_alone_go_to_standard_output()
    {
        Platform.On($"GET {Orgs}/environments/{Id}/upgrades", 200, Upgrades);
        var ended = await Machine.RunAsync("env", "fix", Id, "--severity", "critical,high");
        Assert.Multiple(() =>
        {
            Assert.That(ended.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries), Is.EqualTo(new[]
            {
                "conda install --prefix '/envs/my science' 'openssl>=1.1.1n,<1.1.1'",
                "conda run --prefix '/envs/my science' python -m pip install --upgrade 'requests>=2.31.0'",
            }));
            Assert.That(ended.Error,
                Does.Contain("openssl 1.1.1k -> 1.1.1n (conda) clears CVE-1, CVE-2, CVE-3, CVE-4, CVE-5 and 1 more, leaves CVE-9")
                    .And.Contains("requests 2.25.1 -> 2.31.0 (pypi) clears CVE-7")
                    .And.Contains("gamma 1.0 (conda) keeps CVE-8: No advisory names a version that fixes it."));
            Assert.That(ended.ExitCode, Is.EqualTo(1), "something remains");
            Assert.That(Platform.Requests.Single().Query, Is.EqualTo("?severity=critical%2Chigh"));
        });
    }

    [Test]
    public async Task What_was_checked_and_what_was_not_is_said()
    {
        Platform.On($"GET {Orgs}/environments/{Id}/upgrades", 200, """
            {"items": [
               {"manager": "conda", "name": "openssl", "version": "1.1.1k", "to": "3.0.17", "spec": "openssl>=3.0.17,<3.1.0", "clears": ["CVE-1"], "remaining": [], "basis": "repodata", "checked": true, "note": null},
               {"manager": "conda", "name": "x", "version": "1", "to": "2", "spec": "x>=2", "clears": ["CVE-2"], "remaining": [], "basis": "not_known", "checked": false, "note": "Nobody can have 1.5."}],
             "commands": [], "unfixed": [], "channels": [], "notes": ["What the channel of x holds is not known."]}
            """);
        var ended = await Machine.RunAsync("env", "fix", Id);
        Assert.That(ended.Error.ReplaceLineEndings("\n"), Does.Contain(
            """
            openssl 1.1.1k -> 3.0.17 (conda) clears CVE-1; its channel has it, and it goes with the rest
            x 1 -> 2 (conda) clears CVE-2
              Nobody can have 1.5.
            What the channel of x holds is not known.
            """.ReplaceLineEndings("\n")));
    }

    [Test]
    public async Task It_ends_with_0_where_nothing_is_left()
    {
        Platform.On($"GET {Orgs}/environments/{Id}/upgrades", 200, Nothing);
        var ended = await Machine.RunAsync("env", "fix", Id);
        Assert.That((ended.ExitCode, ended.Out), Is.EqualTo((0, "")));
        Assert.That(ended.Error, Does.Contain("Nothing is to be upgraded."));
    }

    [Test]
    public async Task Without_an_id_it_is_the_active_environment()
    {
        Platform.On($"GET {Orgs}/activation", 200, $$"""{"status": "ok", "environment_id": "{{Id}}"}""")
            .On($"GET {Orgs}/environments/{Id}/upgrades", 200, Nothing);
        Machine.Variables["CONDA_PREFIX"] = "/envs/science";
        Assert.That((await Machine.RunAsync("env", "fix")).ExitCode, Is.Zero);
    }

    [Test]
    public async Task Json_is_the_platforms_answer()
    {
        Platform.On($"GET {Orgs}/environments/{Id}/upgrades", 200, Upgrades)
            .On($"GET {Orgs}/environments/{Id}/vulnerabilities", 200, Findings);
        var fix = await Machine.RunAsync("env", "fix", Id, "--json");
        Assert.That(((string)fix.Json()["items"]![0]!["to"]!, fix.ExitCode), Is.EqualTo(("1.1.1n", 1)));
        Assert.That((int)(await Machine.RunAsync("env", "vulnerabilities", Id, "--json")).Json()["total_count"]!, Is.EqualTo(7));
    }

    [TestCase("fix")]
    [TestCase("vulnerabilities")]
    public async Task An_environment_that_is_not_there_ends_with_2_and_one_that_cannot_be_with_64(string command)
    {
        Assert.That((await Machine.RunAsync("env", command, Id)).ExitCode, Is.EqualTo(2));
        Assert.That((await Machine.RunAsync("env", command, "science")).ExitCode, Is.EqualTo(64));
        Assert.That(Platform.Requests, Has.Count.EqualTo(1));
    }

    [Test]
    public async Task Vulnerabilities_have_a_line_for_each_package_with_what_fixes_it()
    {
        Platform.On($"GET {Orgs}/environments/{Id}/vulnerabilities", 200, Findings);
        var ended = await Machine.RunAsync("env", "vulnerabilities", Id, "--severity", "high", "--status", "all", "--limit", "1");
        Assert.Multiple(() =>
        {
            Assert.That(ended.ExitCode, Is.Zero, ended.Error);
            Assert.That(ended.Out, Does.Match(@"(?m)^CVE-2022-0778 \(exploited\)\s+high\s+7\.5\s+openssl\s+1\.1\.1k\s+1\.1\.1n\s+active")
                .And.Match(@"(?m)^CVE-2022-0778 \(exploited\)\s+high\s+7\.5\s+other\s+3\s+none published\s+mitigated")
                .And.Contains("1 of 7"));
            Assert.That(Platform.Requests.Single().Query, Is.EqualTo("?severity=high&status=all&sort=-cvss&limit=1"));
        });
    }

    [Test]
    public async Task Why_says_by_which_advisory_and_range_and_what_the_package_was_taken_for()
    {
        Platform.On($"GET {Orgs}/environments/{Id}/vulnerabilities", 200, Findings);
        var ended = await Machine.RunAsync("env", "vulnerabilities", Id, "--why");
        Assert.That(ended.Out, Does.Contain("CVE-2022-0778  high 7.5  exploited  A loop.").And.Contains("  openssl 1.1.1k (conda, active)")
            .And.Contains("    NVD-CVE-2022-0778 affects >=1.1.1, <1.1.1n; fixed in 1.1.1n")
            .And.Contains("      https://nvd.nist.gov/vuln/detail/CVE-2022-0778")
            .And.Contains("    The conda package openssl is taken for conda's openssl. Versions are compared in the order openssl.")
            .And.Contains("    ACME-1 lists the version (=3); no fix is published"));
    }

    [Test]
    public async Task No_vulnerability_is_not_said_to_be_no_risk()
    {
        Platform.On($"GET {Orgs}/environments/{Id}/vulnerabilities", 200, """{"items": [], "total_count": 0, "next_cursor": null}""");
        Assert.That((await Machine.RunAsync("env", "vulnerabilities", Id)).Out, Does.Contain("What was not checked"));
    }

    [Test]
    public async Task The_local_audit_ends_with_the_commands_and_says_where_the_packages_are()
    {
        Platform.On($"POST {Orgs}/scans", 200, $$"""{"packages": [], "summary": {"total": 0}, "upgrades": {{Upgrades}} }""");
        var ended = await Machine.RunAsync("audit", "scan", "--prefix", Machine.Environment());
        var sent = Platform.Requests.Single().Json();
        Assert.Multiple(() =>
        {
            Assert.That(ended.Out, Does.Contain("  conda install --prefix '/envs/my science' 'openssl>=1.1.1n,<1.1.1'"));
            Assert.That(sent.GetProperty("prefix").GetString(), Does.EndWith("science"));
            Assert.That(sent.GetProperty("name").GetString(), Is.EqualTo("science"));
        });
    }
}
