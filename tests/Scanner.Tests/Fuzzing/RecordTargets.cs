using System.IO.Compression;
using System.Text;

using EnvPlatform.Scanner.Advisories;
using EnvPlatform.Scanner.Advisories.Nvd;
using EnvPlatform.Scanner.Advisories.Osv;
using EnvPlatform.Scanner.Mapping;
using EnvPlatform.Scanner.Matching;

using static EnvPlatform.Scanner.Fuzzing.BrokenPropertyException;

namespace EnvPlatform.Scanner.Fuzzing;

/// <summary>Records of advisories, alone and in archives. What is valid can be stored, grouped, indexed and matched.</summary>
internal static class RecordTargets
{
    // To index a record takes the time of reading many: every so many lengths.
    private const int IndexedLengths = 32;
    private static readonly string[] Versions = ["1.0", "1!2.0.post1", "1.1.1k", "3.0.0-alpha.1", "1.2_3", "x"];
    private static readonly string[] Names = ["openssl", "nodejs", "openjdk", "r-y"];

    public static FuzzTarget Osv(FuzzCorpus corpus) =>
        new("osv", random => NextJson(random, corpus.Osv), input => CheckOsv(input, input.Length % IndexedLengths == 0), [.. OsvShapes()])
        {
            CheckFully = input => CheckOsv(input, true)
        };

    public static FuzzTarget Nvd(FuzzCorpus corpus) =>
        new("nvd", random => NextJson(random, corpus.Nvd), input => CheckNvd(input, input.Length % IndexedLengths == 0), [.. NvdShapes()])
        {
            CheckFully = input => CheckNvd(input, true)
        };

    public static FuzzTarget Archive(FuzzCorpus corpus)
    {
        var small = corpus.Osv.Where(record => record.Length < 1_500).Take(50).ToArray();
        List<string> originals = [.. small.Select(Zip), .. small.Select(Gzip), $"[{string.Join(',', small.Take(3))}]", string.Join(
            '\n', small.Take(3))];
        return new(
            "archive",
            random => HostileText.Mutate(random, originals[random.Next(originals.Count)], originals, ofBytes: true), CheckArchive, [
                new("records", n => $"[{FuzzTargets.List(n, i => Osv("", $"A-{i}"))}]"),
                new("records by line", n => FuzzTargets.Repeat(Osv("") + "\n", n)),
                new("brackets", n => FuzzTargets.Repeat("[", n)),
                new("objects in objects", n => FuzzTargets.Repeat("""{"a":""", n)),
                new("entries of a zip", n => Zip([.. Enumerable.Range(0, n).Select(i => Osv("", $"A-{i}"))])),
            ]);
    }

    /// <summary>An original, damaged as bytes or as JSON; rarely noise.</summary>
    public static string NextJson(Random random, List<string> originals)
    {
        var original = originals[random.Next(originals.Count)];
        return random.Next(20) switch
        {
            0 => HostileText.Noise(random, ofBytes: true),
            1 => original,
            < 12 => HostileText.MutateJson(random, original, originals),
            < 15 => HostileText.MutateJson(random, HostileText.MutateJson(random, original, originals), originals),
            _ => HostileText.Mutate(random, original, originals, ofBytes: true),
        };
    }

    private static bool CheckOsv(string input, bool isIndexed)
    {
        switch (OsvParser.Parse(Encoding.Latin1.GetBytes(input)))
        {
            case OsvRecord.Valid { Advisory: var advisory }:
                CheckAdvisory(advisory, isIndexed);
                return true;
            case OsvRecord.Broken broken:
                Require(broken.Reason.Length > 0, "A broken record says why.");
                return false;
            case var other:
                throw new BrokenPropertyException($"There is no such answer: {other}");
        }
    }

    private static bool CheckNvd(string input, bool isIndexed)
    {
        switch (NvdParser.Parse(Encoding.Latin1.GetBytes(input)))
        {
            case NvdRecord.Valid { Advisory: var advisory }:
                Require(advisory.Id.StartsWith(NvdParser.IdPrefix, StringComparison.Ordinal), "A record of NVD is known as one.");
                CheckAdvisory(advisory, isIndexed);
                return true;
            case NvdRecord.Broken broken:
                Require(broken.Reason.Length > 0, "A broken record says why.");
                return false;
            case var other:
                throw new BrokenPropertyException($"There is no such answer: {other}");
        }
    }

