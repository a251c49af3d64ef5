using System.Text.RegularExpressions;

using EnvPlatform.Scanner.Advisories;
using EnvPlatform.Scanner.Advisories.Nvd;
using EnvPlatform.Scanner.Advisories.Starter;
using EnvPlatform.Scanner.Mapping;
using EnvPlatform.Scanner.Matching;
using EnvPlatform.Scanner.Matching.Versions;
using EnvPlatform.Scanner.Tests.Matching;
using EnvPlatform.Scanner.Upgrades;
using EnvPlatform.Testing;

namespace EnvPlatform.Scanner.Tests.Upgrades;

/// <summary>
/// The upgrades of every real environment against the real advisories, applied and matched again, and compared with a search through all
/// fixes.
/// </summary>
public sealed partial class RealUpgradesTests
{
    private static readonly Lazy<(Advisory[] Advisories, AdvisoryIndex Index)> Known = new(() =>
    {
        using var nvd = File.OpenRead(TestData.File("advisories", "nvd-cve-samples.jsonl"));
        Advisory[] all =
        [
            .. RealEnvironments.Feed("pypa-osv.zip"), .. RealEnvironments.Feed("cran-osv.zip"), .. StarterSet.Read(),
            .. NvdArchive.Read(nvd).Select(entry => entry.Record).OfType<NvdRecord.Valid>().Select(valid => valid.Advisory),
        ];
        return (all, AdvisoryIndex.Build(all, VulnerabilityGroups.Of(all), ConventionMapping.BuiltIn, [Ecosystems.PyPI, Ecosystems.Cran]));
    });

    private static readonly Lazy<ILookup<PackageIdentity, AffectedPackage>> Affected = new(() => Known.Value.Advisories
        .Where(advisory => advisory.Withdrawn is null).SelectMany(advisory => advisory.Affected)
        .Where(affected => affected.Identity is not null).ToLookup(affected => affected.Identity!.Value));

    private static readonly Lazy<Case[]> Cases = new(() =>
        [.. RealEnvironments.Read().Select(environment => Case.Of(environment, Vulnerable(environment.Packages)))
            .Where(one => one.Vulnerable.Length > 0)]);

    [Test]
    public void There_is_something_to_upgrade()
    {
        TestContext.Out.WriteLine(
            $"{Cases.Value.Length} environments, {Cases.Value.Sum(one => one.Vulnerable.Sum(package => package.Open.Count))} findings, " +
            $"{Cases.Value.Sum(one => one.Plan.Upgrades.Count)} upgrades, {Cases.Value.Sum(one => one.Plan.Unfixed.Count)} findings "
                + "that nothing clears");
        Assert.That(Cases.Value.Sum(one => one.Plan.Upgrades.Count), Is.GreaterThan(100));
    }

    [Test]
    public void What_is_upgraded_is_matched_again_and_only_what_was_announced_remains() => ForEachUpgrade((one, package, upgrade) =>
    {
        var after = Ids(package.Installed with { Version = upgrade.To });
        Assert.That(after.Order(StringComparer.Ordinal), Is.EqualTo(upgrade.Remaining), "what affects the new version");
        Assert.That(package.Open.Except(after).Order(StringComparer.Ordinal), Is.EqualTo(upgrade.Clears), "what is cleared");
        Assert.That(upgrade.Clears, Is.Not.Empty, "without it something would be left that it clears");
    });

    [Test]
    public void No_version_is_lowered_and_none_is_made_up() => ForEachUpgrade((one, package, upgrade) =>
    {
        var mapped = Known.Value.Index.Match(package.Installed).Mapped;
        Assert.That(VersionOrder.Compare(mapped.Scheme, upgrade.To, upgrade.Version), Is.Positive);
        Assert.That(
            Fixes(mapped).Any(fix => VersionOrder.Compare(mapped.Scheme, fix, upgrade.To) == 0), Is.True, "an advisory names it as a fix");
    });

    [Test]
    public void No_finding_that_a_fix_could_clear_remains_and_no_lower_fix_would_do()
    {
        foreach (var one in Cases.Value)
        {
            foreach (var package in one.Vulnerable)
            {
                var mapped = Known.Value.Index.Match(package.Installed).Mapped;
                // Outputs of one project are upgraded together, so a fix must be above them all.
                var together = one.Vulnerable.Where(other => other.Manager == package.Manager
                    && Known.Value.Index.Match(other.Installed).Mapped.Identity == mapped.Identity).ToArray();
                var wanted = together.SelectMany(other => other.Open).Distinct().ToArray();
                var above = Fixes(mapped).Where(fix => together.All(other => VersionOrder.Compare(mapped.Scheme, fix, other.Version) > 0))
                    .Select(fix => (Fix: fix, Left: Score(package.Installed with { Version = fix }, wanted)))
                    .Where(fix => fix.Left.Wanted < wanted.Length).ToArray();
                var upgrade = one.Plan.Upgrades.SingleOrDefault(item => (item.Manager, item.Name) == (package.Manager, package.Name));
                if (above.Length == 0)
                {
                    Assert.That(upgrade, Is.Null, $"{one.Id} {package.Name}");
                    continue;
                }

                var fewest = above.Min(fix => fix.Left);
                var lowest = above.Where(fix => fix.Left == fewest).Select(fix => fix.Fix)
                    .Aggregate((a, b) => VersionOrder.Compare(mapped.Scheme, b, a) < 0 ? b : a);
                Assert.That(VersionOrder.Compare(mapped.Scheme, upgrade?.To, lowest), Is.Zero,
                    $"{one.Id} {package.Name} {package.Version}: {upgrade?.To}, but {lowest} leaves {fewest}");
            }
        }
    }

