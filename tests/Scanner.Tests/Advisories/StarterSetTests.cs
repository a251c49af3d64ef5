using EnvPlatform.Scanner.Advisories;
using EnvPlatform.Scanner.Advisories.Starter;
using EnvPlatform.Scanner.Mapping;
using EnvPlatform.Scanner.Matching;
using EnvPlatform.Scanner.Severities;
using EnvPlatform.Scanner.Tests.Matching;

namespace EnvPlatform.Scanner.Tests.Advisories;

/// <summary>The advisories that are built in.</summary>
public sealed class StarterSetTests
{
    private static readonly IReadOnlyList<Advisory> Set = StarterSet.Read();
    private static readonly VulnerabilityGroups Groups = VulnerabilityGroups.Of(Set);
    private static readonly AdvisoryIndex Index = AdvisoryIndex.Build(Set, Groups, ConventionMapping.BuiltIn, []);

    [Test]
    public void Holds_well_known_vulnerabilities_of_native_libraries_and_of_Python()
    {
        Assert.That(Groups.All, Has.Count.GreaterThanOrEqualTo(60));
        Assert.That(
            Set.Count(advisory => advisory.Affected.Any(affected => affected.Ecosystem == Ecosystems.Conda)), Is.GreaterThanOrEqualTo(25));
        Assert.That(Set.Select(advisory => advisory.Id), Is.Unique);
    }

    [Test]
    public void Every_record_names_its_CVE_says_what_it_is_about_and_has_a_score() => Assert.That(
        Set.Where(advisory => advisory.Aliases is not [var cve] || advisory.Id != "ENVP-" + cve[4..] || Groups.Of(advisory.Id)!.Id != cve
            || Groups.Of(advisory.Id)!.Cvss is null or { Severity: Severity.None } || string.IsNullOrWhiteSpace(advisory.Summary)),
        Is.Empty);

    [Test]
    public void Every_range_is_written_in_the_order_of_its_project() => Assert.That(Index.IgnoredRanges, Is.Zero);

    [Test]
    public void Every_native_project_is_one_that_the_mapping_leads_to()
    {
        var reachable = CondaNames.BuiltIn.Entries.Where(entry => entry.Native is not null).Select(entry => entry.Native).ToHashSet();
        var lost = Set.SelectMany(advisory => advisory.Affected)
            .Where(affected => affected.Ecosystem == Ecosystems.Conda && !reachable.Contains(affected.Name));
        Assert.That(lost, Is.Empty);
    }

    [TestCase("openssl", "1.0.1f", "CVE-2014-0160", true)]
    [TestCase("openssl", "1.0.1g", "CVE-2014-0160", false)]
    [TestCase("openssl", "1.0.0t", "CVE-2014-0160", false)]
    [TestCase("openssl", "1.1.1m", "CVE-2022-0778", true)]
    [TestCase("openssl", "1.1.1n", "CVE-2022-0778", false)]
    [TestCase("openssl", "1.0.2zc", "CVE-2022-0778", true)]
    [TestCase("openssl", "1.0.2zd", "CVE-2022-0778", false)]
    [TestCase("openssl", "1.0.2u", "CVE-2022-0778", true)]
    [TestCase("openssl", "3.0.1", "CVE-2022-0778", true)]
    [TestCase("openssl", "3.0.0", "CVE-2022-3602", true)]
    [TestCase("openssl", "3.0.6", "CVE-2022-3786", true)]
    [TestCase("openssl", "3.0.7", "CVE-2022-3602", false)]
    [TestCase("openssl", "1.1.1s", "CVE-2022-3602", false)]
    [TestCase("openssl", "1.1.1g", "CVE-2021-3450", false)]
    [TestCase("openssl", "1.1.1j", "CVE-2021-3450", true)]
    [TestCase("libcurl", "8.3.0", "CVE-2023-38545", true)]
    [TestCase("libcurl", "8.4.0", "CVE-2023-38545", false)]
    [TestCase("curl", "7.68.0", "CVE-2023-38545", false)]
    [TestCase("libzlib", "1.2.12", "CVE-2022-37434", true)]
    [TestCase("zlib", "1.2.13", "CVE-2022-37434", false)]
    [TestCase("liblzma", "5.6.1", "CVE-2024-3094", true)]
    [TestCase("xz", "5.6.0", "CVE-2024-3094", true)]
    [TestCase("xz", "5.6.2", "CVE-2024-3094", false)]
    [TestCase("xz", "5.4.6", "CVE-2024-3094", false)]
    [TestCase("libwebp-base", "1.3.1", "CVE-2023-4863", true)]
    [TestCase("libwebp-base", "1.3.2", "CVE-2023-4863", false)]
    [TestCase("openssh", "9.7p1", "CVE-2024-6387", true)]
    [TestCase("openssh", "9.8p1", "CVE-2024-6387", false)]
    [TestCase("openssh", "8.4p1", "CVE-2024-6387", false)]
    [TestCase("python", "3.11.3", "CVE-2023-24329", true)]
    [TestCase("python", "3.11.4", "CVE-2023-24329", false)]
    [TestCase("libnghttp2", "1.52.0", "CVE-2023-44487", true)]
    [TestCase("nodejs", "18.18.2", "CVE-2023-44487", false)]
    public void Native_packages_are_compared_in_the_order_of_their_project(string name, string version, string cve, bool isAffected)
    {
        var match = Index.Match(new InstalledPackage(PackageManager.Conda, name, version, "h166bdaf_0"));
        Assert.That(match.Hits.Any(hit => hit.Advisory.VulnerabilityId == cve), Is.EqualTo(isAffected));
    }

    [TestCase("openssl", "3.0.5", true)]
    [TestCase("openssl", "3.9.9", false)]
    public void A_sample_finds_and_clears_nothing(string name, string version, bool isFound)
    {
        var match = Index.Match(new InstalledPackage(PackageManager.Conda, name, version, "h166bdaf_0"));
        Assert.That(match.Hits, isFound ? Is.Not.Empty : Is.Empty);
        Assert.That(
            (match.Coverage, match.Reason),
            Is.EqualTo(isFound ? (Coverage.Checked, NotCheckedReason.None) : (Coverage.NotChecked, NotCheckedReason.NoAdvisorySource)));
    }

    [Test]
    public void What_it_says_of_Python_packages_is_what_the_feed_says()
    {
        var feed = RealEnvironments.Index("pypa-osv.zip");
        var judged = 0;
        var wrong = new List<string>();
        var cves = RealEnvironments.Feed("pypa-osv.zip").Where(advisory => advisory.Withdrawn is null)
            .ToDictionary(advisory => advisory.Id, advisory => advisory.Aliases);
        foreach (var package in RealEnvironments.Read().SelectMany(environment => environment.Packages).Distinct())
        {
            var own = Index.Match(package);
            if (own.Mapped.Ecosystem != Ecosystems.PyPI || own.Hits.Length == 0)
            {
                continue;
            }

            judged++;
            var known = feed.Match(package).Hits.SelectMany(hit => cves[hit.Advisory.Id]).ToHashSet();
            wrong.AddRange(
                own.Hits.Where(hit => !known.Contains("CVE-" + hit.Advisory.Id[5..])).Select(hit => $"{package}: {hit.Advisory.Id}"));
        }

        Assert.That(judged, Is.GreaterThan(0));
        Assert.That(wrong, Is.Empty);
    }
}
