namespace EnvPlatform.Agent.Tests.Commands;

public sealed class AuditScanTests : CommandFixture
{
    private const string Scans = $"POST {Orgs}/scans";

    private static string Result(string severity, string status = "reported") => $$"""
        {"packages": [
           {"manager": "conda", "name": "openssl", "version": "1.1.1k", "build": "h27cfd23_0", "channel": "pkgs/main", "coverage": "checked", "vulnerabilities": [
             {"id": "CVE-2022-0778", "aliases": [], "cvss": 7.5, "severity": {{SeverityText(severity)}}, "status": "{{status}}", "epss": 0.05, "kev": false,
              "fixed_in": ["1.1.1n"], "published_at": "2022-03-15T00:00:00Z", "summary": "A certificate can make the parser loop for ever."}]},
           {"manager": "pypi", "name": "requests", "version": "2.25.1", "coverage": "not_checked", "reason": "not_mapped", "vulnerabilities": []}],
         "summary": {"total": 1, "critical": 0, "high": 1, "medium": 0, "low": 0, "not_checked": 1} }
        """;

    private static string SeverityText(string severity) => severity.Length == 0 ? "null" : $"\"{severity}\"";

    [TestCase("high", "reported", null, 1)]
    [TestCase("", "reported", null, 1)]
    [TestCase("high", "reported", "high", 1)]
    [TestCase("high", "active", "medium", 1)]
    [TestCase("high", "reported", "critical", 0)]
    [TestCase("high", "reported", "never", 0)]
    [TestCase("", "reported", "low", 0)]
    [TestCase("critical", "mitigated", null, 0)]
    [TestCase("critical", "cleared", "any", 0)]
    [TestCase("critical", "disputed", "any", 0)]
    public async Task The_exit_code_fits_the_threshold(string severity, string status, string? failOn, int exitCode)
    {
        Platform.On(Scans, 200, Result(severity, status));
        string[] args = ["audit", "scan", "--prefix", Machine.Environment(), .. failOn is null ? [] : new[] { "--fail-on", failOn }];
        Assert.That((await Machine.RunAsync(args)).ExitCode, Is.EqualTo(exitCode));
    }

    [TestCase("reported")]
    [TestCase("cleared")]
    public async Task An_environment_that_cannot_be_read_in_full_is_never_clean(string status)
    {
        Platform.On(Scans, 200, Result("high", status));
        var prefix = Machine.Environment();
        Machine.Write("envs/science/conda-meta/zlib-1.2.11-h0_0.json", new string('\0', 100));
        var ended = await Machine.RunAsync("audit", "scan", "--prefix", prefix);
        var json = await Machine.RunAsync("audit", "scan", "--prefix", prefix, "--json");
        Assert.Multiple(() =>
        {
            Assert.That((ended.ExitCode, json.ExitCode), Is.EqualTo((2, 2)));
            Assert.That(ended.Out, Does.Contain("1 (unreadable record)").And.Contains("science is read incompletely: 1"));
            Assert.That((string)json.Json()["incomplete"]![0]!["what"]!, Is.EqualTo("conda-meta/zlib-1.2.11-h0_0.json"));
            Assert.That((string)json.Json()["incomplete"]![0]!["reason"]!, Is.EqualTo("unreadable_record"));
            Assert.That(
                Platform.Requests.First().Json().GetProperty("packages").EnumerateArray().Select(p => p.GetProperty("name").GetString()),
                Does.Contain("zlib"));
        });
    }

    [Test]
    public async Task A_file_that_leaves_versions_open_is_never_clean()
    {
        Platform.On(Scans, 200, Result("high", "cleared"));
        var file = Machine.Write("environment.yml", "dependencies:\n  - openssl=1.1.1k=h27cfd23_0\n  - numpy>=1.20\n");
        Assert.That((await Machine.RunAsync("audit", "scan", "--file", file)).ExitCode, Is.EqualTo(2));
    }

