using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

using EnvPlatform.Scanner.Advisories;
using EnvPlatform.Scanner.Advisories.Osv;
using EnvPlatform.Scanner.Fuzzing;
using EnvPlatform.Scanner.Mapping;
using EnvPlatform.Scanner.Matching;
using EnvPlatform.Testing;

namespace EnvPlatform.Scanner.Tests.Advisories;

/// <summary>Real records with something missing, of another type, or far too large.</summary>
public sealed class MutatedAdvisoryTests
{
    private const int Records = 60;
    private const int Huge = 100_000;
    private const int Ring = 10_000;

    private static readonly string[] Values =
    [
        "null", "true", "0", "-1e400", "\"\"", "\"\\ud800\"", "\"\\u0000\"", "[]", "[null]", "[[]]", "[\"x\"]", "{}", "{\"\\ud800\":0}"
    ];

    [Test]
    public void Whatever_is_missing_or_of_another_type_the_record_is_read_or_refused_under_its_id()
    {
        var (valid, broken) = (0, 0);
        foreach (var record in Originals())
        {
            var id = JsonNode.Parse(record)!["id"]!.GetValue<string>();
            foreach (var path in Paths(JsonNode.Parse(record)!))
            {
                foreach (var mutation in Mutations(record, path))
                {
                    if (OsvParser.Parse(Encoding.UTF8.GetBytes(mutation)) is OsvRecord.Valid { Advisory: var advisory })
                    {
                        Match([advisory], "1.0");
                        valid++;
                        continue;
                    }

                    var refused = (OsvRecord.Broken)OsvParser.Parse(Encoding.UTF8.GetBytes(mutation));
                    if (path is not ["id"])
                    {
                        Assert.That(refused.Id, Is.EqualTo(id), mutation);
                    }

                    Assert.That(refused.Reason, Is.Not.Empty);
                    broken++;
                }
            }
        }

        Assert.That(valid, Is.GreaterThan(0));
        Assert.That(broken, Is.GreaterThan(0));
    }

    [Test]
    [CancelAfter(60_000)]
    public void A_range_of_a_hundred_thousand_events_still_says_which_versions_are_affected()
    {
        var events = Enumerable.Range(0, Huge)
            .Select(i => new RangeEvent(i % 2 == 0 ? RangeEventKind.Introduced : RangeEventKind.Fixed, $"{i}")).ToArray();
        new Random(1).Shuffle(events);
        var index = Index([Advisory("A-1", affected: [new(Ecosystems.PyPI, "x", null, [new(RangeType.Ecosystem, events)], [], [])])]);
        Assert.That(Match(index, "5000.5"), Is.EqualTo((string[])["A-1"]));
        Assert.That(Match(index, "5001.5"), Is.Empty);
        Assert.That(Match(index, $"{Huge}"), Is.Empty);
    }

    [Test]
    [CancelAfter(60_000)]
    public void A_hundred_thousand_ranges_and_as_many_versions_are_answered_with_few()
    {
        var ranges = Enumerable.Range(1, Huge)
            .Select(i => new AffectedRange(RangeType.Ecosystem, [new(RangeEventKind.Introduced, "0"), new(RangeEventKind.Fixed, $"{i}")]))
            .ToArray();
        var versions = Enumerable.Range(Huge, Huge).Select(i => $"{i}.5").ToArray();
        var index = Index([Advisory("A-1", affected: [new(Ecosystems.PyPI, "x", null, ranges, versions, [])])]);
        var hit = index.Match(new InstalledPackage(PackageManager.PyPI, "x", "0.5")).Hits.Single();
        Assert.That(hit.FixedIn, Has.Length.EqualTo(FixedVersions.MaxShown));
        Assert.That((hit.FixedIn[0], hit.FixedIn[^1]), Is.EqualTo(("1", $"{Huge}")), "the first, and the one that ends everything");
        Assert.That(hit.Range, Has.Length.LessThan(1_000));
        Assert.That(Match(index, $"{Huge}.5"), Is.EqualTo((string[])["A-1"]));
        Assert.That(Match(index, $"{Huge}"), Is.Empty);
    }

