using EnvPlatform.Scanner.Advisories;
using EnvPlatform.Scanner.Mapping;
using EnvPlatform.Scanner.Matching;
using EnvPlatform.Scanner.Tests.Advisories;
using EnvPlatform.Scanner.Upgrades;

namespace EnvPlatform.Scanner.Tests.Upgrades;

/// <summary>Which version clears a package: the lowest that is a fix and leaves nothing, whatever several advisories say.</summary>
public sealed class UpgradePlanTests
{
    [Test]
    public void It_is_the_lowest_version_that_clears_all() =>
        Assert.That(Only(Plan([Record("A", "x", "<2.0"), Record("B", "x", "<1.5"), Record("C", "x", "<9", from: "8")], PyPi("x", "1.0"))),
            Is.EqualTo("x 1.0 -> 2.0 (x>=2.0,<8) clears A B, leaves "));

    [Test]
    public void Two_advisories_of_one_vulnerability_with_other_fixes_are_both_satisfied() =>
        Assert.That(Only(Plan([Record("GHSA-1", "x", "<1.5", aliases: ["CVE-2026-1000"]), Record(
            "PYSEC-1", "x", "<1.6", aliases: ["CVE-2026-1000"])], PyPi("x", "1.0"))),
            Is.EqualTo("x 1.0 -> 1.6 (x>=1.6) clears CVE-2026-1000, leaves "));

    [Test]
    public void A_fix_that_is_in_the_range_of_another_is_passed_over() =>
        Assert.That(Only(Plan(
            [Record("A", "x", "<1.5"), Record("B", "x", "<2.1", from: "1.4"), Record("C", "x", "<3")], PyPi("x", "1.0"), without: ["C"])),
            Is.EqualTo("x 1.0 -> 2.1 (x>=2.1) clears A, leaves "));

    [Test]
    public void A_release_line_is_kept_where_it_is_clean() =>
        Assert.That(Only(Plan([Record("A", "x", "<1.2.9", from: "1.2"), Record("B", "x", "<2.0.3", from: "2.0")], PyPi("x", "1.2.3"))),
            Is.EqualTo("x 1.2.3 -> 1.2.9 (x>=1.2.9,<2.0) clears A, leaves "));

    [Test]
    public void What_has_no_fix_remains_and_is_said()
    {
        var plan = Plan([Record("A", "x", "<2.0"), Record("B", "x", null)], PyPi("x", "1.0"));
        Assert.That(Only(plan), Is.EqualTo("x 1.0 -> 2.0 (x>=2.0) clears A, leaves B"));
        Assert.That(plan.Unfixed.Single().ToString(), Does.Contain("Vulnerability = B")
            .And.Contains("No advisory names a version that fixes it. Affected: every version (B)."));
    }

    [Test]
    public void A_package_that_nothing_clears_is_left_alone()
    {
        var plan = Plan([Record("A", "x", "<=2.0"), Record("B", "x", "<0.5")], PyPi("x", "1.0"));
        Assert.That(plan.Upgrades, Is.Empty);
        Assert.That(plan.Unfixed.Single().Known, Is.EqualTo("No advisory names a version that fixes it. Affected: <=2.0 (A)."));
    }

    [Test]
    public void A_fix_that_another_advisory_of_the_same_vulnerability_denies_is_none()
    {
        var plan = Plan(
            [Record("GHSA-1", "x", "<1.5", aliases: ["CVE-2026-1000"]), Record("PYSEC-1", "x", null, aliases: ["CVE-2026-1000"])],
            PyPi("x", "1.0"));
        Assert.That(plan.Upgrades, Is.Empty);
        Assert.That(plan.Unfixed.Single().Known, Is.EqualTo("1.5, which GHSA-1 names as its fix, is affected itself: * (PYSEC-1)."));
    }

    [Test]
    public void Where_no_version_clears_all_it_is_the_lowest_of_those_that_leave_the_fewest()
    {
        var plan = Plan(
            [Record("A", "x", "<2"), Record("B", "x", "<1.5"), Record("B2", "x", null, from: "2", aliases: ["B"]), Record("C", "x", "<2")],
            PyPi("x", "1.0"));
        Assert.That(Only(plan), Is.EqualTo("x 1.0 -> 2 (x>=2) clears A C, leaves B"));
        Assert.That(plan.Unfixed.Single().Known, Is.EqualTo("1.5 would clear it (B), but leaves more than 2 does."));
    }