    private static bool CheckArchive(string input)
    {
        using var file = new MemoryStream(Encoding.Latin1.GetBytes(input));
        var count = 0;
        try
        {
            foreach (var entry in OsvArchive.Read(file))
            {
                Require(entry.Record is not null, "Every entry is an answer.");
                count++;
            }
        }
        catch (OsvArchiveException)
        {
            return false;
        }

        return count > 0;
    }

    private static void CheckAdvisory(Advisory advisory, bool isIndexed)
    {
        Require(advisory.Id.Length > 0, "A record has an id.");
        var texts = advisory.Aliases.Append(advisory.Id).Append(advisory.Summary).Append(advisory.Details).Append(advisory.DatabaseSeverity)
            .Concat(advisory.Affected.SelectMany(one => one.Versions.Append(one.Name).Append(one.Ecosystem)
                .Concat(one.Ranges.SelectMany(range => range.Events.Select(e => e.Version)))));
        foreach (var text in texts)
        {
            Require(FuzzTargets.IsStorable(text), "What was read can be stored.");
        }

        foreach (var time in (DateTimeOffset?[])[advisory.Published, advisory.Modified, advisory.Withdrawn])
        {
            Require(time is null || time.Value.Offset == TimeSpan.Zero, "Times are UTC.");
        }

        if (isIndexed)
        {
            Match(advisory);
        }
    }

    private static void Match(Advisory advisory)
    {
        Advisory[] advisories = [advisory];
        var groups = VulnerabilityGroups.Of(advisories);
        Require(groups.All.Count == (advisory.Withdrawn is null ? 1 : 0), "A record that is not withdrawn is a vulnerability.");
        var index = AdvisoryIndex.Build(advisories, groups, ConventionMapping.BuiltIn, []);
        foreach (var version in Versions)
        {
            index.Match(new InstalledPackage(
                PackageManager.PyPI, advisory.Affected.FirstOrDefault()?.Name is { Length: > 0 } name ? name : "x", version));
            foreach (var conda in Names)
            {
                index.Match(new InstalledPackage(PackageManager.Conda, conda, version, "h1_0"));
            }
        }
    }