    [TestCase("chain")]
    [TestCase("ring")]
    [TestCase("star")]
    [TestCase("clique")]
    [CancelAfter(60_000)]
    public void Ten_thousand_ids_that_are_aliases_of_each_other_are_one_vulnerability(string shape)
    {
        var advisories = Enumerable.Range(0, Ring).Select(i => Advisory($"A-{i}", shape switch
        {
            "chain" => i + 1 < Ring ? [$"A-{i + 1}"] : ["CVE-2024-1234"],
            "ring" => [$"A-{(i + 1) % Ring}", .. i == 7 ? (string[])["CVE-2024-1234"] : []],
            "star" => i == 0 ? [.. Enumerable.Range(1, Ring - 1).Select(n => $"A-{n}"), "CVE-2024-1234"] : [],
            _ => [.. Enumerable.Range(0, 100).Select(n => $"A-{((i * 31) + (n * n)) % Ring}"), "CVE-2024-1234"],
        })).ToArray();
        new Random(1).Shuffle(advisories);
        var vulnerability = VulnerabilityGroups.Of(advisories).All.Single();
        Assert.That(vulnerability.Id, Is.EqualTo("CVE-2024-1234"));
        Assert.That(vulnerability.Aliases, Has.Length.EqualTo(Ring));
        Assert.That(Match(Index(advisories), "1.0"), Has.Length.EqualTo(Ring));
    }

    [Test]
    public void A_ring_falls_apart_where_a_record_is_withdrawn_and_closes_when_it_comes_back()
    {
        var ring = Enumerable.Range(0, 100).Select(i => Advisory($"A-{i}", [$"A-{(i + 1) % 100}"])).ToArray();
        Assert.That(VulnerabilityGroups.Of(ring).All, Has.Count.EqualTo(1));

        // A withdrawn record connects nothing; others that name it still connect.
        var withdrawn = ring.Select((one, i) => i is 10 or 11 or 50 or 51 ? one with { Withdrawn = DateTimeOffset.UnixEpoch } : one)
            .ToArray();
        Assert.That(VulnerabilityGroups.Of(withdrawn).All, Has.Count.EqualTo(2));
        Assert.That(VulnerabilityGroups.Of([.. withdrawn, .. ring.Select(one => one with { Modified = one.Modified.AddDays(1) })]).All,
            Has.Count.EqualTo(1));
    }

    [TestCase("0001-01-01T00:00:00Z", true)]
    [TestCase("9999-12-31T23:59:59.9999999Z", true)]
    [TestCase("0001-01-01T00:00:00+14:00", false)]
    [TestCase("9999-12-31T23:59:59-14:00", false)]
    [TestCase("2024-02-30T00:00:00Z", false)]
    [TestCase("2024-13-01T00:00:00Z", false)]
    [TestCase("2024-01-01T24:00:00Z", false)]
    [TestCase("2024-01-01", true)]
    [TestCase("2024-01-01T00:00:60Z", false)]
    [TestCase("-2024-01-01T00:00:00Z", false)]
    [TestCase("12024-01-01T00:00:00Z", false)]
    [TestCase("yesterday", false)]
    [TestCase("1704067200", false)]
    public void A_date_is_a_time_in_the_calendar_or_the_record_is_broken(string modified, bool isValid)
    {
        var record = OsvParser.Parse(Encoding.UTF8.GetBytes($$"""{"id":"A-1","modified":"{{modified}}"}"""));
        Assert.That(record is OsvRecord.Valid, Is.EqualTo(isValid));
        Assert.That(((record as OsvRecord.Valid)?.Advisory.Modified ?? default).Offset, Is.EqualTo(TimeSpan.Zero));
    }

    [TestCase("A/1?x=y#z%20&\"'<b>", true)]
    [TestCase("\u202eA-1\u200b\ud83d\ude00", true)]
    [TestCase(" A 1 ", true)]
    [TestCase("A\n1", false)]
    [TestCase("", false)]
    public void An_id_may_have_any_characters_but_those_that_control(string id, bool isValid)
    {
        var record = OsvParser.Parse(
            JsonSerializer.SerializeToUtf8Bytes(new { id, modified = "2024-01-01T00:00:00Z", aliases = new[] { id } }));
        Assert.That(record is OsvRecord.Valid valid ? valid.Advisory.Id : null, Is.EqualTo(isValid ? id : null));
    }

