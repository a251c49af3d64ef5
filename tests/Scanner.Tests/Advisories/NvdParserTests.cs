using System.IO.Compression;
using System.Text;

using EnvPlatform.Scanner.Advisories;
using EnvPlatform.Scanner.Advisories.Nvd;
using EnvPlatform.Scanner.Mapping;
using EnvPlatform.Scanner.Matching;
using EnvPlatform.Testing;

namespace EnvPlatform.Scanner.Tests.Advisories;

/// <summary>The meaning of an NVD record, clause by clause.</summary>
public sealed class NvdParserTests
{
    [TestCase("cpe:2.3:a:openssl:openssl:1.0.2:beta1:*:*:*:*:*:*", "openssl", "1.0.2-beta1", true)]
    [TestCase("cpe:2.3:a:openssl:openssl:1.0.2:beta1:*:*:*:*:*:*", "openssl", "1.0.2", false)]
    [TestCase("cpe:2.3:a:openssl:openssl:1.0.1:f:*:*:*:*:*:*", "openssl", "1.0.1f", true)]
    [TestCase("cpe:2.3:a:openssl:openssl:1.0.2:-:*:*:*:*:*:*", "openssl", "1.0.2", true)]
    [TestCase("cpe:2.3:a:openssl:openssl:1.0.2:-:*:*:*:*:*:*", "openssl", "1.0.2a", false)]
    [TestCase("cpe:2.3:a:python:python:3.9.0:alpha1:*:*:*:*:*:*", "python", "3.9.0a1", true)]
    [TestCase("cpe:2.3:a:python:python:3.9.0:rc2:*:*:*:*:*:*", "python", "3.9.0rc2", true)]
    [TestCase("cpe:2.3:a:python:python:3.9.0:rc2:*:*:*:*:*:*", "python", "3.9.0", false)]
    [TestCase("cpe:2.3:a:openbsd:openssh:9.3:p1:*:*:*:*:*:*", "openssh", "9.3p1", true)]
    [TestCase("cpe:2.3:a:openbsd:openssh:9.3:p1:*:*:*:*:*:*", "openssh", "9.3p2", false)]
    [TestCase("cpe:2.3:a:imagemagick:imagemagick:7.1.0-10:*:*:*:*:*:*:*", "imagemagick", "7.1.0_10", true)]
    [TestCase(@"cpe:2.3:a:imagemagick:imagemagick:7.1.0\-10:*:*:*:*:*:*:*", "imagemagick", "7.1.0_10", true)]
    [TestCase("cpe:2.3:a:mit:kerberos:5-1.12:*:*:*:*:*:*:*", "krb5", "1.12", true)]
    [TestCase("cpe:2.3:a:oracle:openjdk:8:update382:*:*:*:*:*:*", "openjdk", "8.0.382", true)]
    [TestCase("cpe:2.3:a:oracle:openjdk:8:update382:*:*:*:*:*:*", "openjdk", "8.0.392", false)]
    [TestCase(@"cpe:2.3:a:apache:xerces-c\+\+:3.2.4:*:*:*:*:*:*:*", "xerces-c", "3.2.4", true)]
    [TestCase("CPE:2.3:A:OpenSSL:OpenSSL:3.0.0:*:*:*:*:*:*:*", "openssl", "3.0.0", true)]
    // All versions; no version; a pattern; another language's, another edition's, an operating system's product of the name.
    [TestCase("cpe:2.3:a:zlib:zlib:*:*:*:*:*:*:*:*", "zlib", "1.3.1", true)]
    [TestCase("cpe:2.3:a:zlib:zlib:-:*:*:*:*:*:*:*", "zlib", "1.3.1", false)]
    [TestCase("cpe:2.3:a:zlib:zlib:1.3.*:*:*:*:*:*:*:*", "zlib", "1.3.1", false)]
    [TestCase("cpe:2.3:a:sqlite:sqlite:*:*:*:*:*:node.js:*:*", "sqlite", "3.40.0", false)]
    [TestCase("cpe:2.3:a:redis:redis:*:*:*:*:enterprise:*:*:*", "redis", "7.0.0", false)]
    [TestCase("cpe:2.3:a:sqlite:sqlite:*:*:*:*:*:windows:*:*", "sqlite", "3.40.0", true)]
    [TestCase("cpe:2.3:o:zlib:zlib:*:*:*:*:*:*:*:*", "zlib", "1.3.1", false)]
    [TestCase("cpe:2.3:a:somebody:zlib:*:*:*:*:*:*:*:*", "zlib", "1.3.1", false)]
    public void A_criterion_names_a_version(string criteria, string package, string version, bool isAffected) =>
        Assert.That(IsAffected(Or(Vulnerable(criteria)), package, version), Is.EqualTo(isAffected));

