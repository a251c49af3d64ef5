using EnvPlatform.Scanner.Advisories;
using EnvPlatform.Scanner.Mapping;
using EnvPlatform.Scanner.Matching;
using EnvPlatform.Scanner.Matching.Versions;
using EnvPlatform.Scanner.Tests.Advisories;
using EnvPlatform.Scanner.Upgrades;

namespace EnvPlatform.Scanner.Tests.Upgrades;

/// <summary>
/// Upgrades against advisories drawn at random from few versions, so that ranges overlap, touch and contradict each other; compared with a
/// search through all fixes.
/// </summary>
public sealed class RandomUpgradesTests
{
    private const int Versions = 12;

    [TestCase("PyPI", "x", "matplotlib", PackageManager.PyPI)]
    [TestCase("PyPI", "matplotlib", "matplotlib-base", PackageManager.Conda)]
    [TestCase("conda", "openssl", "openssl", PackageManager.Conda)]
    public void The_upgrade_is_what_a_search_through_all_fixes_finds(string ecosystem, string name, string other, PackageManager manager)
    {
        for (var seed = 0; seed < 3_000; seed++)
        {
            var random = new Random(seed);
            var project = ecosystem == "conda" ? name : name == "x" ? "x" : "matplotlib";
            var records = Enumerable.Range(0, random.Next(1, 7)).Select(i => Record(random, i, ecosystem, project)).ToArray();
            var index = AdvisoryIndex.Build(records, VulnerabilityGroups.Of(records), ConventionMapping.BuiltIn, [Ecosystems.PyPI]);
            var ids = records.SelectMany(record => record.Aliases).Distinct().ToArray();
            var accepted = ids.Where(_ => random.Next(5) == 0).ToHashSet();
            var wanted = ids.Where(_ => random.Next(3) > 0).ToHashSet();
            string[] names = name == other || name == "x" ? [name] : [name, other];
            var packages = names.Select(one => Package(index, manager, one, Version(random.Next(Versions), ecosystem), wanted, accepted))
                .ToArray();
            Check(index, records, packages, UpgradePlan.Of(index, packages), $"seed {seed}");
        }
    }

    private static void Check(AdvisoryIndex index, Advisory[] records, VulnerablePackage[] packages, UpgradePlan plan, string seed)
    {
        var scheme = index.Match(packages[0].Installed).Mapped.Scheme;
        var concerned = packages.Where(package => package.Wanted.Count > 0).ToArray();
        if (concerned.Length == 0)
        {
            Assert.That((plan.Upgrades.Count, plan.Unfixed.Count), Is.EqualTo((0, 0)), seed);
            return;
        }

        var wanted = concerned.SelectMany(package => package.Wanted).Distinct().ToArray();
        var fixes = records.SelectMany(record => record.Affected).SelectMany(affected => affected.Ranges).SelectMany(range => range.Events)
            .Where(at => at.Kind == RangeEventKind.Fixed).Select(at => at.Version)
            .Where(fix => concerned.All(package => VersionOrder.Compare(scheme, fix, package.Version) > 0)).Distinct().ToArray();
        var scored = fixes.Select(fix => (Fix: fix, Left: Score(index, concerned[0], fix, wanted)))
            .Where(one => one.Left.Wanted < wanted.Length).ToArray();
        if (scored.Length == 0)
        {
            Assert.That(plan.Upgrades, Is.Empty, seed);
        }
        else
        {
            var fewest = scored.Min(one => one.Left);
            var best = scored.Where(one => one.Left == fewest).Select(one => one.Fix)
                .Aggregate((a, b) => VersionOrder.Compare(scheme, b, a) < 0 ? b : a);
            var left = Ids(index, concerned[0], best);
            Assert.That(plan.Upgrades.Select(upgrade => upgrade.To), Is.All.EqualTo(best).And.Not.Empty, seed);
            Assert.That(plan.Upgrades.Select(upgrade => upgrade.Name),
                Is.EquivalentTo(concerned.Where(package => package.Wanted.Any(id => !left.Contains(id))).Select(package => package.Name)),
                seed);
        }

        foreach (var package in concerned)
        {
            var upgrade = plan.Upgrades.SingleOrDefault(one => one.Name == package.Name);
            var unfixed = plan.Unfixed.Where(one => one.Name == package.Name).Select(one => one.Vulnerability);
            Assert.That((upgrade?.Clears ?? []).Where(package.Wanted.Contains).Concat(unfixed), Is.EquivalentTo(package.Wanted), seed);
        }
    }

    private static VulnerablePackage Package(
        AdvisoryIndex index, PackageManager manager, string name, string version, HashSet<string> wanted, HashSet<string> accepted)
    {
        var installed = new InstalledPackage(manager, name, version, manager == PackageManager.Conda ? "py39_0" : null);
        var open = index.Match(installed).Hits.Select(hit => hit.Advisory.VulnerabilityId).Where(id => !accepted.Contains(id)).ToHashSet();
        return new(
            manager == PackageManager.Conda ? "conda" : "pypi", name, installed, open, open.Where(wanted.Contains).ToHashSet(), accepted);
    }

    private static HashSet<string> Ids(AdvisoryIndex index, VulnerablePackage package, string version) =>
        index.Match(package.Installed with { Version = version }).Hits.Select(hit => hit.Advisory.VulnerabilityId).ToHashSet();

    private static (int Wanted, int Others) Score(AdvisoryIndex index, VulnerablePackage package, string version, string[] wanted)
    {
        var ids = Ids(index, package, version);
        return (ids.Count(wanted.Contains), ids.Count(id => !wanted.Contains(id) && !package.Accepted.Contains(id)));
    }

    private static string Version(int number, string ecosystem) =>
        ecosystem == "conda" ? $"1.1.{1 + (number / 6)}{(number % 6 == 0 ? "" : (char)('a' + (number % 6) - 1))}" : $"1.{number}";

    private static Advisory Record(Random random, int number, string ecosystem, string project)
    {
        var affected = Enumerable.Range(0, random.Next(1, 4)).Select(_ => new AffectedPackage(
            ecosystem, project, null, [.. Enumerable.Range(0, random.Next(1, 3)).Select(_ => Range(random, ecosystem))],
            [.. Enumerable.Range(0, random.Next(3)).Select(_ => Version(random.Next(Versions), ecosystem))], []));
        return VulnerabilityGroupsTests.Record($"A{number}", [$"CVE-2026-{1_000 + random.Next(4)}"]) with { Affected = [.. affected] };
    }

    private static AffectedRange Range(Random random, string ecosystem)
    {
        var from = random.Next(Versions);
        var to = random.Next(from, Versions + 2);
        RangeEvent start =
            random.Next(4) == 0 ? new(RangeEventKind.Introduced, "0") : new(RangeEventKind.Introduced, Version(from, ecosystem));
        return random.Next(8) switch
        {
            0 => new(RangeType.Ecosystem, [start]),
            1 => new(RangeType.Ecosystem, [start, new(RangeEventKind.LastAffected, Version(to, ecosystem))]),
            2 => new(RangeType.Ecosystem,
                [start, new(RangeEventKind.Fixed, Version(to, ecosystem)), new(RangeEventKind.Fixed, Version(to + 1, ecosystem))]),
            _ => new(RangeType.Ecosystem, [start, new(RangeEventKind.Fixed, Version(to, ecosystem))]),
        };
    }
}
