using System.Text;

using EnvPlatform.Scanner.Advisories;
using EnvPlatform.Scanner.Advisories.Osv;
using EnvPlatform.Scanner.Mapping;
using EnvPlatform.Scanner.Matching;
using EnvPlatform.Testing;

namespace EnvPlatform.Scanner.Tests.Advisories;

/// <summary>Records that name a repository instead of a package, in the forms that CPython, curl and osv.dev publish.</summary>
public sealed class RepositoryRecordsTests
{
    // As the Python Software Foundation writes: commits, and releases without a name for the ecosystem.
    private const string Psf = """
        {
          "schema_version": "1.5.0", "id": "PSF-2023-8", "aliases": ["CVE-2023-40217"], "modified": "2023-08-25T16:05:33Z",
          "affected": [{
            "ranges": [
              { "type": "GIT", "repo": "https://github.com/python/cpython", "events": [{ "introduced": "0" }, { "fixed": "b4bcc06a9cfe13d96d5270809d963f8ba278f89b" }] },
              { "type": "ECOSYSTEM", "events": [{ "introduced": "0" }, { "fixed": "3.8.18" }, { "introduced": "3.9.0" }, { "fixed": "3.9.18" }, { "introduced": "3.12.0a1" }, { "fixed": "3.12.0rc2" }] }
            ]
          }]
        }
        """;

    // As osv.dev gives a record of commits: with the tags that hold them.
    private const string Tags = """
        {
          "id": "PSF-2026-25", "modified": "2026-05-01T00:00:00Z",
          "affected": [{
            "ranges": [{ "type": "GIT", "repo": "https://github.com/python/cpython", "events": [{ "introduced": "0" }, { "fixed": "aa" }] }],
            "versions": ["v3.13.0rc1", "v3.13.0", "v3.13.1", "v2.7", "legacy-trunk"]
          }]
        }
        """;

    // As curl writes.
    private const string Curl = """
        {
          "schema_version": "1.5.0", "id": "CURL-CVE-2024-2379", "aliases": ["CVE-2024-2379"], "modified": "2024-03-26T10:36:00.00Z",
          "database_specific": { "package": "curl", "CWE": { "id": "CWE-295" }, "last_affected": "8.6.0", "severity": "Low" },
          "affected": [{
            "ranges": [
              { "type": "SEMVER", "events": [{ "introduced": "8.6.0" }, { "fixed": "8.7.0" }] },
              { "type": "GIT", "repo": "https://github.com/curl/curl.git", "events": [{ "introduced": "5d" }, { "fixed": "ae" }] }
            ],
            "versions": ["8.6.0"]
          }]
        }
        """;

    // As osv.dev may name the repository for a package.
    private const string Named = """
        {
          "id": "CVE-2022-3602", "modified": "2024-03-26T10:36:00.00Z",
          "affected": [{
            "package": { "ecosystem": "GIT", "name": "https://github.com/openssl/openssl" },
            "ranges": [{ "type": "GIT", "repo": "https://github.com/openssl/openssl", "events": [{ "introduced": "5d" }, { "fixed": "ae" }] }],
            "versions": ["openssl-3.0.0", "openssl-3.0.6", "OpenSSL_1_1_1k"]
          }]
        }
        """;

