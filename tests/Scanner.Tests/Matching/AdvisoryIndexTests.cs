using EnvPlatform.Scanner.Advisories;
using EnvPlatform.Scanner.Mapping;
using EnvPlatform.Scanner.Matching;
using EnvPlatform.Scanner.Matching.Versions;
using EnvPlatform.Scanner.Tests.Advisories;

namespace EnvPlatform.Scanner.Tests.Matching;

/// <summary>Which advisories affect a package, and how far it could be checked.</summary>
public sealed class AdvisoryIndexTests
{
    [TestCase("0", "1.0", "0.9", true)]
    [TestCase("0", "1.0", "0.0.dev1", true, Description = "0 is before every version")]
    [TestCase("0", "1.0", "1.0rc1", true)]
    [TestCase("0", "1.0", "1.0", false)]
    [TestCase("0", "1.0", "1.0.0+cu118", false, Description = "the local part does not count")]
    [TestCase("1.0", "2.0", "1.0rc1", false)]
    [TestCase("1.0", "2.0", "1.0.post1", true)]
    public void A_version_is_in_a_range(string introduced, string fixedIn, string version, bool isAffected) =>
        Assert.That(Hits(version, Range((RangeEventKind.Introduced, introduced), (RangeEventKind.Fixed, fixedIn))),
            Has.Length.EqualTo(isAffected ? 1 : 0));

    [Test]
    public void The_last_affected_version_is_affected()
    {
        var range = Range((RangeEventKind.Introduced, "1"), (RangeEventKind.LastAffected, "2.0"));
        Assert.That(Hits("2.0.0", range), Has.Length.EqualTo(1));
        Assert.That(Hits("2.0.0", range)[0].FixedIn, Is.Empty);
        Assert.That(Hits("2.0.post1", range), Is.Empty);
    }

    [Test]
    public void Events_count_in_the_order_of_versions_whatever_their_order_in_the_record()
    {
        var range = Range(
            (RangeEventKind.Fixed, "1.10"), (RangeEventKind.Introduced, "1.9"), (RangeEventKind.Fixed, "1.2"),
            (RangeEventKind.Introduced, "0"));
        Assert.That(Hits("1.1", range).Single().FixedIn, Is.EqualTo((string[])["1.2"]));
        Assert.That(Hits("1.5", range), Is.Empty);
        Assert.That(Hits("1.9.1", range).Single().Range, Is.EqualTo(">=1.9, <1.10"));
    }

    [Test]
    public void Nothing_is_affected_from_the_highest_limit_on()
    {
        var range = Range((RangeEventKind.Introduced, "0"), (RangeEventKind.Limit, "2"), (RangeEventKind.Limit, "3"));
        Assert.That(Hits("2.5", range), Has.Length.EqualTo(1));
        Assert.That(Hits("3", range), Is.Empty);
        Assert.That(Hits("3", Range((RangeEventKind.Introduced, "0"), (RangeEventKind.Limit, "2"), (RangeEventKind.Limit, "*"))),
            Has.Length.EqualTo(1));
    }

    [Test]
    public void A_range_with_an_event_out_of_which_no_version_can_be_read_says_nothing_and_listed_versions_still_count()
    {
        var affected = Affected([Range((RangeEventKind.Introduced, "0"), (RangeEventKind.Fixed, "trunk"))], ["1.0"]);
        var index = Index(affected);
        Assert.That(index.IgnoredRanges, Is.EqualTo(1));
        Assert.That(Match(index, "0.5").Hits, Is.Empty);
        Assert.That(Match(index, "1.0.0").Hits.Single().IsListed, Is.True);
    }

    [Test]
    public void A_listed_version_is_equal_in_the_order_of_the_project_or_as_text()
    {
        var index = Index(Affected([], ["1.0", "2.0-rc.1", "not a version"]));
        Assert.That(Match(index, "1.0.0").Hits, Has.Length.EqualTo(1));
        Assert.That(Match(index, "2.0rc1").Hits, Has.Length.EqualTo(1));
        Assert.That(Match(index, "1.0+cu118").Hits, Has.Length.EqualTo(1), "a rebuild of the version that is listed");
        var text = Match(index, "not a version");
        Assert.That((text.Coverage, text.Reason, text.Hits.Length), Is.EqualTo((Coverage.NotChecked, NotCheckedReason.InvalidVersion, 1)));
    }

    [Test]
    public void An_advisory_hits_once_with_all_that_fixes_it()
    {
        var index = Index(
            Affected([Range((RangeEventKind.Introduced, "0"), (RangeEventKind.Fixed, "10.0")), Range(
                (RangeEventKind.Introduced, "1"), (RangeEventKind.Fixed, "9.0"))], ["5"]),
            Affected([Range((RangeEventKind.Introduced, "0"), (RangeEventKind.Fixed, "9.0"))], []));
        var hit = Match(index, "5.0").Hits.Single();
        Assert.That(hit.FixedIn, Is.EqualTo((string[])["9.0", "10.0"]));
        Assert.That((hit.AffectedIndex, hit.Range, hit.IsListed), Is.EqualTo((0, "<10.0 || >=1, <9.0 || <9.0", false)));
    }

    [Test]
    public void A_listed_version_outside_of_the_ranges_is_fixed_by_the_next_fix()
    {
        var index = Index(Affected([Range((RangeEventKind.Introduced, "1"), (RangeEventKind.Fixed, "2")), Range(
            (RangeEventKind.Introduced, "3"), (RangeEventKind.Fixed, "4"))], ["2.5"]));
        var hit = Match(index, "2.5").Hits.Single();
        Assert.That((hit.Range, hit.FixedIn.Single()), Is.EqualTo(("=2.5", "4")));
    }

