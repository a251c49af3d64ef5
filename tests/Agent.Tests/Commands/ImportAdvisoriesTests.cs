using System.IO.Compression;
using System.Text;

using EnvPlatform.Agent.Client;

namespace EnvPlatform.Agent.Tests.Commands;

public sealed class ImportAdvisoriesTests : CommandFixture
{
    private const string Imports = "POST /advisories/imports";
    private const string Import = "GET /advisories/imports/i1";
    private const string Rejections = "GET /advisories/imports/i1/rejections";

    [Test]
    public async Task The_file_is_uploaded_as_it_is_and_followed_to_the_end()
    {
        var file = Path.Combine(Machine.Home, "osv.zip");
        using (var zip = ZipFile.Open(file, ZipArchiveMode.Create))
        {
            zip.CreateEntry("PYSEC-1.json");
        }

        Platform.On(Imports, 202, """{"id": "i1", "status": "running"}""")
            .On(Import, 200, """{"id": "i1", "status": "running", "advisories": 10}""")
            .On(Import, 200,
                """{"id": "i1", "status": "completed", "advisories": 7080, "added": 7000, "changed": 80, "withdrawn": 269, "rejected": 12, "error": null}""")
            .On(Rejections, 200,
                """{"items": [{"number": 1, "record": "PYSEC-9", "file": "a/b.json", "reason": "modified is missing"}, {"number": 2, "record": null, "file": "c.json", "reason": "not JSON"}, {"number": 3, "record": null, "file": null, "reason": "x"}], "total_count": 12, "next_cursor": "y"}""");

        var ended = await Machine.RunAsync("advisories", "import", file);
        var upload = Platform.To(Imports).Single();
        Assert.Multiple(() =>
        {
            Assert.That(ended.ExitCode, Is.Zero, ended.Error);
            Assert.That(ended.Out, Does.Contain("7080 advisories: 7000 added, 80 changed, 269 withdrawn, 12 rejected"));
            Assert.That(
                ended.Error, Does.Contain("Uploading").And.Contains("Reading 10 records so far"), "plain lines where there is no terminal");
            Assert.That(ended.Error, Does.Contain("PYSEC-9 (a/b.json) is left out: modified is missing")
                .And.Contains("c.json is left out: not JSON").And.Contains("record 3 is left out: x"));
            Assert.That(ended.Error, Does.Contain("9 more: 'envplatform advisories rejections i1'"));
            Assert.That(Platform.To(Rejections).Single().Query, Is.EqualTo("?limit=10"));
            Assert.That(upload.Query, Is.EqualTo("?format=osv"));
            Assert.That(upload.Body, Is.EqualTo(File.ReadAllBytes(file)));
            Assert.That(upload.Headers["Content-Type"], Is.EqualTo("application/zip"));
            Assert.That(Platform.To(Import), Has.Length.EqualTo(2));
        });
    }

    [Test]
    public async Task What_cannot_be_compared_is_counted_and_named()
    {
        Platform.On(Imports, 202, """{"id": "i1", "status": "running"}""")
            .On(Import, 200,
                """{"id": "i1", "status": "completed", "advisories": 3, "added": 3, "rejected": 0, "not_evaluable": 1, "error": null}""")
            .On(Rejections, 200,
                """{"items": [{"number": 1, "record": "PYSEC-9", "file": null, "reason": "PyPI:x cannot be compared: y", "kind": "not_evaluable"}], "total_count": 1}""");
        var ended = await Machine.RunAsync("advisories", "import", Machine.Write("osv.json", """{"schema_version": "1.7.0"}"""));
        Assert.Multiple(() =>
        {
            Assert.That(ended.Out, Does.Contain("0 rejected; 1 cannot be compared with installed versions."));
            Assert.That(ended.Error, Does.Contain("PYSEC-9: PyPI:x cannot be compared: y").And.Not.Contain("left out"));
        });
    }

    [TestCase("parselmouth-bioconda.json", """{"a": null}""", "", "?format=parselmouth&channel=bioconda", "application/json")]
    [TestCase("mapping.json", """{"a": null}""", "--channel https://conda.example.org/x",
        "?format=parselmouth&channel=https%3A%2F%2Fconda.example.org%2Fx", "application/json")]
    [TestCase("parselmouth-bioconda.json", """{"a": null}""", "--channel ours", "?format=parselmouth&channel=ours", "application/json")]
    [TestCase("config.yaml", "a:\n  conda_forge: b\n", "--channel ours", "?format=grayskull", "application/yaml")]
    [TestCase("nvdcve-2.0-2024.json", """{"format": "NVD_CVE"}""", "--complete", "?format=nvd&complete=true", "application/json")]
    [TestCase("osv.json", """{"schema_version": "1.7.0"}""", "--complete --shrunk", "?format=osv&complete=true&shrunk=true",
        "application/json")]
    public async Task What_the_file_is_is_said(string name, string content, string options, string query, string type)
    {
        Platform.On(Imports, 202, """{"id": "i1", "status": "running"}""")
            .On(Import, 200, """{"id": "i1", "format": "parselmouth", "status": "completed", "advisories": 1, "added": 1}""");
        var ended = await Machine.RunAsync(
            ["advisories", "import", Machine.Write(name, content), .. options.Split(' ', StringSplitOptions.RemoveEmptyEntries)]);
        Assert.Multiple(() =>
        {
            Assert.That((ended.ExitCode, ended.Out.Contains("1 conda names: 1 added", StringComparison.Ordinal)), Is.EqualTo((0, true)),
                ended.Error + ended.Out);
            Assert.That(Platform.To(Imports).Single().Query, Is.EqualTo(query));
            Assert.That(Platform.To(Imports).Single().Headers["Content-Type"], Is.EqualTo(type));
        });
    }