    [Test]
    public void Each_finding_is_cleared_or_said_to_be_left_and_never_both()
    {
        foreach (var one in Cases.Value)
        {
            Assert.That(one.Plan.Upgrades.Select(upgrade => (upgrade.Manager, upgrade.Name)), Is.Unique, one.Id);
            var said = one.Plan.Upgrades.SelectMany(upgrade => upgrade.Clears.Select(id => (upgrade.Manager, upgrade.Name, id)))
                .Concat(one.Plan.Unfixed.Select(left => (left.Manager, left.Name, left.Vulnerability))).ToArray();
            var found = one.Vulnerable.SelectMany(package => package.Open.Select(id => (package.Manager, package.Name, id))).Distinct();
            Assert.That(said, Is.EquivalentTo(found), one.Id);
            Assert.That(one.Plan.Unfixed.Select(left => left.Known), Has.All.EndsWith(".").And.All.Length.GreaterThan(20));
        }
    }

    [Test]
    public void No_version_that_is_known_to_be_affected_fits_what_the_manager_is_asked_for() => ForEachUpgrade((one, package, upgrade) =>
    {
        var mapped = Known.Value.Index.Match(package.Installed).Mapped;
        var order = package.Manager == "pypi" ? VersionScheme.Pep440 : VersionScheme.Conda;
        Assert.That(upgrade.Spec, Does.Match(@"^[a-z0-9_.-]+(==|>=)[^<>=,]+(,<=?[^<>=,]+)?$"));
        Assert.That(Fits(order, upgrade.Spec, upgrade.To), Is.True, upgrade.Spec);
        Assert.That(Fits(order, upgrade.Spec, upgrade.Version), Is.False, upgrade.Spec);
        var events = Affected.Value[mapped.Identity].SelectMany(
            affected => affected.Versions.Concat(affected.Ranges.SelectMany(range => range.Events).Select(at => at.Version)));
        var wrong = events.Distinct().Where(
            version => UpgradeSpec.Spell(package.Manager, mapped.Scheme, version) is { } spelled && Fits(order, upgrade.Spec, spelled)
                && Ids(package.Installed with { Version = version }).Except(upgrade.Remaining).Any());
        Assert.That(wrong, Is.Empty, upgrade.Spec);
    });

    private static void ForEachUpgrade(Action<Case, VulnerablePackage, Upgrade> check)
    {
        foreach (var one in Cases.Value)
        {
            foreach (var upgrade in one.Plan.Upgrades)
            {
                // The same package twice is rare; its lowest version is the one that is shown.
                var package = one.Vulnerable.First(
                    package => (package.Manager, package.Name, package.Version) == (upgrade.Manager, upgrade.Name, upgrade.Version));
                using (Assert.EnterMultipleScope())
                {
                    check(one, package, upgrade);
                }
            }
        }
    }

    private static VulnerablePackage[] Vulnerable(InstalledPackage[] packages) =>
    [
        .. packages.Select(package => (Package: package, Ids: Ids(package))).Where(one => one.Ids.Count > 0)
            .Select(one => new VulnerablePackage(
                one.Package.Manager == PackageManager.PyPI ? "pypi" : "conda", one.Package.Name, one.Package, one.Ids, one.Ids,
                new HashSet<string>())),
    ];

    private static HashSet<string> Ids(InstalledPackage package) =>
        Known.Value.Index.Match(package).Hits.Select(hit => hit.Advisory.VulnerabilityId).ToHashSet(StringComparer.Ordinal);

    private static (int Wanted, int Others) Score(InstalledPackage package, string[] wanted)
    {
        var ids = Ids(package);
        return (ids.Count(wanted.Contains), ids.Count(id => !wanted.Contains(id)));
    }

    private static string[] Fixes(MappedPackage mapped) =>
    [
        .. Affected.Value[mapped.Identity].SelectMany(affected => affected.Ranges)
            .Where(range => range.Events.All(at => at.Version is "0" or "*" || VersionOrder.IsValid(mapped.Scheme, at.Version)))
            .SelectMany(range => range.Events).Where(at => at.Kind == RangeEventKind.Fixed).Select(at => at.Version).Distinct()
            .Where(version => WithheldReleases.Why(mapped.Identity, mapped.Scheme, version) is null),
    ];

    private static bool Fits(VersionScheme order, string spec, string version) =>
        Constraint()
            .Matches(spec).All(constraint => VersionOrder.Compare(order, version, constraint.Groups["version"].Value) is { } compared
                && constraint.Groups["operator"].Value switch
                {
                    "==" => compared == 0,
                    ">=" => compared >= 0,
                    "<=" => compared <= 0,
                    _ => compared < 0,
                });

    [GeneratedRegex("(?<operator>==|>=|<=|<)(?<version>[^,<>=]+)", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, 1_000)]
    private static partial Regex Constraint();

    private sealed record Case(string Id, VulnerablePackage[] Vulnerable, UpgradePlan Plan)
    {
        public static Case Of(RealEnvironments.RealEnvironment environment, VulnerablePackage[] vulnerable) =>
            new(environment.Id, vulnerable, UpgradePlan.Of(Known.Value.Index, vulnerable));
    }
}