    [Test]
    public void Where_every_later_version_is_affected_it_is_that_version_alone()
    {
        var after = new AffectedRange(RangeType.Ecosystem, [new(RangeEventKind.IntroducedAfter, "1.5")]);
        var records = (Advisory[])[
            Record("A", "x", "<1.5"), Record("B", "x", null) with { Affected = [new AffectedPackage("PyPI", "x", null, [after], [], [])] }];
        Assert.That(Only(Plan(records, PyPi("x", "1.0"))), Is.EqualTo("x 1.0 -> 1.5 (x==1.5) clears A, leaves "));
        Assert.That(Only(Plan(records, Conda("x", "1.0"))), Is.EqualTo("x 1.0 -> 1.5 (x==1.5) clears A, leaves "));
    }

    [Test]
    public void What_was_not_asked_for_is_cleared_along_but_not_by_itself()
    {
        var records = (Advisory[])[Record("A", "x", "<2"), Record("B", "x", "<3"), Record("C", "y", "<2")];
        Assert.That(
            Only(Plan(records, [PyPi("x", "1"), PyPi("y", "1")], wanted: ["A"])), Is.EqualTo("x 1 -> 3 (x>=3) clears A B, leaves "));
    }

    [Test]
    public void What_is_accepted_needs_no_upgrade_and_does_not_speak_against_a_version()
    {
        var records = (Advisory[])[Record("A", "x", "<2"), Record("B", "x", null), Record("C", "x", "<9", from: "1.9")];
        Assert.That(Only(Plan(records, [PyPi("x", "1")], accepted: ["B", "C"])), Is.EqualTo("x 1 -> 2 (x>=2) clears A, leaves "));
        Assert.That(Plan(records, [PyPi("x", "1")], accepted: ["A", "B"]).Upgrades, Is.Empty);
    }

    [Test]
    public void Split_outputs_move_together_and_each_is_named_once()
    {
        var plan = Plan(
            [Record("A", "matplotlib", "<3.4")],
            [Conda("matplotlib", "3.3.1"), Conda("matplotlib-base", "3.3.2"), Conda("matplotlib-base", "3.3.2")]);
        Assert.That(plan.Upgrades.Select(Text), Is.EqualTo(new[]
        {
            "matplotlib 3.3.1 -> 3.4 (matplotlib>=3.4) clears A, leaves ",
            "matplotlib-base 3.3.2 -> 3.4 (matplotlib-base>=3.4) clears A, leaves ",
        }));
    }

    [Test]
    public void Split_outputs_of_other_versions_come_to_one_version()
    {
        var plan = Plan(
            [Record("A", "matplotlib", "<1.5"), Record("B", "matplotlib", "<2.5", from: "2")],
            [Conda("matplotlib", "1"), Conda("matplotlib-base", "2")]);
        Assert.That(plan.Upgrades.Select(upgrade => upgrade.To), Is.EqualTo(new[] { "2.5", "2.5" }));
    }

    [Test]
    public void A_name_that_pip_and_conda_both_installed_is_upgraded_by_both() =>
        Assert.That(Plan([Record("A", "x", "<2")], [Conda("x", "1"), PyPi("x", "1.1")])
            .Upgrades.Select(upgrade => $"{upgrade.Manager} {Text(upgrade)}"), Is.EqualTo(new[]
            {
                "conda x 1 -> 2 (x>=2) clears A, leaves ", "pypi x 1.1 -> 2 (x>=2) clears A, leaves ",
            }));

    [Test]
    public void A_version_that_cannot_be_compared_is_never_lowered()
    {
        var record = Record("A", "x", "<2") with { Affected = [Affected("PyPI", "x", "<2", "0") with { Versions = ["1.1.1w"] }] };
        var plan = Plan([record], PyPi("x", "1.1.1w"));
        Assert.That(plan.Upgrades, Is.Empty);
        Assert.That(plan.Unfixed.Single().Known, Does.StartWith("1.1.1w cannot be compared in the order pep440"));
    }