    [TestCase("\"versionStartIncluding\":\"2.0\",\"versionEndIncluding\":\"2.4\"", "2.0", true)]
    [TestCase("\"versionStartIncluding\":\"2.0\",\"versionEndIncluding\":\"2.4\"", "2.4", true)]
    [TestCase("\"versionStartIncluding\":\"2.0\",\"versionEndIncluding\":\"2.4\"", "2.4.0.1", false)]
    [TestCase("\"versionStartExcluding\":\"2.0\",\"versionEndExcluding\":\"2.4\"", "2.0", false)]
    [TestCase("\"versionStartExcluding\":\"2.0\",\"versionEndExcluding\":\"2.4\"", "2.0.1", true)]
    [TestCase("\"versionStartExcluding\":\"2.0\",\"versionEndExcluding\":\"2.4\"", "2.4", false)]
    [TestCase("\"versionStartExcluding\":\"2.0\"", "9", true)]
    [TestCase("\"versionStartExcluding\":\"2.0\"", "2", false)]
    [TestCase("\"versionEndExcluding\":\"2.4\"", "0.1", true)]
    [TestCase("\"versionStartIncluding\":\"2.0\",\"versionEndExcluding\":\"2.0\"", "2.0", false)]
    [TestCase("\"versionStartIncluding\":\"2.0\",\"versionEndIncluding\":\"2.0\"", "2.0", true)]
    [TestCase("\"versionStartIncluding\":\"3.0\",\"versionEndExcluding\":\"2.0\"", "4.0", false)]
    [TestCase("\"versionStartIncluding\":\"not a version\",\"versionEndExcluding\":\"2.0\"", "1.0", false)]
    public void A_range_has_bounds(string bounds, string version, bool isAffected) =>
        Assert.That(IsAffected(Or(Vulnerable("cpe:2.3:a:gnu:wget:*:*:*:*:*:*:*:*", bounds)), "wget", version), Is.EqualTo(isAffected));

    [Test]
    public void A_version_that_is_listed_and_at_the_start_that_a_range_excludes_is_affected() => Assert.That(
        IsAffected(
            Or(Vulnerable("cpe:2.3:a:gnu:wget:*:*:*:*:*:*:*:*", "\"versionStartExcluding\":\"2.0\""),
                Vulnerable("cpe:2.3:a:gnu:wget:2.0:*:*:*:*:*:*:*")), "wget", "2.0"),
        Is.True);

    private const string Wget = "cpe:2.3:a:gnu:wget:*:*:*:*:*:*:*:*";

    [TestCase("cpe:2.3:o:microsoft:windows:-:*:*:*:*:*:*:*", true)]
    [TestCase("cpe:2.3:o:microsoft:windows_10:-:*:*:*:*:*:*:*", true)]
    [TestCase("cpe:2.3:o:linux:linux_kernel:-:*:*:*:*:*:*:*", true)]
    [TestCase("cpe:2.3:o:apple:macos:-:*:*:*:*:*:*:*", true)]
    [TestCase("cpe:2.3:a:apache:http_server:*:*:*:*:*:*:*:*", true)]
    [TestCase("cpe:2.3:o:debian:debian_linux:11.0:*:*:*:*:*:*:*", false)]
    [TestCase("cpe:2.3:o:google:android:-:*:*:*:*:*:*:*", false)]
    [TestCase("cpe:2.3:h:siemens:rox:-:*:*:*:*:*:*:*", false)]
    public void What_a_package_must_run_on_or_with_counts_when_an_environment_can_have_it(string condition, bool isAffected)
    {
        var apart = $$"""{"operator":"AND","nodes":[{{Node("OR", Vulnerable(Wget))}},{{Node("OR", Condition(condition))}}]}""";
        var together = $$"""{"nodes":[{{Node("AND", Vulnerable(Wget), Condition(condition))}}]}""";
        var either = $$"""{"operator":"OR","nodes":[{{Node("OR", Vulnerable(Wget))}},{{Node("OR", Condition(condition))}}]}""";
        Assert.That((IsAffected(apart, "wget", "1"), IsAffected(together, "wget", "1"), IsAffected(either, "wget", "1")),
            Is.EqualTo((isAffected, isAffected, true)));
    }