    [TestCase("repodata.json", """{"info": {"subdir": "linux-64"}, "packages": {}}""", "--channel conda-forge",
        "?format=repodata&channel=conda-forge", "application/json")]
    [TestCase("repodata.json", """{"packages": {"a-1-0.conda": {}}}""", "--channel ours --subdir noarch --shrunk",
        "?format=repodata&channel=ours&subdir=noarch&shrunk=true", "application/json")]
    public async Task What_a_channel_holds_is_said_to_be_of_it(string name, string content, string options, string query, string type)
    {
        Platform.On(Imports, 202, """{"id": "i1", "status": "running"}""")
            .On(Import, 200,
                """{"id": "i1", "format": "repodata", "channel": "ours", "subdir": "noarch", "status": "completed", "advisories": 9, "added": 1}""");
        var ended = await Machine.RunAsync(["advisories", "import", Machine.Write(name, content), .. options.Split(' ')]);
        Assert.Multiple(() =>
        {
            Assert.That(ended.ExitCode, Is.Zero, ended.Error);
            Assert.That(ended.Out, Does.Contain("9 packages of ours for noarch, by their names: 1 added"));
            Assert.That(Platform.To(Imports).Single().Query, Is.EqualTo(query));
            Assert.That(Platform.To(Imports).Single().Headers["Content-Type"], Is.EqualTo(type));
        });
        ended = await Machine.RunAsync("advisories", "import", Machine.Write(name, content));
        Assert.That((ended.ExitCode, ended.Error.Contains("--channel", StringComparison.Ordinal)), Is.EqualTo((ExitCodes.Usage, true)));
    }

    [Test]
    public void A_file_in_zstandard_is_taken_for_what_a_channel_holds()
    {
        byte[] head = [0x28, 0xB5, 0x2F, 0xFD, 0x04];
        Assert.That((AdvisoryFormat.Of(head), AdvisoryFormat.MediaType(head, "repodata")), Is.EqualTo(("repodata", "application/zstd")));
    }

    [Test]
    public async Task A_mapping_of_no_channel_is_not_sent()
    {
        var ended = await Machine.RunAsync("advisories", "import", Machine.Write("mapping.json", """{"a": null}"""));
        Assert.That((ended.ExitCode, ended.Error.Contains("--channel", StringComparison.Ordinal)), Is.EqualTo((ExitCodes.Usage, true)));
        Assert.That(Platform.To(Imports), Is.Empty);
    }

    [Test]
    public async Task An_import_that_fails_ends_with_2_and_the_reason()
    {
        Platform.On(Imports, 202, """{"id": "i1", "status": "running"}""")
            .On(Import, 200, """{"id": "i1", "status": "failed", "error": "Not a zip file."}""");
        var ended = await Machine.RunAsync("advisories", "import", Machine.Write("x.json", "{}"), "--format", "osv");
        Assert.That((ended.ExitCode, ended.Error.Contains("Not a zip file.", StringComparison.Ordinal)), Is.EqualTo((2, true)));
    }

    [Test]
    public async Task Several_files_are_imported_one_after_the_other_and_one_that_fails_stops_no_other()
    {
        Platform.On(Imports, 202, """{"id": "i1", "status": "running"}""").On(Imports, 202, """{"id": "i2", "status": "running"}""")
            .On(Import, 200, """{"id": "i1", "status": "failed", "error": "The archive is damaged."}""")
            .On("GET /advisories/imports/i2", 200, """{"id": "i2", "status": "completed", "advisories": 3, "added": 3}""");
        string[] files = [Machine.Write("a.zip", "PK"), Machine.Write("b.csv", "cve,epss,percentile\n")];
        var ended = await Machine.RunAsync(["advisories", "import", .. files]);
        Assert.Multiple(() =>
        {
            Assert.That(ended.ExitCode, Is.EqualTo(2));
            Assert.That(ended.Error, Does.Contain("The import of a.zip failed: The archive is damaged."));
            Assert.That(ended.Out, Does.Contain("b.csv: imported 3 advisories: 3 added"));
            Assert.That(Platform.To(Imports).Select(upload => upload.Query), Is.EqualTo(new[] { "?format=osv", "?format=epss" }));
        });
    }

