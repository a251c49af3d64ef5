using EnvPlatform.Scanner.Advisories;
using EnvPlatform.Scanner.Mapping;
using EnvPlatform.Scanner.Matching;
using EnvPlatform.Scanner.Tests.Advisories;

using static EnvPlatform.Scanner.Tests.Matching.AdvisoryIndexTests;

namespace EnvPlatform.Scanner.Tests.Matching;

/// <summary>
/// Bounds that are no versions are read as far as they can be; what cannot be compared is said and never counted as compared.
/// </summary>
public sealed class NotEvaluableTests
{
    [TestCase(RangeEventKind.LastAffected, "2.6.0-NA", "2.6.0", true)]
    [TestCase(RangeEventKind.LastAffected, "2.6.0-NA", "2.6.1", false)]
    [TestCase(RangeEventKind.LastAffected, "2.6.0-cu124", "2.6.0", true)]
    [TestCase(RangeEventKind.LastAffected, "2.6.0-cu124", "2.6.0rc1", true)]
    [TestCase(RangeEventKind.Fixed, "2.6.0-NA", "2.6.0", false, Description = "there is no update: it means the version")]
    [TestCase(RangeEventKind.Fixed, "2.6.0-NA", "2.5.9", true)]
    [TestCase(RangeEventKind.Fixed, "0.2.0-n653", "0.2.0", true, Description = "what the rest says of 0.2.0 is not known")]
    [TestCase(RangeEventKind.Fixed, "0.2.0-n653", "0.2.1", false)]
    [TestCase(RangeEventKind.LastAffected, "0.2.0-alpha\\.33", "0.2.0a33", true, Description = "escaped as in a CPE name")]
    [TestCase(RangeEventKind.LastAffected, "0.2.0-alpha\\.33", "0.2.0a34", false)]
    [TestCase(RangeEventKind.Fixed, "7.2.0-12.1", "7.2.0", true, Description = "the revision of a distribution")]
    public void A_version_that_a_bound_begins_with_is_read(RangeEventKind kind, string bound, string version, bool isAffected)
    {
        var match = Match(Index(Affected([Range((RangeEventKind.Introduced, "0"), (kind, bound))], [])), version);
        Assert.That(match.Hits, Has.Length.EqualTo(isAffected ? 1 : 0));
        Assert.That((match.Coverage, match.Reason), Is.EqualTo((Coverage.Checked, NotCheckedReason.None)));
        if (isAffected)
        {
            Assert.That(match.Hits[0].BoundsRead.Single().Bound, Is.EqualTo(bound), "the reason of the match says so");
        }
    }

    [Test]
    public void Of_single_versions_that_are_each_the_last_affected_the_last_is_meant()
    {
        var index = Index(Affected([Range(
            (RangeEventKind.Introduced, "0"), (RangeEventKind.LastAffected, "2.9.0-NA"),
            (RangeEventKind.LastAffected, "2.9.0-beta1"))], []));
        Assert.That(Match(index, "2.9.0").Hits, Has.Length.EqualTo(1));
        Assert.That(Match(index, "2.9.1").Hits, Is.Empty);
    }

    [Test]
    public void What_a_record_says_in_so_many_words_comes_before_what_was_read_out_of_it()
    {
        var hit = Match(Index(Affected([Range((RangeEventKind.Introduced, "0"), (RangeEventKind.LastAffected, "2.0-NA"))], ["1.0"])), "1.0")
            .Hits.Single();
        Assert.That((hit.IsListed, hit.BoundsRead.Length), Is.EqualTo((true, 0)));
    }

    [TestCase("trunk")]
    [TestCase("2024-09-25", Description = "a date is the state of a repository, whose year would be a version")]
    [TestCase("2018-04-22b")]
    [TestCase("n653")]
    public void A_bound_without_a_version_leaves_the_advisory_unevaluated(string bound)
    {
        var match = Match(Index(Affected([Range((RangeEventKind.Introduced, "0"), (RangeEventKind.LastAffected, bound))], [])), "1.0");
        Assert.That((match.Coverage, match.Reason), Is.EqualTo((Coverage.NotChecked, NotCheckedReason.AdvisoryNotEvaluable)));
        Assert.That(match.NotEvaluable, Is.EqualTo((string[])["A"]));
        Assert.That(match.Hits, Is.Empty);
    }

