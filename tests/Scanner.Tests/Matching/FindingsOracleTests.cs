using System.Text.Json;

using EnvPlatform.Scanner.Mapping;
using EnvPlatform.Scanner.Matching;
using EnvPlatform.Testing;

namespace EnvPlatform.Scanner.Tests.Matching;

/// <summary>
/// The findings of real environments equal those of an independent program, once with names taken as they are and once with a published
/// mapping. Every difference is in <c>differences.tsv</c> with its reason: for names as they are (<c>plain</c>), for the mapping
/// (<c>mapped</c>), or for <c>both</c>; where the two programs agree nothing else may differ.
/// </summary>
public sealed class FindingsOracleTests
{
    private const string Plain = "expected-findings.jsonl";
    private const string Mapped = "expected-findings-mapped.jsonl";
    private const string Older = "expected-findings-2024-10.jsonl";

    // A package that the published mapping says holds several projects.
    private const string NotJudged = "not judged";

    [TestCase(false)]
    [TestCase(true, TestName = "So_they_are_when_the_published_mapping_was_imported")]
    public void Findings_are_the_expected_ones_on_every_row_where_the_oracles_agree(bool withPublished)
    {
        var index = Index("pypa-osv.zip", withPublished);
        var plain = Expected(Plain);
        var mapped = Expected(Mapped);
        var listed = Listed("both");
        var rows = 0;
        var wrong = new List<string>();
        foreach (var environment in RealEnvironments.Read())
        {
            foreach (var package in environment.Packages.Where(IsJudged).Distinct())
            {
                var expected = plain[environment.Id].GetValueOrDefault(Row(package), "");
                if (expected != mapped[environment.Id].GetValueOrDefault(Row(package), "") || listed.Contains(Listed(package)))
                {
                    continue;
                }

                rows++;
                var found = Found(index, package);
                if (found != expected)
                {
                    wrong.Add($"{environment.Id}: {package} expected [{expected}], found [{found}]");
                }
            }
        }

        Assert.That(rows, Is.GreaterThan(0));
        Assert.That(wrong, Is.Empty);
    }

    [TestCase(Plain, "pypa-osv.zip", "plain", false)]
    [TestCase(Plain, "pypa-osv.zip", "plain", true)]
    [TestCase(Mapped, "pypa-osv.zip", "mapped", false)]
    [TestCase(Mapped, "pypa-osv.zip", "mapped", true)]
    [TestCase(Older, "pypa-osv-2024-10.zip", "plain", false)]
    public void Every_difference_is_listed_and_no_listed_package_agrees(string oracle, string feed, string kind, bool withPublished)
    {
        var index = Index(feed, withPublished);
        var expected = Expected(oracle);
        var listed = Listed(kind);
        var (differ, agree) = (new HashSet<string>(StringComparer.Ordinal), new HashSet<string>(StringComparer.Ordinal));
        foreach (var environment in RealEnvironments.Read())
        {
            foreach (var package in environment.Packages.Where(IsJudged))
            {
                var text = expected[environment.Id].GetValueOrDefault(Row(package), "");
                var found = Found(index, package);
                if (text == NotJudged || (text.Length == 0 && found.Length == 0))
                {
                    continue;
                }

                (found == text ? agree : differ).Add(Listed(package));
            }
        }

        Assert.That(differ.Except(listed), Is.Empty, "Differences that are not listed.");
        Assert.That(agree.Intersect(listed), Is.Empty, "Packages that are listed and do not differ.");
    }

    [Test]
    public void Every_environment_of_an_oracle_is_an_environment_of_the_data()
    {
        var environments = RealEnvironments.Read().Select(environment => environment.Id).ToArray();
        foreach (var oracle in (string[])[Plain, Mapped, Older])
        {
            Assert.That(Expected(oracle).Keys, Is.EquivalentTo(environments));
        }
    }

    [Test]
    public void The_published_mapping_takes_no_finding_away_that_the_built_in_rules_give()
    {
        var (builtIn, published) = (Index("pypa-osv.zip", false), Index("pypa-osv.zip", true));
        var lost = RealEnvironments.Read().SelectMany(environment => environment.Packages).Distinct()
            .Where(package => builtIn.Match(package).Hits.Except(published.Match(package).Hits).Any());
        Assert.That(lost, Is.Empty);
    }

    private static AdvisoryIndex Index(string feed, bool withPublished) =>
        withPublished ? RealEnvironments.Index(feed).With(RealEnvironments.Published()) : RealEnvironments.Index(feed);

    // Only names of conda can mislead: nothing that pip installed may differ.
    private static string Listed(InstalledPackage package) =>
        package.Manager == PackageManager.Conda ? package.Name : "pip " + package.Name;

    // The oracle names no channels.
    private static InstalledPackage Row(InstalledPackage package) => package with { Channel = null };

    // Rule 1 of the oracle: a package whose build string does not indicate Python is neither expected nor a false positive.
    private static bool IsJudged(InstalledPackage package) =>
        package.Manager == PackageManager.PyPI || (package.Build is not null && ConventionMapping.IsPythonBuild(package.Build));

    private static string Found(AdvisoryIndex index, InstalledPackage package)
    {
        // Rule 3 of the oracle: a range with a bound that is no version is ignored. What is read out of one is said to be.
        var match = index.Match(package);
        var ids = match.Hits.Where(hit => hit.BoundsRead.Length == 0).Select(hit => hit.Advisory.Id).ToArray();
        return match.Mapped.Ecosystem == Ecosystems.PyPI && ids.Length > 0
            ? $"{match.Mapped.Identity.Name}: {string.Join(' ', ids)}"
            : "";
    }

    private static HashSet<string> Listed(string kind) =>
        File.ReadLines(Path.Combine(AppContext.BaseDirectory, "Matching", "differences.tsv")).Skip(1).Select(line => line.Split('\t'))
            .Where(row => (row[0] == kind || row[0] == "both") && row[2].Length > 0).Select(row => row[1])
            .ToHashSet(StringComparer.Ordinal);

    private static Dictionary<string, Dictionary<InstalledPackage, string>> Expected(string oracle) =>
        File.ReadLines(TestData.File("oracles", oracle)).Select(line => JsonDocument.Parse(line).RootElement).ToDictionary(
            environment => environment.GetProperty("env").GetString()!,
            environment => environment.GetProperty("findings").EnumerateArray()
                .DistinctBy(RealEnvironments.Package).ToDictionary(RealEnvironments.Package, Text));

    private static string Text(JsonElement finding) =>
        finding.TryGetProperty("how", out var how) && how.GetString() == "map-multi"
            ? NotJudged
            : $"{finding.GetProperty("pypi").GetString()}: "
                + $"{string.Join(' ', finding.GetProperty("ids").EnumerateArray().Select(id => id.GetString()))}";
}