    [Test]
    public void What_is_negated_or_not_vulnerable_is_not_affected()
    {
        Assert.That(
            IsAffected($$"""{"nodes":[{"operator":"OR","negate":true,"cpeMatch":[{{Vulnerable(Wget)}}]}]}""", "wget", "1"), Is.False);
        Assert.That(IsAffected($$"""{"negate":true,"nodes":[{{Node("OR", Vulnerable(Wget))}}]}""", "wget", "1"), Is.False);
        Assert.That(IsAffected(Or(Condition(Wget)), "wget", "1"), Is.False);
        Assert.That(
            IsAffected(
                $$"""{"operator":"AND","nodes":[{{Node("OR", Vulnerable(Wget))}},{"operator":"OR","negate":true,"cpeMatch":[{{Condition("cpe:2.3:h:a:b:-:*:*:*:*:*:*:*")}}]}]}""",
                "wget", "1"),
            Is.True, "not on that hardware");
    }

    [TestCase("{}")]
    [TestCase("[]")]
    [TestCase("nothing")]
    [TestCase("""{"cve":5}""")]
    [TestCase("""{"cve":{"id":"GHSA-1","lastModified":"2024-01-01T00:00:00.000"}}""")]
    [TestCase("""{"cve":{"id":"CVE-2024-1234"}}""")]
    [TestCase("""{"cve":{"id":"CVE-2024-1234","lastModified":"yesterday"}}""")]
    [TestCase("""{"cve":{"id":"CVE-2024-1234","lastModified":"2024-01-01T00:00:00.000","configurations":{}}}""")]
    [TestCase(
        """{"cve":{"id":"CVE-2024-1234","lastModified":"2024-01-01T00:00:00.000","configurations":[{"nodes":[{"cpeMatch":[{"criteria":"cpe:/a:b:c"}]}]}]}}""")]
    public void A_record_that_cannot_be_understood_is_broken(string json) =>
        Assert.That(NvdParser.Parse(Encoding.UTF8.GetBytes(json)), Is.InstanceOf<NvdRecord.Broken>());