    [Test]
    public void Neither_range_nor_version_leaves_the_advisory_unevaluated()
    {
        var index = Index(Affected([], []));
        Assert.That(Match(index, "1.0").Reason, Is.EqualTo(NotCheckedReason.AdvisoryNotEvaluable));
        Assert.That(index.NotEvaluable.Single().Why, Does.Contain("neither a range"));
    }

    [Test]
    public void Another_advisory_of_the_vulnerability_that_can_be_compared_says_what_there_is_to_say()
    {
        var index = IndexOf(
            Record("PYSEC-1", Affected([], [])),
            Record("GHSA-1", Affected([Range((RangeEventKind.Introduced, "0"), (RangeEventKind.Fixed, "2"))], [])));
        Assert.That(Match(index, "1.0").Hits, Has.Length.EqualTo(1));
        Assert.That((Match(index, "3.0").Coverage, Match(index, "3.0").Hits.Length), Is.EqualTo((Coverage.Checked, 0)));
        Assert.That(index.NotEvaluable.Single(), Has.Property(nameof(NotEvaluable.IsCovered)).True, "the import still names it");
    }

    [Test]
    public void Other_vulnerabilities_of_the_project_are_found_and_the_package_is_not_checked()
    {
        var index = IndexOf(
            Record("PYSEC-1", Affected([], [])),
            Record("PYSEC-2", Affected([], ["1.0"])) with { Aliases = ["CVE-2020-0002"] });
        var match = Match(index, "1.0");
        Assert.That(match.Hits.Select(hit => hit.Advisory.Id), Is.EqualTo((string[])["PYSEC-2"]));
        Assert.That((match.Coverage, match.NotEvaluable), Is.EqualTo((Coverage.NotChecked, (string[])["PYSEC-1"])));
    }

    [Test]
    public void Every_live_record_of_the_feed_is_compared_or_said_not_to_be()
    {
        var index = RealEnvironments.Index("pypa-osv.zip");
        Assert.That(index.NotEvaluable.Select(one => one.Advisory.Id).Distinct(), Is.EquivalentTo((string[])
        [
            "PYSEC-2012-42", "PYSEC-2017-149", "PYSEC-2019-257", "PYSEC-2022-43180", "PYSEC-2022-43181", "PYSEC-2024-261", "PYSEC-2025-73",
            "PYSEC-2025-75", "PYSEC-2025-76", "PYSEC-2025-77", "PYSEC-2026-4", "PYSEC-2025-93", "PYSEC-2025-94", "PYSEC-2025-95",
            "PYSEC-2025-96", "PYSEC-2025-97", "PYSEC-2026-57",
        ]));
        var torch = index.Match(new(PackageManager.PyPI, "torch", "2.6.0")).Hits;
        foreach (var id in (string[])["PYSEC-2025-189", "PYSEC-2025-190", "PYSEC-2025-194", "PYSEC-2025-210"])
        {
            Assert.That(torch.Single(hit => hit.Advisory.Id == id).BoundsRead, Is.Not.Empty, id);
        }

        Assert.That(index.Match(new(PackageManager.PyPI, "keras", "3.10.0")).NotEvaluable, Has.Length.EqualTo(2));
    }

    [TestCase("2.10.0+cu128", "2.10.0", true)]
    [TestCase("2.10.0+cu128", "2.10.0+cu128", true)]
    [TestCase("2.10.0+cu128", "2.10.0+cu126", false, Description = "the advisory names another rebuild")]
    [TestCase("2.10.0", "2.10.0+cu128", false, Description = "the advisory names a rebuild, which this is not")]
    [TestCase("2.10.0.post1", "2.10.0", false)]
    public void A_rebuild_is_its_release_where_an_advisory_lists_the_release(string installed, string listed, bool isAffected) =>
        Assert.That(Match(Index(Affected([], [listed])), installed).Hits, Has.Length.EqualTo(isAffected ? 1 : 0));