    [Test]
    public void A_listed_version_goes_to_the_next_fix_of_the_project()
    {
        var listed = Record("L", "x", null) with { Affected = [new AffectedPackage("PyPI", "x", null, [], ["1.0", "1.1"], [])] };
        Assert.That(Only(Plan([listed, Record("A", "x", "<1.1"), Record("B", "x", "<1.2", from: "1.1")], PyPi("x", "1.0"))),
            Is.EqualTo("x 1.0 -> 1.2 (x>=1.2) clears A L, leaves "));
        Assert.That(Plan([listed], PyPi("x", "1.0")).Unfixed.Single().Known,
            Is.EqualTo("No advisory names a version that fixes it. Affected: =1.0 (L)."));
    }

    [Test]
    public void Cran_versions_are_written_as_conda_writes_them() =>
        Assert.That(
            Only(Plan([Record("A", "haven", "<2.3-1", ecosystem: "CRAN"), Record("B", "haven", "<2.6-2", from: "2.5-1", ecosystem: "CRAN")],
                new InstalledPackage(PackageManager.Conda, "r-haven", "2.3_0", "r43_0"))),
            Is.EqualTo("r-haven 2.3_0 -> 2.3_1 (r-haven>=2.3_1,<2.5_1) clears A, leaves "));

    [TestCase("1.1.1k", "openssl 1.1.1k -> 1.1.1n (openssl==1.1.1n) clears A, leaves ",
        Description = "conda has 1.1.1, which is affected, after 1.1.1n, and a lower bound above the upper one is no command")]
    [TestCase("1.1.1", "openssl 1.1.1 -> 1.1.1n (openssl==1.1.1n) clears A, leaves ")]
    [TestCase("3.0.1", "openssl 3.0.1 -> 3.0.2 (openssl>=3.0.2) clears A, leaves ")]
    public void OpenSsl_goes_by_its_letters_and_is_asked_for_in_the_order_of_conda(string version, string text)
    {
        var record = Record("A", "openssl", "<1.1.1n", from: "1.1.1", ecosystem: "conda") with
        {
            Affected = [Affected("conda", "openssl", "<1.1.1n", "1.1.1"), Affected("conda", "openssl", "<3.0.2", "3.0.0")],
        };
        Assert.That(Only(Plan([record], new InstalledPackage(PackageManager.Conda, "openssl", version, "h1_0"))), Is.EqualTo(text));
    }

    [TestCase("1.0.2k", "<1.0.2zd", "<3.0.2", "openssl 1.0.2k -> 3.0.2 (openssl>=3.0.2) clears A, leaves ")]
    [TestCase("1.1.1k", "<1.1.1x", "<3.0.16", "openssl 1.1.1k -> 3.0.16 (openssl>=3.0.16) clears A, leaves ")]
    [TestCase("1.1.1k", "<1.1.1w", "<3.0.16", "openssl 1.1.1k -> 1.1.1w (openssl==1.1.1w) clears A, leaves ")]
    public void A_release_of_OpenSsl_that_is_not_free_is_never_proposed(string version, string until, string next, string text)
    {
        var record = Record("A", "openssl", until, ecosystem: "conda") with
        {
            Affected = [Affected("conda", "openssl", until, version[..5]), Affected("conda", "openssl", next, "3.0.0")],
        };
        var upgrade = Plan([record], new InstalledPackage(PackageManager.Conda, "openssl", version, "h1_0")).Upgrades.Single();
        Assert.That(Text(upgrade), Is.EqualTo(text));
        Assert.That(upgrade.Note, upgrade.To.StartsWith('3') ? Does.Contain("support contract only") : Is.Null);
    }

    [Test]
    public void A_fix_that_nobody_can_have_is_said_to_be_none()
    {
        var record = Record("A", "openssl", "<1.1.1x", from: "1.1.1", ecosystem: "conda");
        var plan = Plan([record], new InstalledPackage(PackageManager.Conda, "openssl", "1.1.1k", "h1_0"));
        Assert.That(plan.Upgrades, Is.Empty);
        Assert.That(plan.Unfixed.Single().Known, Is.EqualTo(
            "1.1.1x would clear it (A), but cannot be had. After 1.1.1w, OpenSSL 1.1.1 is released to holders of a support contract only, "
            + "and no channel has it."));
    }