    [TestCase("cpe:2.3:a:x:y:1:*:*:*:*:*:*")]
    [TestCase("cpe:2.3:a:x:y:1:*:*:*:*:*:*:*:*")]
    [TestCase("cpe:2.3:a:x::1:*:*:*:*:*:*:*")]
    [TestCase("cpe:2.3:q:x:y:1:*:*:*:*:*:*:*")]
    [TestCase(@"cpe:2.3:a:x:y:1:*:*:*:*:*:*:*\")]
    [TestCase("cpe:2.3:")]
    public void A_name_that_is_not_of_CPE_is_refused(string text) => Assert.That(CpeName.TryParse(text, out _), Is.False);

    [Test]
    public void A_name_of_CPE_is_read_without_its_escapes()
    {
        Assert.That(CpeName.TryParse(@"cpe:2.3:a:a\:b:c\*d:1\.2?:rc\-1:e:l:s:t:h:o", out var name), Is.True);
        Assert.That(name, Is.EqualTo(new CpeName("a", "a:b", "c*d", "1.2?", "rc-1", "e", "s", "t", true)));
    }

    private static readonly string Single = Record("CVE-2024-0001", Or(Vulnerable(Wget)));
    private static readonly string Another = Record("CVE-2024-0002", Or(Vulnerable(Wget)));
    private static readonly string Answer =
        $$"""{"resultsPerPage":2,"startIndex":0,"totalResults":2,"format":"NVD_CVE","version":"2.0","timestamp":"2024-01-01T00:00:00.000","vulnerabilities":[{{Single}},{{Another}}]}""";

    [Test]
    public void Records_come_in_an_answer_alone_in_lines_or_packed()
    {
        var lines = Single + "\n" + Another + "\n";
        Assert.Multiple(() =>
        {
            Assert.That(Ids(Encoding.UTF8.GetBytes(Single)), Is.EqualTo(new[] { "NVD-CVE-2024-0001" }));
            Assert.That(Ids(Encoding.UTF8.GetBytes(Answer)), Is.EqualTo(new[] { "NVD-CVE-2024-0001", "NVD-CVE-2024-0002" }));
            Assert.That(
                Ids(Encoding.UTF8.GetBytes("\uFEFF" + Answer + "\n")), Is.EqualTo(new[] { "NVD-CVE-2024-0001", "NVD-CVE-2024-0002" }));
            Assert.That(Ids(Encoding.UTF8.GetBytes(lines)), Is.EqualTo(new[] { "NVD-CVE-2024-0001", "NVD-CVE-2024-0002" }));
            Assert.That(Ids(Encoding.UTF8.GetBytes($"[{Single}]")), Is.EqualTo(new[] { "NVD-CVE-2024-0001" }));
            Assert.That(Ids(Gzipped.Of(Answer)), Is.EqualTo(new[] { "NVD-CVE-2024-0001", "NVD-CVE-2024-0002" }));
            Assert.That(Ids(Zip(("nvdcve-2.0-2024.json", Answer), ("more.jsonl", Single))),
                Is.EqualTo(new[] { "NVD-CVE-2024-0001", "NVD-CVE-2024-0002", "NVD-CVE-2024-0001" }));
        });
    }

    [Test]
    public void A_broken_record_of_an_answer_does_not_stop_the_rest()
    {
        var json = Answer.Replace("\"id\":\"CVE-2024-0001\"", "\"id\":7", StringComparison.Ordinal);
        using var stream = new MemoryStream(Encoding.UTF8.GetBytes(json));
        var records = NvdArchive.Read(stream).Select(entry => entry.Record).ToArray();
        Assert.That(records.Select(record => record.GetType()), Is.EqualTo(new[] { typeof(NvdRecord.Broken), typeof(NvdRecord.Valid) }));
    }

    [Test]
    public void An_answer_that_was_cut_off_says_so()
    {
        using var stream = new MemoryStream(Encoding.UTF8.GetBytes(Answer[..^40]));
        Assert.That(NvdArchive.Read(stream).Last().Record, Is.InstanceOf<NvdRecord.Broken>());
    }

    private static bool IsAffected(string configuration, string package, string version)
    {
        var record = NvdParser.Parse(Encoding.UTF8.GetBytes(Record("CVE-2024-0001", configuration)));
        Assert.That(record, Is.InstanceOf<NvdRecord.Valid>(), record.ToString());
        Advisory[] advisories = [((NvdRecord.Valid)record).Advisory];
        var index = AdvisoryIndex.Build(advisories, VulnerabilityGroups.Of(advisories), ConventionMapping.BuiltIn, []);
        return index.Match(new InstalledPackage(PackageManager.Conda, package, version, "h1_0")).Hits.Length > 0;
    }

    private static string[] Ids(byte[] file)
    {
        using var stream = new MemoryStream(file);
        return [.. NvdArchive.Read(stream)
            .Select(entry => entry.Record is NvdRecord.Valid valid ? valid.Advisory.Id : entry.Record.ToString())];
    }

    private static string Record(string id, string configuration) =>
        $$$"""{"cve":{"id":"{{{id}}}","published":"2024-01-01T00:00:00.000","lastModified":"2024-01-02T00:00:00.000","vulnStatus":"Analyzed","descriptions":[{"lang":"en","value":"d"}],"configurations":[{{{configuration}}}]}}""";

    private static string Or(params string[] matches) => $$"""{"nodes":[{{Node("OR", matches)}}]}""";

    private static string Node(string op, params string[] matches) =>
        $$"""{"operator":"{{op}}","negate":false,"cpeMatch":[{{string.Join(',', matches)}}]}""";

    private static string Vulnerable(string criteria, string? bounds = null) =>
        $$"""{"vulnerable":true,"criteria":"{{criteria.Replace(@"\", @"\\", StringComparison.Ordinal)}}"{{(bounds is null ? "" : "," + bounds)}}}""";

    private static string Condition(string criteria) => $$"""{"vulnerable":false,"criteria":"{{criteria}}"}""";

    private static byte[] Zip(params (string Name, string Text)[] entries)
    {
        using var packed = new MemoryStream();
        using (var zip = new ZipArchive(packed, ZipArchiveMode.Create))
        {
            foreach (var (name, text) in entries)
            {
                using var entry = zip.CreateEntry(name).Open();
                entry.Write(Encoding.UTF8.GetBytes(text));
            }
        }

        return packed.ToArray();
    }
}