    [Test]
    public async Task Nothing_is_sent_when_one_of_the_files_is_not_there_or_not_known()
    {
        var known = Machine.Write("a.zip", "PK");
        Assert.That((await Machine.RunAsync("advisories", "import", known, "/nowhere.zip")).ExitCode, Is.EqualTo(2));
        Assert.That((await Machine.RunAsync("advisories", "import", known, Machine.Write("b.txt", "hello"))).ExitCode, Is.EqualTo(64));
        Assert.That(Platform.Requests, Is.Empty);
    }

    [Test]
    public async Task On_a_terminal_a_bar_shows_how_far_it_is_and_goes_away()
    {
        Machine.ErrorIsTerminal = true;
        Platform.On(Imports, 202, """{"id": "i1", "status": "running"}""")
            .On(Import, 200,
                """{"id": "i1", "status": "running", "phase": "counting", "advisories": 10, "sets_counted": 30, "sets_total": 120}""")
            .On(Import, 200, """{"id": "i1", "status": "completed", "advisories": 10, "rejected": 0}""");
        var ended = await Machine.RunAsync("advisories", "import", Machine.Write("a.zip", "PK"));
        Assert.Multiple(() =>
        {
            Assert.That(ended.ExitCode, Is.Zero, ended.Error);
            Assert.That(ended.Error, Does.Contain("\r[######..................] Counting 30 of 120 package sets"));
            Assert.That(ended.Error, Does.EndWith(" \r"), "the line is cleared");
            Assert.That(ended.Error, Does.Not.Contain('\n'));
        });
    }

    [Test]
    public async Task A_member_is_told_that_this_is_not_for_members()
    {
        Platform.On(Imports, 403, """{"title": "Forbidden", "status": 403}""");
        var ended = await Machine.RunAsync("advisories", "import", Machine.Write("x.json", "{}"), "--format", "osv");
        Assert.That((ended.ExitCode, ended.Error.Contains("403", StringComparison.Ordinal)), Is.EqualTo((2, true)));
    }

    [TestCase("PK\u0003\u0004", "osv")]
    [TestCase("""{"schema_version": "1.6.0", "id": "PYSEC-1"}""", "osv")]
    [TestCase("""{"title": "CISA Catalog", "catalogVersion": "2025.08.25", "vulnerabilities": []}""", "kev")]
    [TestCase("""{"resultsPerPage": 1, "format": "NVD_CVE", "vulnerabilities": []}""", "nvd")]
    [TestCase("""{"cve":{"id":"CVE-2014-0160","sourceIdentifier":"x"}}""", "nvd")]
    [TestCase("#model_version:v2025.03.14,score_date:2026-08-22\ncve,epss,percentile\n", "epss")]
    [TestCase("cve,epss,percentile\n", "epss")]
    [TestCase("""{"21cmfast": ["21cmfast"], "2dfatmic": null, "4ti2": null}""", "parselmouth")]
    [TestCase("""{"ray-core": ["ray", "yarl"]}""", "parselmouth")]
    [TestCase("""{"zstd": null, "zlib": null}""", "parselmouth")]
    [TestCase("# By hand.\n\ntorch:\n  import_name: torch\n  conda_forge: pytorch\n", "grayskull")]
    [TestCase("""{"info": {"arch": "x86_64", "subdir": "linux-64"}, "packages": {""", "repodata")]
    [TestCase("""{"packages": {}, "packages.conda": {}}""", "repodata")]
    [TestCase("""{"packages.conda": {"a-1-0.conda": {"name": "a"}}}""", "repodata")]
    [TestCase("""{"packages": {"a": 1}}""", null)]
    [TestCase("""{"a": 1}""", null)]
    [TestCase("conda_forge: x\n", null)]
    [TestCase("hello", null)]
    public void The_format_shows_in_the_first_bytes_also_of_a_gzip_file(string content, string? expected)
    {
        var head = Encoding.UTF8.GetBytes(content);
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            gzip.Write(head);
        }

        Assert.Multiple(() =>
        {
            Assert.That(AdvisoryFormat.Of(head), Is.EqualTo(expected));
            if (!content.StartsWith("PK", StringComparison.Ordinal))
            {
                Assert.That(AdvisoryFormat.Of(packed.ToArray()), Is.EqualTo(expected));
            }
        });
    }

    [TestCase("advisories/pypa-osv.zip", "osv")]
    [TestCase("advisories/kev-2025-08-25.json", "kev")]
    [TestCase("advisories/epss-kev-2026-08-22.csv", "epss")]
    [TestCase("advisories/nvd-cve-samples.jsonl", "nvd")]
    [TestCase("mapping/parselmouth-conda-forge.json", "parselmouth")]
    [TestCase("mapping/parselmouth-bioconda.json", "parselmouth")]
    [TestCase("mapping/parselmouth-pytorch.json", "parselmouth")]
    [TestCase("mapping/parselmouth-tango-controls.json", "parselmouth")]
    [TestCase("mapping/grayskull-pypi-to-conda.yaml", "grayskull")]
    public void The_format_of_real_files_is_recognised(string file, string expected)
    {
        using var stream = File.OpenRead(TestData.Path(file));
        var head = new byte[4_096];
        Assert.That(
            AdvisoryFormat.Of(head.AsSpan(0, stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false))), Is.EqualTo(expected));
    }
}