    [TestCase(RangeEventKind.LastAffected, "2.10.0", "2.10.0+cu128", true)]
    [TestCase(RangeEventKind.LastAffected, "2.10.0", "2.10.0.post1+cu128", false)]
    [TestCase(RangeEventKind.LastAffected, "2.10.0+cu126", "2.10.0+cu128", false)]
    [TestCase(RangeEventKind.LastAffected, "2.10.0+cu128", "2.10.0+cu126", true)]
    [TestCase(RangeEventKind.Fixed, "2.10.0", "2.10.0+cu128", false)]
    [TestCase(RangeEventKind.Fixed, "2.10.0+cu128", "2.10.0+cu126", true)]
    [TestCase(RangeEventKind.Fixed, "2.10.0+cu128", "2.10.0+cu128", false)]
    public void A_rebuild_is_its_release_at_a_bound_that_names_the_release(
        RangeEventKind kind, string bound, string installed, bool isAffected) =>
        Assert.That(
            Match(Index(Affected([Range((RangeEventKind.Introduced, "0"), (kind, bound))], [])), installed).Hits,
            Has.Length.EqualTo(isAffected ? 1 : 0));

    [Test]
    public void Bounds_with_and_without_a_local_part_are_each_compared_in_their_way()
    {
        var index = IndexOf(
            Record("A", Affected([Range((RangeEventKind.Introduced, "0"), (RangeEventKind.LastAffected, "2.0"))], [])),
            Record("B", Affected([], ["2.0+b"])) with { Aliases = ["CVE-2020-0002"] });
        string[] Ids(string version) => [.. Match(index, version).Hits.Select(hit => hit.Advisory.Id)];
        Assert.That(Ids("2.0"), Is.EqualTo((string[])["A"]));
        Assert.That(Ids("2.0+a"), Is.EqualTo((string[])["A"]));
        Assert.That(Ids("2.0+b"), Is.EqualTo((string[])["A", "B"]));
        Assert.That(Ids("2.0+c"), Is.EqualTo((string[])["A"]), "after every bound, and still 2.0 to the one that names no local part");
        Assert.That(Ids("2.0.1"), Is.Empty);
    }

    // conda, OpenSSL, CRAN, and the native projects without a scheme.
    [TestCase("conda", "libodd", "1.2+cpu", "1.2", true)]
    [TestCase("conda", "libodd", "1.2_1", "1.2", false, Description = "conda's underscore separates numbers of the version")]
    [TestCase("conda", "openssl", "3.0.8+quic", "3.0.8", true)]
    [TestCase("CRAN", "r-x", "1.2_3", "1.2", false, Description = "CRAN's 1.2-3 is a release after 1.2")]
    [TestCase("CRAN", "r-x", "1.2_3", "1.2-3", true)]
    public void So_it_is_in_the_other_orders_as_far_as_they_have_rebuilds(
        string ecosystem, string package, string installed, string last, bool isAffected)
    {
        var affected = Affected([Range((RangeEventKind.Introduced, "0"), (RangeEventKind.LastAffected, last))], []) with
        {
            Ecosystem = ecosystem,
            Name = package.StartsWith("r-", StringComparison.Ordinal) ? package[2..] : package,
        };
        Assert.That(
            Index(affected).Match(new(PackageManager.Conda, package, installed, "h1_0", "conda-forge")).Hits,
            Has.Length.EqualTo(isAffected ? 1 : 0));
    }

    private static Advisory Record(string id, params AffectedPackage[] affected) =>
        VulnerabilityGroupsTests.Record(id, ["CVE-2020-0001"]) with { Affected = affected };

    private static AdvisoryIndex IndexOf(params Advisory[] records) =>
        AdvisoryIndex.Build(records, VulnerabilityGroups.Of(records), ConventionMapping.BuiltIn, [Ecosystems.PyPI]);
}