    [Test]
    public void Withdrawn_advisories_do_not_hit()
    {
        var record = VulnerabilityGroupsTests.Record("A", [], withdrawn: true) with { Affected = [Affected([], ["1"])] };
        var index = AdvisoryIndex.Build([record], VulnerabilityGroups.Of([record]), ConventionMapping.BuiltIn, []);
        Assert.That((index.Advisories, index.Projects), Is.EqualTo((0, 0)));
    }

    [TestCase("x", "1", "py_0", Coverage.Checked, NotCheckedReason.None)]
    [TestCase("x", null, "py_0", Coverage.NotChecked, NotCheckedReason.InvalidVersion)]
    [TestCase("x", "", "py_0", Coverage.NotChecked, NotCheckedReason.InvalidVersion)]
    [TestCase("x", "1.1.1w", "py_0", Coverage.NotChecked, NotCheckedReason.InvalidVersion)]
    [TestCase("x", "1", null, Coverage.Checked, NotCheckedReason.None)]
    [TestCase("x", "1", "h12345_0", Coverage.NotChecked, NotCheckedReason.NotMapped)]
    [TestCase("nobody-names-it", "1", "py_0", Coverage.Checked, NotCheckedReason.None)]
    [TestCase("nobody-names-it", "1", null, Coverage.NotChecked, NotCheckedReason.NotMapped)]
    [TestCase("r-nobody", "1", "r43_0", Coverage.NotChecked, NotCheckedReason.NoAdvisorySource)]
    [TestCase("openssl", "3.0.0", "h12345_0", Coverage.NotChecked, NotCheckedReason.NoAdvisorySource)]
    [TestCase("vtk", "9.0", "py_0", Coverage.NotChecked, NotCheckedReason.NoSuchProject)]
    [TestCase("__glibc", "2.17", "0", Coverage.NotApplicable, NotCheckedReason.None)]
    [TestCase("python_abi", "3.10", "2_cp310", Coverage.NotApplicable, NotCheckedReason.None)]
    public void Every_package_says_how_far_it_was_checked(
        string name, string? version, string? build, Coverage coverage, NotCheckedReason reason)
    {
        var match = Index(Affected([], ["9"])).Match(new InstalledPackage(PackageManager.Conda, name, version, build));
        Assert.That((match.Coverage, match.Reason, match.Hits.Length), Is.EqualTo((coverage, reason, 0)));
    }

    [Test]
    public void A_native_package_that_no_rule_knows_is_checked_where_a_record_names_it()
    {
        var record = VulnerabilityGroupsTests.Record("A", []) with
        {
            Affected = [Affected([Range((RangeEventKind.Introduced, "0"), (RangeEventKind.Fixed, "1.10_2"))], []) with
            {
                Ecosystem = "conda",
                Name = "LibOdd"
            }],
        };
        var match = AdvisoryIndex.Build([record], VulnerabilityGroups.Of([record]), ConventionMapping.BuiltIn, [])
            .Match(new InstalledPackage(PackageManager.Conda, "libodd", "1.10_1", "h0_0"));
        Assert.That((match.Coverage, match.Hits.Length, match.Mapped.Scheme), Is.EqualTo((Coverage.Checked, 1, VersionScheme.Conda)));
    }

    [Test]
    public void Matching_what_is_not_hit_allocates_nothing()
    {
        var index = RealEnvironments.Index("pypa-osv.zip");
        var packages = RealEnvironments.Read().SelectMany(environment => environment.Packages).Distinct()
            .Where(package => index.Match(package).Hits.Length == 0).ToArray();
        Assert.That(packages, Has.Length.GreaterThan(1_000));
        var before = GC.GetAllocatedBytesForCurrentThread();
        foreach (var package in packages)
        {
            index.Match(package);
        }

        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
    }

    [Test]
    public void A_hundred_thousand_ranges_and_versions_of_one_project_are_survived()
    {
        const int count = 100_000;
        var ranges = Enumerable.Range(1, count)
            .Select(i => Range((RangeEventKind.Introduced, $"{i}"), (RangeEventKind.Fixed, $"{count + i}"))).ToArray();
        var index = Index(Affected(ranges, [.. Enumerable.Range(1, count).Select(i => $"0.{i}")]));
        Assert.That(
            Match(index, $"{count}").Hits.Single().FixedIn, Has.Length.EqualTo(FixedVersions.MaxShown).And.Contains($"{2 * count}"));
        Assert.That(Match(index, "0.77").Hits.Single().IsListed, Is.True);
    }

    internal static AffectedRange Range(params (RangeEventKind Kind, string Version)[] events) =>
        new(RangeType.Ecosystem, [.. events.Select(one => new RangeEvent(one.Kind, one.Version))]);

    internal static AffectedPackage Affected(AffectedRange[] ranges, string[] versions) => new("PyPI", "X", null, ranges, versions, []);

    internal static AdvisoryIndex Index(params AffectedPackage[] affected)
    {
        var record = VulnerabilityGroupsTests.Record("A", []) with { Affected = affected };
        return AdvisoryIndex.Build([record], VulnerabilityGroups.Of([record]), ConventionMapping.BuiltIn, [Ecosystems.PyPI]);
    }

    internal static PackageMatch Match(AdvisoryIndex index, string version) =>
        index.Match(new InstalledPackage(PackageManager.PyPI, "x", version));

    private static Hit[] Hits(string version, params AffectedRange[] ranges) => Match(Index(Affected(ranges, [])), version).Hits;
}