    [TestCase(Psf, "python", "3.8.17", true)]
    [TestCase(Psf, "python", "3.8.18", false)]
    [TestCase(Psf, "python", "3.9.7", true)]
    [TestCase(Psf, "python", "3.12.0rc1", true)]
    [TestCase(Psf, "python", "3.12.0rc2", false)]
    [TestCase(Psf, "python", "3.12.0", false)]
    [TestCase(Tags, "python", "3.13.0", true)]
    [TestCase(Tags, "python", "3.13.0rc1", true)]
    [TestCase(Tags, "python", "2.7", true)]
    [TestCase(Tags, "python", "3.13.2", false)]
    [TestCase(Curl, "libcurl", "8.6.0", true)]
    [TestCase(Curl, "curl", "8.6.0", true)]
    [TestCase(Curl, "curl", "8.7.0", false)]
    [TestCase(Curl, "curl", "8.5.0", false)]
    [TestCase(Named, "openssl", "1.1.1k", true)]
    [TestCase(Named, "openssl", "3.0.6", true)]
    [TestCase(Named, "openssl", "3.0.7", false)]
    public void A_native_package_is_matched_by_them(string record, string name, string version, bool isAffected)
    {
        var match = Index(record).Match(new InstalledPackage(PackageManager.Conda, name, version, "h1_0", "conda-forge"));
        Assert.That((match.Coverage, match.Hits.Length > 0), Is.EqualTo((Coverage.Checked, isAffected)));
    }

    [Test]
    public void A_fix_is_told_and_the_source_s_word_for_severity_is_kept()
    {
        Assert.That(Index(Psf).Match(new InstalledPackage(PackageManager.Conda, "python", "3.9.1", "h1_0")).Hits.Single().FixedIn,
            Is.EqualTo((string[])["3.9.18"]));
        Assert.That(Parse(Curl).DatabaseSeverity, Is.EqualTo("Low"));
    }

    [TestCase("")]
    [TestCase(""", "versions": ["legacy-trunk"]""")]
    public void What_speaks_of_commits_only_says_nothing_that_can_be_compared_and_is_kept(string more)
    {
        var ranges = """[{ "type": "GIT", "repo": "https://github.com/python/cpython", "events": [{ "introduced": "0" }] }]""";
        var advisory = Parse($$"""{ "id": "X", "modified": "2024-01-01T00:00:00Z", "affected": [{ "ranges": {{ranges}}{{more}} }] }""");
        var index = AdvisoryIndex.Build([advisory], VulnerabilityGroups.Of([advisory]), ConventionMapping.BuiltIn, []);
        var match = index.Match(new(PackageManager.Conda, "python", "3.11.2", "h1_0_cpython", "conda-forge"));
        Assert.That((match.Hits.Length, NotCheckedReasons.CodeOf(match.Reason)), Is.EqualTo((0, "advisory_not_evaluable")));
    }

    [TestCase(
        """{ "ranges": [{ "type": "GIT", "repo": "https://github.com/somebody/else", "events": [{ "introduced": "0" }] }], "versions": ["v1"] }""")]
    [TestCase("""{ "ranges": [{ "type": "GIT", "repo": 7 }, { "type": "GIT", "repo": "\ud800" }, 7], "versions": ["v1"] }""")]
    [TestCase("""{ "ranges": {}, "versions": ["v1"] }""")]
    [TestCase("""{ "versions": ["v1"] }""")]
    public void What_speaks_of_somebody_else_s_repository_matches_nothing(string affected) =>
        Assert.That(Parse($$"""{ "id": "X", "modified": "2024-01-01T00:00:00Z", "affected": [{{affected}}] }""").Affected, Is.Empty);

    [Test]
    public void The_samples_of_other_databases_are_all_read()
    {
        using var file = File.OpenRead(TestData.File("advisories", "osv-samples.zip"));
        var entries = OsvArchive.Read(file).ToArray();
        Assert.That(entries, Is.Not.Empty);
        Assert.That(entries.Select(entry => entry.Record).OfType<OsvRecord.Broken>(), Is.Empty);
    }

    private static Advisory Parse(string json)
    {
        var record = OsvParser.Parse(Encoding.UTF8.GetBytes(json));
        Assert.That(record, Is.TypeOf<OsvRecord.Valid>(), record.ToString());
        return ((OsvRecord.Valid)record).Advisory;
    }

    private static AdvisoryIndex Index(string json)
    {
        Advisory[] advisories = [Parse(json)];
        return AdvisoryIndex.Build(advisories, VulnerabilityGroups.Of(advisories), ConventionMapping.BuiltIn, []);
    }
}
