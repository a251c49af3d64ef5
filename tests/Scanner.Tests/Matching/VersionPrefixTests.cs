using EnvPlatform.Scanner.Advisories;
using EnvPlatform.Scanner.Matching;

using static EnvPlatform.Scanner.Tests.Matching.AdvisoryIndexTests;

namespace EnvPlatform.Scanner.Tests.Matching;

/// <summary>What affects all versions that begin with a release, some of them, or none.</summary>
public sealed class VersionPrefixTests
{
    [TestCase("0", "3.12", "all")]
    [TestCase("0", "4", "all")]
    [TestCase("3.11", "3.12", "all")]
    [TestCase("3.11.0", "3.12.0", "all")]
    [TestCase("0", "3.11.5", "some")]
    [TestCase("3.11.5", "4", "some")]
    [TestCase("3.11.2", "3.11.3", "some")]
    [TestCase("3.11.0", "3.11.1", "some")]
    [TestCase("0", "3.11", "none")]
    [TestCase("0", "3.11.0", "none")]
    [TestCase("0", "3.2", "none", Description = "3.2 is before 3.11")]
    [TestCase("3.12", "3.13", "none")]
    [TestCase("3.12.0a1", "3.12.1", "none", Description = "the pre-releases of 3.12 do not begin with 3.11")]
    [TestCase("3.12.0.dev0", "3.12.1", "none")]
    [TestCase("3.110", "3.111", "none")]
    public void A_range_affects_all_some_or_none_of_the_versions(string introduced, string fixedIn, string expected) =>
        Assert.That(
            AffectedOf("3.11.*", Affected([Range((RangeEventKind.Introduced, introduced), (RangeEventKind.Fixed, fixedIn))], [])),
            Is.EqualTo(expected));

    [Test]
    public void Listed_versions_leave_it_open_whether_there_are_others()
    {
        Assert.That(AffectedOf("3.11.*", Affected([], ["3.11.0", "3.11.1"])), Is.EqualTo("some"));
        Assert.That(AffectedOf("3.11.*", Affected([], ["3.10.9", "3.12.0", "odd"])), Is.EqualTo("none"));
    }

    [Test]
    public void Ranges_that_close_each_others_gaps_affect_all()
    {
        AffectedRange[] two =
        [
            Range((RangeEventKind.Introduced, "0"), (RangeEventKind.Fixed, "3.11.4")),
            Range((RangeEventKind.Introduced, "3.11.4"), (RangeEventKind.Fixed, "3.12")),
        ];
        Assert.That(AffectedOf("3.11.*", Affected(two, [])), Is.EqualTo("all"));
        Assert.That(AffectedOf("3.11.*", Affected([two[0]], []), Affected([two[1]], [])), Is.EqualTo("all"));
    }

    [Test]
    public void The_last_affected_version_is_one_of_the_versions()
    {
        var last = Range((RangeEventKind.Introduced, "0"), (RangeEventKind.LastAffected, "3.11"));
        Assert.That(AffectedOf("3.11.*", Affected([last], [])), Is.EqualTo("some"));
        Assert.That(AffectedOf("3.*", Affected([last], [])), Is.EqualTo("some"));
        Assert.That(AffectedOf("4.*", Affected([last], [])), Is.EqualTo("none"));
    }

    [TestCase("1.1.1.*", "1.1.1", "1.1.1n", "some")]
    [TestCase("1.1.1.*", "1.1.1", "1.1.2", "all")]
    [TestCase("1.1.1.*", "1.1.0", "1.1.0l", "none")]
    [TestCase("3.0.*", "3.1.0-alpha1", "3.1.1", "none")]
    [TestCase("3.*", "3.0.0", "3.0.7", "some")]
    public void The_releases_of_openssl_are_compared_in_its_own_order(string versions, string introduced, string fixedIn, string expected)
    {
        var affected = Affected([Range((RangeEventKind.Introduced, introduced), (RangeEventKind.Fixed, fixedIn))], []) with
        {
            Ecosystem = Ecosystems.Conda,
            Name = "openssl",
        };
        var match = Index(affected)
            .Match(new InstalledPackage(PackageManager.Conda, "openssl", null, null, "conda-forge"), VersionPrefix.TryParse(versions));
        Assert.That(Text(match), Is.EqualTo(expected), match.Reason.ToString());
    }