    [TestCase("v2.0-Beta.1", "2.0b1")]
    [TestCase("2.0-1", "2.0.post1")]
    [TestCase("1!02.00+Cu_118.07", "1!2.0+cu.118.7")]
    [TestCase("2.0.dev", "2.0.dev0")]
    [TestCase("2.0PREVIEW3.POST2.dev4", "2.0rc3.post2.dev4")]
    public void Versions_of_PyPI_are_asked_for_in_their_normal_form(string fix, string normal)
    {
        Assert.That(UpgradeSpec.Spell("pypi", Scanner.Matching.Versions.VersionScheme.Pep440, fix), Is.EqualTo(normal));
        Assert.That(Plan([Record("A", "x", "<" + fix)], Conda("x", "0.1")).Upgrades.Single().To, Is.EqualTo(normal));
    }

    [Test]
    public void Thousands_of_ranges_of_one_project_are_survived()
    {
        const int count = 20_000;
        var records = Enumerable.Range(1, count).Select(i => Record($"A{i}", "x", $"<{count + i}", from: $"{i}")).ToArray();
        var upgrade = Plan(records, PyPi("x", $"{count}")).Upgrades.Single();
        Assert.That((upgrade.To, upgrade.Clears.Count), Is.EqualTo(($"{2 * count}", count)));
    }

    internal static InstalledPackage PyPi(string name, string version) => new(PackageManager.PyPI, name, version);

    internal static InstalledPackage Conda(string name, string version) =>
        new(PackageManager.Conda, name, version, "py39_0", "conda-forge");

    /// <param name="until"><c>&lt;FIX</c>, <c>&lt;=LAST</c>, or null for no end.</param>
    internal static Advisory Record(
        string id, string name, string? until, string from = "0", string ecosystem = "PyPI", string[]? aliases = null) =>
        VulnerabilityGroupsTests.Record(id, aliases ?? []) with { Affected = [Affected(ecosystem, name, until, from)] };

    private static AffectedPackage Affected(string ecosystem, string name, string? until, string from)
    {
        RangeEvent[] end = until is null ? []
            : until.StartsWith("<=", StringComparison.Ordinal)
                ? [new(RangeEventKind.LastAffected, until[2..])]
                : [new(RangeEventKind.Fixed, until[1..])];
        return new(ecosystem, name, null, [new AffectedRange(RangeType.Ecosystem, [new(RangeEventKind.Introduced, from), .. end])], [], []);
    }

    private static UpgradePlan Plan(Advisory[] records, InstalledPackage package, string[]? without = null) =>
        Plan([.. records.Where(record => without?.Contains(record.Id) != true)], [package]);

    private static UpgradePlan Plan(Advisory[] records, InstalledPackage[] packages, string[]? wanted = null, string[]? accepted = null)
    {
        var index = AdvisoryIndex.Build(records, VulnerabilityGroups.Of(records), ConventionMapping.BuiltIn, [Ecosystems.PyPI]);
        return UpgradePlan.Of(index, packages.Select(package =>
        {
            var open = index.Match(package).Hits.Select(hit => hit.Advisory.VulnerabilityId).Except(accepted ?? []).ToHashSet();
            return new VulnerablePackage(
                package.Manager == PackageManager.PyPI ? "pypi" : "conda", package.Name, package, open,
                open.Where(id => wanted is null || wanted.Contains(id)).ToHashSet(), (accepted ?? []).ToHashSet());
        }));
    }

    private static string Only(UpgradePlan plan) => Text(plan.Upgrades.Single());

    private static string Text(Upgrade upgrade) =>
        $"{upgrade.Name} {upgrade.Version} -> {upgrade.To} ({upgrade.Spec}) clears {string.Join(' ', upgrade.Clears)}, leaves "
        + $"{string.Join(' ', upgrade.Remaining)}";
}