    [Test]
    public async Task All_packages_are_sent_and_nothing_is_registered_or_logged()
    {
        Platform.On(Scans, 200, Result("high"));
        await Machine.RunAsync("audit", "scan", "--prefix", Machine.Environment());
        var packages = Platform.Requests.Single().Json().GetProperty("packages");
        Assert.That(packages.EnumerateArray().Select(package => package.GetProperty("name").GetString()),
            Is.EquivalentTo(new[] { "openssl", "requests" }));
    }

    [Test]
    public async Task Elsewhere_than_on_a_terminal_the_table_is_plain_and_what_was_not_checked_is_said()
    {
        Platform.On(Scans, 200, Result("high"));
        var ended = await Machine.RunAsync("audit", "scan", "--prefix", Machine.Environment());
        Assert.Multiple(() =>
        {
            Assert.That(ended.Out, Does.Match(
                @"(?m)^CVE-2022-0778 +high +7\.5 +openssl +1\.1\.1k +1\.1\.1n +reported +no +h27cfd23_0 +pkgs/main +no +0\.05"));
            Assert.That(ended.Out, Does.Not.Contain("\u001b").And.Not.Contains("│").And.Contains("Not checked: 1 (not mapped)."));
        });
    }

    [Test]
    public async Task On_a_terminal_there_is_a_table_and_no_colour_where_it_is_not_wanted()
    {
        Platform.On(Scans, 200, Result("high"));
        Machine.IsTerminal = true;
        Machine.Variables["NO_COLOR"] = "1";
        var ended = await Machine.RunAsync("audit", "scan", "--prefix", Machine.Environment());
        Assert.That(ended.Out, Does.Contain("│").And.Contains("CVE-2022-0778").And.Not.Contains("\u001b"));
    }

    [Test]
    public async Task A_narrow_terminal_shows_the_first_columns_and_on_request_all()
    {
        Platform.On(Scans, 200, Result("high"));
        Machine.IsTerminal = true;
        Machine.Variables["NO_COLOR"] = "1";
        var narrow = await Machine.RunAsync("audit", "scan", "--prefix", Machine.Environment());
        var wide = await Machine.RunAsync("audit", "scan", "--prefix", Machine.Environment(), "--wide");
        Assert.Multiple(() =>
        {
            Assert.That(narrow.Out, Does.Contain("FIXED IN").And.Not.Contains("SUMMARY"));
            Assert.That(wide.Out, Does.Match("FIXED IN +STATUS +CURATED +BUILD +CHANNEL +EXPLOITED +EPSS +SUMMARY"));
        });
    }

    [Test]
    public async Task What_was_judged_is_not_listed_but_counted_and_listed_on_request()
    {
        Platform.On(Scans, 200, Result("critical", "cleared"));
        var usual = await Machine.RunAsync("audit", "scan", "--prefix", Machine.Environment());
        var all = await Machine.RunAsync("audit", "scan", "--prefix", Machine.Environment(), "--status", "all");
        var other = await Machine.RunAsync("audit", "scan", "--prefix", Machine.Environment(), "--status", "mitigated,disputed");
        Assert.Multiple(() =>
        {
            Assert.That(usual.Out, Does.Contain("Judged and not counted: 1 cleared;").And.Not.Contains("CVE-2022-0778"));
            Assert.That(all.Out, Does.Match("CVE-2022-0778 +critical .* cleared "));
            Assert.That(other.Out, Does.Not.Contain("CVE-2022-0778"));
            Assert.That((usual.ExitCode, all.ExitCode, other.ExitCode), Is.EqualTo((0, 0, 0)));
        });
    }

    private const string Known = """
        {"id": "CVE-2022-0778", "aliases": ["GHSA-x3mh-jvjw-3xwx"], "advisories": ["NVD-1"], "severity": "high"}
        """;

    private const string Heartbleed = """{"id": "CVE-2014-0160"}""";