    [Test]
    public void Ids_aliases_and_versions_that_nobody_could_mean_break_their_record_alone()
    {
        Assert.That(Parse(new { id = new string('A', 257), modified = "2024-01-01T00:00:00Z" }), Is.InstanceOf<OsvRecord.Broken>());
        Assert.That(Parse(new { id = "A-1", modified = "2024-01-01T00:00:00Z", aliases = new[] { new string('A', 257) } }),
            Is.EqualTo(new OsvRecord.Broken("A-1", "aliases hold one of more than 256 characters")));
        Assert.That(
            Parse(new
            {
                id = "A-1",
                modified = "2024-01-01T00:00:00Z",
                affected = new[]
                {
                    new { package = new { ecosystem = "PyPI", name = "x" }, versions = new[] { "1." + new string('0', 2_048) } }
                }
            }),
            Is.InstanceOf<OsvRecord.Broken>().And.Property("Id").EqualTo("A-1"));
        Assert.That(Parse(new { id = "A-1", modified = "2024-01-01T00:00:00Z", details = new string('a', 1 << 20) }),
            Is.InstanceOf<OsvRecord.Valid>(), "Texts for people may be long.");

        static OsvRecord Parse(object record) => OsvParser.Parse(JsonSerializer.SerializeToUtf8Bytes(record));
    }

    [Test]
    public void Texts_are_shown_up_to_a_length_and_never_cut_in_the_middle_of_a_character()
    {
        foreach (var before in (string[])["", "a"])
        {
            var text = before + FuzzTargets.Repeat("\ud83d\ude00", 100_000);
            var vulnerability = VulnerabilityGroups.Of([Advisory("A-1") with { Summary = text, Details = text }]).All.Single();
            foreach (var (shown, most) in new[] { (vulnerability.Summary!, 1_000), (vulnerability.Description!, 65_536) })
            {
                Assert.That(shown, Has.Length.InRange(most - 2, most));
                Assert.That(FuzzTargets.IsStorable(shown), Is.True);
                Assert.That(shown, Does.EndWith("\ud83d\ude00…"));
            }
        }
    }

    private static IEnumerable<string> Originals() => FuzzCorpus.Read(TestData.Folder).Osv
        .Where(record => record.Length < 2_500).Select(record => Encoding.UTF8.GetString(Encoding.Latin1.GetBytes(record)))
        .Where(record => OsvParser.Parse(Encoding.UTF8.GetBytes(record)) is OsvRecord.Valid).Take(Records);

    // Every member and the first of every array, as the names and positions that lead there.
    private static IEnumerable<object[]> Paths(JsonNode node)
    {
        if (node is JsonObject members)
        {
            foreach (var (name, value) in members)
            {
                yield return [name];
                if (value is null)
                {
                    continue;
                }

                foreach (var path in Paths(value))
                {
                    yield return [name, .. path];
                }
            }
        }
        else if (node is JsonArray { Count: > 0 } items && items[0] is { } first)
        {
            yield return [0];
            foreach (var path in Paths(first))
            {
                yield return [0, .. path];
            }
        }
    }

    private static IEnumerable<string> Mutations(string record, object[] path)
    {
        yield return Mutated(record, path, null);
        foreach (var value in Values)
        {
            yield return Mutated(record, path, value);
        }
    }

    private static string Mutated(string record, object[] path, string? value)
    {
        const string mark = "\u0001replaced\u0001";
        var root = JsonNode.Parse(record)!;
        var parent = path[..^1].Aggregate(root, (node, step) => step is string name ? node[name]! : node[(int)step]!);
        switch (parent)
        {
            case JsonObject members when value is null:
                members.Remove((string)path[^1]);
                break;
            case JsonObject members:
                members[(string)path[^1]] = mark;
                break;
            case JsonArray items when value is null:
                items.RemoveAt((int)path[^1]);
                break;
            case JsonArray items:
                items[(int)path[^1]] = mark;
                break;
        }

        return root.ToJsonString().Replace(JsonSerializer.Serialize(mark), value, StringComparison.Ordinal);
    }

    private static Advisory Advisory(string id, string[]? aliases = null, AffectedPackage[]? affected = null) => new(
        id, aliases ?? [], null, DateTimeOffset.UnixEpoch, null, null, null, [], null,
        affected ?? [new(Ecosystems.PyPI, "x", null, [new(RangeType.Ecosystem, [new(RangeEventKind.Introduced, "0")])], [], [])]);

    private static AdvisoryIndex Index(Advisory[] advisories) =>
        AdvisoryIndex.Build(advisories, VulnerabilityGroups.Of(advisories), ConventionMapping.BuiltIn, []);

    private static string[] Match(Advisory[] advisories, string version) => Match(Index(advisories), version);

    private static string[] Match(AdvisoryIndex index, string version) =>
        [.. index.Match(new InstalledPackage(PackageManager.PyPI, "x", version)).Hits.Select(hit => hit.Advisory.Id)];
}
