using System.IO.Compression;
using System.Text;
using EnvPlatform.Agent.Client;

namespace EnvPlatform.Agent.Tests.Commands;

public sealed class ImportAdvisoriesTests : CommandFixture
{
    private const string Imports = "POST /advisories/imports";
    private const string Import = "GET /advisories/imports/i1";

    [Test]
    public async Task The_file_is_uploaded_as_it_is_and_followed_to_the_end()
    {
        var file = Path.Combine(Machine.Home, "osv.zip");
        using (var zip = ZipFile.Open(file, ZipArchiveMode.Create))
            zip.CreateEntry("PYSEC-1.json");
        Platform.On(Imports, 202, """{"id": "i1", "status": "running"}""")
            .On(Import, 200, """{"id": "i1", "status": "running", "advisories": 10}""")
            .On(Import, 200, """{"id": "i1", "status": "completed", "advisories": 7080, "added": 7000, "changed": 80, "withdrawn": 269, "rejected": 1, "error": null}""");

        var ended = await Machine.RunAsync("advisories", "import", file);
        var upload = Platform.To(Imports).Single();
        Assert.Multiple(() =>
        {
            Assert.That(ended.ExitCode, Is.Zero, ended.Error);
            Assert.That(ended.Out, Does.Contain("7080 advisories: 7000 added, 80 changed, 269 withdrawn, 1 rejected"));
            Assert.That(upload.Query, Is.EqualTo("?format=osv"));
            Assert.That(upload.Body, Is.EqualTo(File.ReadAllBytes(file)));
            Assert.That(upload.Headers["Content-Type"], Is.EqualTo("application/zip"));
            Assert.That(Platform.To(Import), Has.Length.EqualTo(2));
        });
    }

    [Test]
    public async Task An_import_that_fails_ends_with_2_and_the_reason()
    {
        Platform.On(Imports, 202, """{"id": "i1", "status": "running"}""").On(Import, 200, """{"id": "i1", "status": "failed", "error": "Not a zip file."}""");
        var ended = await Machine.RunAsync("advisories", "import", Machine.Write("x.json", "{}"), "--format", "osv");
        Assert.That((ended.ExitCode, ended.Error.Contains("Not a zip file.", StringComparison.Ordinal)), Is.EqualTo((2, true)));
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
    [TestCase("hello", null)]
    public void The_format_shows_in_the_first_bytes_also_of_a_gzip_file(string content, string? expected)
    {
        var head = Encoding.UTF8.GetBytes(content);
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
            gzip.Write(head);
        Assert.Multiple(() =>
        {
            Assert.That(AdvisoryFormat.Of(head), Is.EqualTo(expected));
            if (!content.StartsWith("PK", StringComparison.Ordinal))
                Assert.That(AdvisoryFormat.Of(packed.ToArray()), Is.EqualTo(expected));
        });
    }

    [TestCase("advisories/pypa-osv.zip", "osv")]
    [TestCase("advisories/kev-2025-08-25.json", "kev")]
    [TestCase("advisories/epss-kev-2026-08-22.csv", "epss")]
    [TestCase("advisories/nvd-cve-samples.jsonl", "nvd")]
    public void The_format_of_real_files_is_recognised(string file, string expected)
    {
        using var stream = File.OpenRead(TestData.Path(file));
        var head = new byte[4_096];
        Assert.That(AdvisoryFormat.Of(head.AsSpan(0, stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false))), Is.EqualTo(expected));
    }
}