    [TestCase("CVE-2022-0778")]
    [TestCase("cve-2022-0778")]
    [TestCase("GHSA-x3mh-jvjw-3xwx")]
    public async Task One_vulnerability_is_looked_for_by_its_id_or_an_alias(string id)
    {
        Platform.On(Scans, 200, Result("high")).On($"GET {Orgs}/vulnerabilities/{id}", 200, Known);
        var ended = await Machine.RunAsync("audit", "scan", "--prefix", Machine.Environment(), "--vulnerability", id);
        var json = (await Machine.RunAsync("audit", "scan", "--prefix", Machine.Environment(), "--vulnerability", id, "--json")).Json();
        var harmless = await Machine.RunAsync(
            "audit", "scan", "--prefix", Machine.Environment(), "--vulnerability", id, "--fail-on", "critical");
        Assert.Multiple(() =>
        {
            Assert.That((ended.ExitCode, harmless.ExitCode), Is.EqualTo((1, 0)), ended.Error);
            Assert.That(
                ended.Out, Does.Match("(?m)^CVE-2022-0778 +high").And.Match(@"science has .*CVE-2022-0778.*, in openssl 1\.1\.1k\."));
            Assert.That(
                ((string)json["sought"]!["answer"]!, (string)json["sought"]!["id"]!, (string)json["sought"]!["packages"]![0]!),
                Is.EqualTo(("found", "CVE-2022-0778", "openssl 1.1.1k")));
        });
    }

    [Test]
    public async Task A_vulnerability_that_is_not_there_is_said_to_be_absent_only_from_what_was_checked()
    {
        Platform.On(Scans, 200, Result("high")).On($"GET {Orgs}/vulnerabilities/CVE-2014-0160", 200, Heartbleed);
        var ended = await Machine.RunAsync("audit", "scan", "--prefix", Machine.Environment(), "--vulnerability", "CVE-2014-0160");
        Assert.That(ended.Out, Is.EqualTo("science does not have CVE-2014-0160 in the 1 packages that were checked; "
            + "whether it is in the 1 that were not checked is not known." + Environment.NewLine));
        Assert.That(ended.ExitCode, Is.Zero);
    }

    [Test]
    public async Task A_vulnerability_that_the_organization_cleared_is_shown_and_does_not_count()
    {
        Platform.On(Scans, 200, Result("critical", "cleared")).On($"GET {Orgs}/vulnerabilities/CVE-2022-0778", 200, Known);
        var ended = await Machine.RunAsync("audit", "scan", "--prefix", Machine.Environment(), "--vulnerability", "CVE-2022-0778");
        Assert.That(ended.Out, Does.Match("(?m)^CVE-2022-0778 +critical").And.Contains("your organization holds it to be cleared"));
        Assert.That(ended.ExitCode, Is.Zero);
    }

    [Test]
    public async Task A_vulnerability_that_the_platform_does_not_know_is_not_said_to_be_absent()
    {
        Platform.On(Scans, 200, Result("high"));
        string[] args = ["audit", "scan", "--prefix", Machine.Environment(), "--vulnerability", "CVE-2099-1"];
        var ended = await Machine.RunAsync(args);
        var json = await Machine.RunAsync([.. args, "--json", "--fail-on", "never"]);
        Assert.Multiple(() =>
        {
            Assert.That(
                ended.Out, Does.Contain("Whether science has CVE-2099-1 is not known: the platform knows no vulnerability CVE-2099-1."));
            Assert.That((ended.ExitCode, json.ExitCode), Is.EqualTo((2, 2)));
            Assert.That((string)json.Json()["sought"]!["answer"]!, Is.EqualTo("not_known"));
        });
    }