    private static IEnumerable<HostileShape> OsvShapes() =>
    [
        new("aliases", n => Osv("," + Array("aliases", n, i => Text($"X-{i}")))),
        new("the same alias", n => Osv("," + Array("aliases", n, _ => Text("CVE-2024-1234")))),
        new("text", n => Osv($",\"details\":{Text(FuzzTargets.Repeat("a", n))}")),
        new("escapes", n => Osv($",\"details\":{Text(FuzzTargets.Repeat("\\u00e9", n))}")),
        new("severities", n => Osv("," + Array("severity", n, _ => Severity))),
        new("versions", n => Affected(Array("versions", n, i => Text($"1.{i}")))),
        new("the same version", n => Affected(Array("versions", n, _ => Text("1.0")))),
        new("texts that are no versions", n => Affected(Array("versions", n, i => Text($"x{i}")))),
        new("events", n => Affected($"\"ranges\":[{Range(FuzzTargets.List(n, i => Event(i % 2 == 0 ? "introduced" : "fixed", $"{i}")))}]")),
        new("introductions", n => Affected($"\"ranges\":[{Range(FuzzTargets.List(n, i => Event("introduced", $"{i}")))}]")),
        new("ranges", n => Affected(Array("ranges", n, i => Range(Event("introduced", $"{i}"), Event("fixed", $"{i}.5"))))),
        new("ranges over each other", n => Affected(Array("ranges", n, i => Range(Event("introduced", "0"), Event("fixed", $"{i + 3}"))))),
        new("ranges and versions", n => Affected(
            Array("ranges", n, i => Range(Event("introduced", $"{2 * i}"), Event("fixed", $"{(2 * i) + 1}"))) + ","
            + Array("versions", n, i => Text($"{i}.5")))),
        new("affected of one project", n => Osv("," + Array("affected", n, i => Package("x", Array("versions", 1, _ => Text($"1.{i}")))))),
        new("affected of many projects", n => Osv("," + Array("affected", n, i => Package($"x{i}", Array("versions", 1, _ => Text("1")))))),
        new("a long version", n => Affected(Array("versions", 1, _ => Text($"1.{FuzzTargets.Repeat("0.", n)}1")))),
        new("members that nobody reads", n => Osv("," + FuzzTargets.List(n, i => $"\"x{i}\":0"))),
        new("the same member", n => Osv("," + FuzzTargets.List(n, _ => "\"summary\":\"a\""))),
        new("depth", n => Osv($",\"x\":{FuzzTargets.Repeat("[", n)}")),
    ];

    private static IEnumerable<HostileShape> NvdShapes() =>
    [
        new("configurations", n => Cve(Array("configurations", n, i => Node("nodes", Node("cpeMatch", Criterion(i)))))),
        new("nodes", n => Cve(Array("configurations", 1, _ => Node("nodes", FuzzTargets.List(n, i => Node("cpeMatch", Criterion(i))))))),
        new("criteria", n => Cve(Array("configurations", 1, _ => Node("nodes", Node("cpeMatch", FuzzTargets.List(n, Criterion)))))),
        new("exact criteria",
            n => Cve(Array("configurations", 1, _ => Node("nodes", Node("cpeMatch", FuzzTargets.List(n, i => OpenSsl($"1.0.{i}", ""))))))),
        new("descriptions", n => Cve(Array("descriptions", n, i => $$"""{"lang":"l{{i}}","value":"v"}"""))),
        new("scores", n => Cve($"\"metrics\":{{"
            + $"{Array("cvssMetricV2", n, _ => """{"type":"Primary","cvssData":{"vectorString":"AV:N/AC:L/Au:N/C:P/I:P/A:P"}}""")}}}")),
        new("a long bound", n => Cve(Array("configurations", 1,
            _ => Node("nodes", Node("cpeMatch", OpenSsl("*", $",\"versionEndExcluding\":\"{FuzzTargets.Repeat("1.", n)}\"")))))),
        new("depth", n => Cve($"\"x\":{FuzzTargets.Repeat("[", n)}")),
    ];

    private const string Severity = """{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}""";

    private static string Array(string name, int count, Func<int, string> item) => $"\"{name}\":[{FuzzTargets.List(count, item)}]";

    private static string Text(string text) => $"\"{text}\"";

    private static string Event(string kind, string version) => $$"""{"{{kind}}":"{{version}}"}""";

    private static string Range(params string[] events) => $$"""{"type":"ECOSYSTEM","events":[{{string.Join(',', events)}}]}""";

    private static string Package(string name, string what) => $$"""{"package":{"ecosystem":"PyPI","name":"{{name}}"},{{what}}}""";

    private static string Affected(string what) => Osv("," + Array("affected", 1, _ => Package("x", what)));

    private static string Node(string name, string items) => $"{{\"operator\":\"OR\",\"{name}\":[{items}]}}";

    private static string OpenSsl(string version, string more) =>
        $$"""{"vulnerable":true,"criteria":"cpe:2.3:a:openssl:openssl:{{version}}:*:*:*:*:*:*:*"{{more}}}""";

    private static string Criterion(int i) =>
        OpenSsl("*", $",\"versionStartIncluding\":\"1.0.{i % 4_000}\",\"versionEndExcluding\":\"1.1.{i % 4_000}\"");

    private static string Osv(string more, string id = "A-1") => $$"""{"id":"{{id}}","modified":"2024-01-01T00:00:00Z"{{more}}}""";

    private static string Cve(string more) => $$"""{"id":"CVE-2024-1234","lastModified":"2024-01-01T00:00:00",{{more}}}""";

    private static string Zip(string record) => Zip([record]);

    private static string Zip(string[] records)
    {
        using var packed = new MemoryStream();
        using (var zip = new ZipArchive(packed, ZipArchiveMode.Create))
        {
            for (var i = 0; i < records.Length; i++)
            {
                using var entry = zip.CreateEntry($"{i}.json").Open();
                entry.Write(Encoding.Latin1.GetBytes(records[i]));
            }
        }

        return Encoding.Latin1.GetString(packed.ToArray());
    }

    private static string Gzip(string record)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest))
        {
            gzip.Write(Encoding.Latin1.GetBytes(record));
        }

        return Encoding.Latin1.GetString(packed.ToArray());
    }
}