    [Test]
    public void Nothing_is_claimed_of_versions_that_cannot_be_compared_or_of_a_project_without_a_source()
    {
        var index = Index(Affected([Range((RangeEventKind.Introduced, "0"), (RangeEventKind.Fixed, "trunk"))], []));
        Assert.That(
            index.Match(Installed, VersionPrefix.TryParse("3.11.*")).Reason, Is.EqualTo(NotCheckedReason.AdvisoryNotEvaluable));
        var other = new InstalledPackage(PackageManager.Conda, "no-such-thing", null, "h1_0", "conda-forge");
        Assert.That(index.Match(other, VersionPrefix.TryParse("1.*")).Coverage, Is.EqualTo(Coverage.NotChecked));
        Assert.That(index.Match(Installed, null).Reason, Is.EqualTo(NotCheckedReason.InvalidVersion), "no version and no range");
    }

    [Test]
    public void One_version_is_affected_or_not_and_never_in_part()
    {
        var index = Index(Affected([Range((RangeEventKind.Introduced, "0"), (RangeEventKind.Fixed, "3.11.5"))], []));
        Assert.That(Match(index, "3.11.4").OnlySome, Is.Empty);
    }

    /// <summary>The answer for all versions is that of each of them, for every release that may exist.</summary>
    [Test]
    public void The_answer_agrees_with_that_for_each_version()
    {
        var random = new Random(20261128);
        string[] versions = [.. Enumerable.Range(0, 40).Select(patch => $"3.11.{patch}"), "3.11", "3.11.0.post1", "3.11.39.1"];
        for (var round = 0; round < 500; round++)
        {
            string Bound() => random.Next(3) switch
            {
                0 => $"3.{random.Next(9, 14)}",
                1 => $"3.{random.Next(10, 13)}.{random.Next(0, 45)}",
                _ => $"3.11.{random.Next(0, 45)}",
            };
            var ranges = Enumerable.Range(0, random.Next(1, 4)).Select(_ =>
                Range((RangeEventKind.Introduced, random.Next(3) == 0 ? "0" : Bound()),
                    (random.Next(2) == 0 ? RangeEventKind.Fixed : RangeEventKind.LastAffected, Bound()))).ToArray();
            var index = Index(Affected(ranges, []));
            var affected = versions.Where(version => Match(index, version).Hits.Length > 0).ToArray();
            var said = Text(index.Match(Installed, VersionPrefix.TryParse("3.11.*")));
            var why = string.Join("; ", ranges.Select(range => string.Join(" ", range.Events.Select(one => $"{one.Kind} {one.Version}"))));
            if (said == "none")
            {
                Assert.That(affected, Is.Empty, why);
            }
            else if (said == "all")
            {
                Assert.That(affected, Is.EqualTo(versions), why);
            }

            if (affected.Length > 0)
            {
                Assert.That(said, Is.Not.EqualTo("none"), why);
            }
        }
    }

    [TestCase("3.11.*", "3.11", "3.12")]
    [TestCase("10.*", "10", "11")]
    [TestCase("1!2.9.*", "1!2.9", "1!2.10")]
    [TestCase("1.2_3.*", "1.2_3", "1.2_4")]
    [TestCase("3.09.*", "3.09", "3.10")]
    public void A_release_and_a_wildcard_is_read(string text, string release, string next) =>
        Assert.That(VersionPrefix.TryParse(text), Is.EqualTo(new VersionPrefix(release, next)));

    [TestCase(null)]
    [TestCase("")]
    [TestCase("*")]
    [TestCase(".*")]
    [TestCase("3.11")]
    [TestCase("3.11*")]
    [TestCase("3.11a.*")]
    [TestCase("3..11.*")]
    [TestCase(">=3.*")]
    [TestCase("3.11.*\n")]
    [TestCase("1234567890123456789.*")]
    public void Anything_else_is_none(string? text) => Assert.That(VersionPrefix.TryParse(text), Is.Null);

    private static readonly InstalledPackage Installed = new(PackageManager.PyPI, "x", null);

    private static string AffectedOf(string versions, params AffectedPackage[] affected) =>
        Text(Index(affected).Match(Installed, VersionPrefix.TryParse(versions)));

    private static string Text(PackageMatch match) =>
        match.Hits.Length == 0 ? "none" : match.OnlySome.Length == 0 ? "all" : "some";
}