    [Test]
    public async Task A_vulnerability_whose_advisory_cannot_be_compared_is_not_known()
    {
        Platform.On(Scans, 200, """
            {"packages": [{"manager": "pypi", "name": "torch", "version": "2.6.0", "coverage": "not_checked", "reason": "advisory_not_evaluable",
              "not_evaluable": ["PYSEC-9"], "vulnerabilities": []}], "summary": {"not_checked": 1} }
            """)
            .On($"GET {Orgs}/vulnerabilities/CVE-2025-9", 200, """{"id": "CVE-2025-9", "advisories": ["PYSEC-9"]}""")
            .On($"GET {Orgs}/vulnerabilities/CVE-2025-8", 200, """{"id": "CVE-2025-8", "advisories": ["PYSEC-8"]}""");
        var ended = await Machine.RunAsync("audit", "scan", "--prefix", Machine.Environment(), "--vulnerability", "CVE-2025-9");
        var other = await Machine.RunAsync("audit", "scan", "--prefix", Machine.Environment(), "--vulnerability", "CVE-2025-8");
        Assert.That(ended.Out, Does.Contain("is not known: what its advisories say cannot be compared with torch 2.6.0."));
        Assert.That((ended.ExitCode, other.ExitCode), Is.EqualTo((2, 0)));
    }

    [Test]
    public async Task A_vulnerability_may_be_in_what_could_not_be_read()
    {
        Platform.On(Scans, 200, Result("high", "cleared")).On($"GET {Orgs}/vulnerabilities/CVE-2014-0160", 200, Heartbleed);
        var file = Machine.Write("environment.yml", "dependencies:\n  - openssl=1.1.1k=h27cfd23_0\n  - numpy>=1.20\n");
        var ended = await Machine.RunAsync("audit", "scan", "--file", file, "--vulnerability", "CVE-2014-0160");
        Assert.That(ended.Out, Does.Contain("is not known: it is not in the 2 packages that were read, and 1 could not be read in full."));
        Assert.That(ended.ExitCode, Is.EqualTo(2));
    }

    [Test]
    public async Task An_empty_id_is_no_question() =>
        Assert.That((await Machine.RunAsync("audit", "scan", "--prefix", "/x", "--vulnerability", " ")).ExitCode, Is.EqualTo(64));

    [Test]
    public async Task The_environments_of_a_pixi_lock_are_chosen_and_others_have_none()
    {
        Platform.On(Scans, 200, Result("low"));
        const string conda = "https://conda.anaconda.org/conda-forge";
        var file = Machine.Write("demo/pixi.lock", $$"""
            version: 6
            environments:
              default: {packages: {linux-64: [{conda: '{{conda}}/linux-64/zlib-1.2.11-0.conda'}]} }
              test: {packages: {linux-64: [{conda: '{{conda}}/linux-64/openssl-1.1.1k-0.conda'}]} }
            packages: []

            """);
        var all = await Machine.RunAsync("audit", "scan", "--file", file);
        var one = await Machine.RunAsync("audit", "scan", "--file", file, "--environment", "test", "--platform", "linux-64");
        var none = await Machine.RunAsync("audit", "scan", "--file", file, "--environment", "docs");
        var misplaced = await Machine.RunAsync("audit", "scan", "--prefix", "/x", "--environment", "test");
        Assert.Multiple(() =>
        {
            Assert.That(all.Out, Does.Contain("demo-default-linux-64: ").And.Contains("demo-test-linux-64: "));
            Assert.That(one.Out, Does.Contain("demo-test-linux-64: ").And.Not.Contains("demo-default"));
            Assert.That((none.ExitCode, none.Error.Contains("it has default, test.", StringComparison.Ordinal)), Is.EqualTo((2, true)));
            Assert.That(misplaced.ExitCode, Is.EqualTo(64));
        });
    }

