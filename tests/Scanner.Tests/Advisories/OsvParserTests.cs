using System.Text;

using EnvPlatform.Scanner.Advisories;
using EnvPlatform.Scanner.Advisories.Osv;

namespace EnvPlatform.Scanner.Tests.Advisories;

/// <summary>Records of the OSV schema, valid and invalid.</summary>
public sealed class OsvParserTests
{
    [Test]
    public void A_record_is_read_whole()
    {
        var advisory = Valid("""
            {
              "schema_version": "1.7.0", "id": "GHSA-1", "modified": "2024-03-02T01:02:03.123456789Z", "published": "2024-03-01T00:00:00+02:00", "withdrawn": "2024-04-01T00:00:00",
              "aliases": ["CVE-2024-1"], "related": ["CVE-2024-2"], "upstream": ["CVE-2024-3"], "summary": "s\u0000", "details": "d",
              "severity": [{ "type": "CVSS_V3", "score": "CVSS:3.1/x" }], "database_specific": { "severity": "HIGH", "cwe_ids": [] },
              "affected": [
                {
                  "package": { "ecosystem": "PyPI", "name": "A_b", "purl": "pkg:pypi/a-b" }, "versions": ["1.0", "1.1"], "severity": [{ "type": "CVSS_V2", "score": "AV:N" }],
                  "ranges": [
                    { "type": "ECOSYSTEM", "events": [{ "introduced": "0" }, { "fixed": "1.2" }, { "introduced": "2" }, { "last_affected": "2.1" }, { "limit": "*" }] },
                    { "type": "GIT", "repo": "x", "events": [{ "introduced": "0" }] },
                    { "type": "SEMVER", "events": [{ "introduced": "1.0.0" }] }
                  ]
                },
                { "ranges": [{ "type": "GIT", "repo": "x", "events": [{ "introduced": "0" }] }] }
              ],
              "references": [{ "type": "WEB", "url": "x" }], "unknown": { "of": ["a", "later", "schema"] }
            }
            """);
        Assert.That(
            (advisory.Id, advisory.Summary, advisory.Details, advisory.DatabaseSeverity), Is.EqualTo(("GHSA-1", "s\uFFFD", "d", "HIGH")));
        Assert.That(advisory.Aliases, Is.EqualTo((string[])["CVE-2024-1"]));
        Assert.That(advisory.Published, Is.EqualTo(new DateTimeOffset(2024, 2, 29, 22, 0, 0, TimeSpan.Zero)));
        Assert.That(advisory.Withdrawn, Is.EqualTo(new DateTimeOffset(2024, 4, 1, 0, 0, 0, TimeSpan.Zero)));
        Assert.That(advisory.Severity, Is.EqualTo((SeverityVector[])[new("CVSS_V3", "CVSS:3.1/x")]));
        var affected = advisory.Affected.Single();
        Assert.That((affected.Ecosystem, affected.Name, affected.Purl), Is.EqualTo(("PyPI", "A_b", "pkg:pypi/a-b")));
        Assert.That(affected.Versions, Is.EqualTo((string[])["1.0", "1.1"]));
        Assert.That(affected.Severity, Is.EqualTo((SeverityVector[])[new("CVSS_V2", "AV:N")]));
        Assert.That(affected.Ranges.Select(range => range.Type), Is.EqualTo((RangeType[])[RangeType.Ecosystem, RangeType.SemVer]));
        Assert.That(affected.Ranges[0].Events, Is.EqualTo((RangeEvent[])
            [new(RangeEventKind.Introduced, "0"), new(RangeEventKind.Fixed, "1.2"), new(RangeEventKind.Introduced, "2"), new(
                RangeEventKind.LastAffected, "2.1"), new(RangeEventKind.Limit, "*")]));
    }

    [TestCase("""{"id":"A","modified":"2024-01-01T00:00:00Z"}""")]
    [TestCase("""{"id":"A","modified":"2024-01-01T00:00:00Z","aliases":null,"affected":null,"severity":null,"published":null}""")]
    [TestCase("\uFEFF{\"id\":\"A\",\"modified\":\"2024-01-01T00:00:00Z\",\"affected\":[]}")]
    public void Whatever_is_optional_may_be_missing_or_null(string json) => Assert.That(Valid(json).Affected, Is.Empty);

    [TestCase("", null)]
    [TestCase("{", null)]
    [TestCase("[]", null)]
    [TestCase("\"A\"", null)]
    [TestCase("""{"modified":"2024-01-01T00:00:00Z"}""", null)]
    [TestCase("""{"id":"","modified":"2024-01-01T00:00:00Z"}""", null)]
    [TestCase("""{"id":7,"modified":"2024-01-01T00:00:00Z"}""", null)]
    [TestCase("""{"id":"A\u0000","modified":"2024-01-01T00:00:00Z"}""", null)]
    [TestCase("""{"id":"\ud800","modified":"2024-01-01T00:00:00Z"}""", null)]
    [TestCase("""{"id":"A"}""", "A")]
    [TestCase("""{"id":"A","modified":"yesterday"}""", "A")]
    [TestCase("""{"id":"A","modified":"2024-01-01T00:00:00Z","withdrawn":true}""", "A")]
    [TestCase("""{"id":"A","modified":"2024-01-01T00:00:00Z","aliases":"CVE-1"}""", "A")]
    [TestCase("""{"id":"A","modified":"2024-01-01T00:00:00Z","aliases":[1]}""", "A")]
    [TestCase("""{"id":"A","modified":"2024-01-01T00:00:00Z","aliases":["\udc00"]}""", "A")]
    [TestCase("""{"id":"A","modified":"2024-01-01T00:00:00Z","details":"\ud800 half"}""", "A")]
    [TestCase("""{"id":"A","modified":"2024-01-01T00:00:00Z","affected":{}}""", "A")]
    [TestCase("""{"id":"A","modified":"2024-01-01T00:00:00Z","affected":[7]}""", "A")]
    [TestCase("""{"id":"A","modified":"2024-01-01T00:00:00Z","affected":[{"package":{"name":"x"}}]}""", "A")]
    [TestCase(
        """{"id":"A","modified":"2024-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"PyPI","name":"x"},"ranges":[{"type":"ECOSYSTEM"}]}]}""",
        "A")]
    [TestCase(
        """{"id":"A","modified":"2024-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"PyPI","name":"x"},"ranges":[{"type":"ECOSYSTEM","events":[]}]}]}""",
        "A")]
    [TestCase(
        """{"id":"A","modified":"2024-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"PyPI","name":"x"},"ranges":[{"type":"ECOSYSTEM","events":[{}]}]}]}""",
        "A")]
    [TestCase(
        """{"id":"A","modified":"2024-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"PyPI","name":"x"},"versions":[1.0]}]}""", "A")]
    [TestCase("""{"id":"A","modified":"2024-01-01T00:00:00Z","severity":[{"type":"CVSS_V3"}]}""", "A")]
    public void A_broken_record_is_an_answer_with_its_id_and_a_reason(string json, string? id)
    {
        var record = OsvParser.Parse(Encoding.UTF8.GetBytes(json));
        Assert.That(record, Is.InstanceOf<OsvRecord.Broken>());
        Assert.That(((OsvRecord.Broken)record).Id, Is.EqualTo(id));
        Assert.That(((OsvRecord.Broken)record).Reason, Is.Not.Empty);
    }

    private static Advisory Valid(string json)
    {
        var record = OsvParser.Parse(Encoding.UTF8.GetBytes(json));
        Assert.That(record, Is.InstanceOf<OsvRecord.Valid>(), record.ToString());
        return ((OsvRecord.Valid)record).Advisory;
    }
}