    [Test]
    public async Task A_part_of_a_version_is_judged_as_a_range_and_said_to_be_one()
    {
        Platform.On(Scans, 200, """
            {"packages": [
              {"manager": "conda", "name": "python", "version": null, "version_range": "3.11.*", "coverage": "checked",
               "vulnerabilities": [{"id": "CVE-2026-1", "severity": "high"}, {"id": "CVE-2026-2", "severity": "critical"}], "only_some_versions": ["CVE-2026-2"]},
              {"manager": "conda", "name": "pillow", "version": null, "version_range": "10.*", "coverage": "checked", "vulnerabilities": [], "only_some_versions": []}],
             "summary": {"total": 1, "high": 1, "some_versions": 1} }
            """);
        var file = Machine.Write("byhand.yml", "dependencies:\n  - conda-forge::python=3.11\n  - pillow=10\n  - pip\n");
        var ended = await Machine.RunAsync("audit", "scan", "--file", file);
        var json = await Machine.RunAsync("audit", "scan", "--file", file, "--json");
        var sent = Platform.Requests.First().Json().GetProperty("packages");
        Assert.Multiple(() =>
        {
            Assert.That(sent.GetRawText(), Is.EqualTo(
                """[{"manager":"conda","name":"python","channel":"conda-forge","version_range":"3.11.*"},"""
                + """{"manager":"conda","name":"pillow","version_range":"10.*"}]"""));
            Assert.That(ended.ExitCode, Is.EqualTo(2));
            Assert.That(ended.Out, Does.Match(@"CVE-2026-1 +high +\S+ +python +3\.11\.\* \(all versions\)"));
            Assert.That(ended.Out, Does.Match(@"CVE-2026-2 +critical +\S+ +python +3\.11\.\* \(some versions\)"));
            Assert.That(ended.Out, Does.Contain(
                "No one version is known of python 3.11.*, pillow 10.*: of these, 1 more vulnerabilities affect some versions, not all."));
            Assert.That(ended.Error, Does.Contain("stands for any 1.2.x (name==1.2 is exact): conda-forge::python=3.11, pillow=10."));
            Assert.That(
                json.Json()["not_exact"]!.AsArray().Select(one => (string)one!),
                Is.EqualTo(new[] { "conda-forge::python=3.11", "pillow=10", "pip" }));
            Assert.That((string)json.Json()["incomplete"]![1]!["reason"]!, Is.EqualTo("partial_version"));
        });
    }

    [Test]
    public async Task The_commands_are_for_the_place_that_a_file_names()
    {
        Platform.On(Scans, 200, Result("high"));
        var file = Machine.Write("x.yml", "name: null\ndependencies: [openssl=1.1.1k]\nprefix: /srv/work/proj/env\n");
        await Machine.RunAsync("audit", "scan", "--file", file);
        Assert.That(Platform.Requests.Single().Json().GetProperty("prefix").GetString(), Is.EqualTo("/srv/work/proj/env"));
        Assert.That(Platform.Requests.Single().Json().GetProperty("name").GetString(), Is.EqualTo("env"));
    }

    [Test]
    public async Task Json_is_the_platforms_answer()
    {
        Platform.On(Scans, 200, Result("high"));
        var ended = await Machine.RunAsync("audit", "scan", "--prefix", Machine.Environment(), "--json");
        Assert.Multiple(() =>
        {
            Assert.That((string)ended.Json()["packages"]![0]!["vulnerabilities"]![0]!["id"]!, Is.EqualTo("CVE-2022-0778"));
            Assert.That((string)ended.Json()["name"]!, Is.EqualTo("science"));
            Assert.That(ended.ExitCode, Is.EqualTo(1));
        });
    }

    [Test]
    public async Task A_platform_that_cannot_scan_is_not_a_clean_result()
    {
        Platform.On(Scans, 500, """{"title": "Internal error", "status": 500, "trace_id": "abc"}""");
        var ended = await Machine.RunAsync("audit", "scan", "--prefix", Machine.Environment());
        Assert.That((ended.ExitCode, ended.Error.Contains("trace abc", StringComparison.Ordinal)), Is.EqualTo((2, true)));
    }

    [Test]
    public async Task Every_sample_of_the_repository_can_be_audited()
    {
        Platform.On(Scans, 200, Result("low"));
        foreach (var file in Directory.GetFiles(Path.Combine(TestData.Repository, "samples"))
            .Where(file => !file.EndsWith(".md", StringComparison.Ordinal)))
        {
            var ended = await Machine.RunAsync("audit", "scan", "--file", file, "--fail-on", "high");
            Assert.That((ended.ExitCode, ended.Error), Is.EqualTo((0, "")), file);
        }
    }
}
