using System.Globalization;

using EnvPlatform.Scanner.Advisories;
using EnvPlatform.Scanner.Advisories.Nvd;
using EnvPlatform.Scanner.Advisories.Starter;
using EnvPlatform.Scanner.Mapping;
using EnvPlatform.Scanner.Matching;
using EnvPlatform.Scanner.Matching.Versions;
using EnvPlatform.Scanner.Severities;
using EnvPlatform.Testing;

namespace EnvPlatform.Scanner.Tests.Advisories;

/// <summary>Real records of NVD, and which conda packages they are about: read in each record by hand.</summary>
public sealed class NvdSamplesTests
{
    private static readonly Lazy<Advisory[]> Samples = new(static () =>
    {
        using var file = File.OpenRead(TestData.File("advisories", "nvd-cve-samples.jsonl"));
        var records = NvdArchive.Read(file).Select(entry => entry.Record).ToArray();
        Assert.That(records.OfType<NvdRecord.Broken>(), Is.Empty);
        return [.. records.OfType<NvdRecord.Valid>().Select(valid => valid.Advisory)];
    });

    private static readonly Lazy<AdvisoryIndex> Index = new(static () => IndexOf(Samples.Value));

    // OpenSSL: letters, and three lines of releases with a start each.
    [TestCase("openssl", "0.9.8y", "CVE-2014-0224", true)]
    [TestCase("openssl", "0.9.8za", "CVE-2014-0224", false)]
    [TestCase("openssl", "1.0.0", "CVE-2014-0224", true)]
    [TestCase("openssl", "1.0.0l", "CVE-2014-0224", true)]
    [TestCase("openssl", "1.0.0m", "CVE-2014-0224", false)]
    [TestCase("openssl", "1.0.1g", "CVE-2014-0224", true)]
    [TestCase("openssl", "1.0.1h", "CVE-2014-0224", false)]
    [TestCase("openssl", "1.0.2", "CVE-2014-0224", false)]
    [TestCase("openssl", "1.1.0i", "CVE-2018-0735", true)]
    [TestCase("openssl", "1.1.0j", "CVE-2018-0735", false)]
    [TestCase("openssl", "1.1.1", "CVE-2018-0735", true)]
    [TestCase("openssl", "1.1.1a", "CVE-2018-0735", false)]
    [TestCase("openssl", "1.0.2zc", "CVE-2022-0778", true)]
    [TestCase("openssl", "1.0.2zd", "CVE-2022-0778", false)]
    [TestCase("openssl", "1.1.0l", "CVE-2022-0778", true)]
    [TestCase("openssl", "1.1.1n", "CVE-2022-0778", false)]
    [TestCase("openssl", "3.0.1", "CVE-2022-0778", true)]
    [TestCase("openssl", "3.0.2", "CVE-2022-0778", false)]
    [TestCase("openssl", "1.1.1s", "CVE-2023-0286", true)]
    [TestCase("openssl", "1.1.1t", "CVE-2023-0286", false)]
    [TestCase("openssl", "3.0.7", "CVE-2023-0286", true)]
    [TestCase("openssl", "3.0.8", "CVE-2023-0286", false)]
    [TestCase("openssl", "1.0.2zi", "CVE-2024-0727", true)]
    [TestCase("openssl", "3.1.4", "CVE-2024-0727", true)]
    [TestCase("openssl", "3.1.5", "CVE-2024-0727", false)]
    [TestCase("openssl", "3.2.0", "CVE-2024-0727", true)]
    [TestCase("openssl", "3.2.1", "CVE-2024-0727", false)]
    // The same records about programs built with OpenSSL.
    [TestCase("python", "2.7.7", "CVE-2014-0224", true)]
    [TestCase("python", "2.7.8", "CVE-2014-0224", false)]
    [TestCase("python", "3.4.1", "CVE-2014-0224", true)]
    [TestCase("python", "3.3.5", "CVE-2014-0224", false)]
    [TestCase("mariadb", "10.0.12", "CVE-2014-0224", true)]
    [TestCase("mariadb", "10.0.13", "CVE-2014-0224", false)]
    [TestCase("nodejs", "0.10.28", "CVE-2014-0224", true)]
    [TestCase("nodejs", "0.10.29", "CVE-2014-0224", false)]
    [TestCase("nodejs", "10.11.0", "CVE-2018-0735", true)]
    [TestCase("nodejs", "10.12.0", "CVE-2018-0735", false)]
    [TestCase("nodejs", "10.13.0", "CVE-2018-0735", true)]
    [TestCase("mysql-server", "5.6.42", "CVE-2018-0735", true)]
    [TestCase("mysql-libs", "5.6.43", "CVE-2018-0735", false)]
    [TestCase("mysql", "8.0.13", "CVE-2018-0735", true)]
    [TestCase("mysql", "8.0.14", "CVE-2018-0735", false)]
    // Ends that are included, starts that are not.
    [TestCase("nodejs", "12.12.0", "CVE-2022-0778", true)]
    [TestCase("nodejs", "12.22.10", "CVE-2022-0778", true)]
    [TestCase("nodejs", "12.22.11", "CVE-2022-0778", false)]
    [TestCase("nodejs", "16.0.0", "CVE-2022-0778", false)]
    [TestCase("nodejs", "16.0.1", "CVE-2022-0778", true)]
    [TestCase("nodejs", "17.0.0", "CVE-2022-0778", false)]
    [TestCase("nodejs", "17.7.1", "CVE-2022-0778", true)]
    [TestCase("nodejs", "17.7.2", "CVE-2022-0778", false)]
    [TestCase("mariadb", "10.7.1", "CVE-2022-0778", true)]
    [TestCase("mariadb", "10.7.2", "CVE-2022-0778", false)]
    [TestCase("perl", "5.8.3", "CVE-2004-0377", true)]
    [TestCase("perl", "5.8.4", "CVE-2004-0377", false)]
    [TestCase("go", "1.18.5", "CVE-2022-27664", true)]
    [TestCase("go", "1.18.6", "CVE-2022-27664", false)]
    [TestCase("go", "1.19.0", "CVE-2022-27664", true)]
    [TestCase("go", "1.19.1", "CVE-2022-27664", false)]
    // On Windows only, as the record says; conda has the package there, so it counts.
    [TestCase("go", "1.20.10", "CVE-2023-45283", true)]
    [TestCase("go", "1.20.11", "CVE-2023-45283", false)]
    [TestCase("go", "1.21.0", "CVE-2023-45283", true)]
    [TestCase("go", "1.21.4", "CVE-2023-45283", false)]
    // Only as distributions package it, and no version is named.
    [TestCase("redis", "5.0.3", "CVE-2022-0543", false)]
    [TestCase("redis-server", "6.0.16", "CVE-2022-0543", false)]
    [TestCase("libnghttp2", "1.60.0", "CVE-2024-28182", true)]
    [TestCase("libnghttp2", "1.61.0", "CVE-2024-28182", false)]
    [TestCase("libuv", "1.23.2", "CVE-2024-24806", false)]
    [TestCase("libuv", "1.24.0", "CVE-2024-24806", true)]
    [TestCase("libuv", "1.48.0", "CVE-2024-24806", false)]
    [TestCase("wget", "1.24.5", "CVE-2024-10524", true)]
    [TestCase("wget", "1.25.0", "CVE-2024-10524", false)]
    // Java 8 has different version numbers at NVD and on conda-forge.
    [TestCase("openjdk", "8.0.392", "CVE-2024-20919", true)]
    [TestCase("openjdk", "8.0.402", "CVE-2024-20919", false)]
    [TestCase("openjdk", "11.0.21", "CVE-2024-20919", true)]
    [TestCase("openjdk", "11.0.22", "CVE-2024-20919", false)]
    [TestCase("openjdk", "17.0.9", "CVE-2024-20919", true)]
    [TestCase("openjdk", "17.0.10", "CVE-2024-20919", false)]
    [TestCase("openjdk", "21.0.1", "CVE-2024-20919", true)]
    [TestCase("openjdk", "22.0.1", "CVE-2024-20919", false)]
    [TestCase("firefox", "115.29", "CVE-2025-13012", true)]
    [TestCase("firefox", "115.30", "CVE-2025-13012", false)]
    [TestCase("firefox", "140.4", "CVE-2025-13012", true)]
    [TestCase("firefox", "145.0", "CVE-2025-13012", false)]
    [TestCase("zlib", "1.2.11", "CVE-2014-0224", false)]
    public void A_package_is_affected(string name, string version, string cve, bool isAffected)
    {
        var match = Index.Value.Match(new InstalledPackage(PackageManager.Conda, name, version, "h1_0"));
        Assert.That(match.Hits.Select(hit => hit.Advisory.VulnerabilityId), isAffected ? Does.Contain(cve) : Does.Not.Contain(cve));
        if (isAffected)
        {
            Assert.That(match.Coverage, Is.EqualTo(Coverage.Checked));
        }
    }

    [TestCase("openssl", "3.0.7", "CVE-2023-0286", "3.0.8")]
    [TestCase("nodejs", "16.1.0", "CVE-2022-0778", null)]
    [TestCase("wget", "1.20", "CVE-2024-10524", "1.25.0")]
    public void An_excluded_end_is_the_fix_and_an_included_one_names_none(string name, string version, string cve, string? fixedIn) =>
        Assert.That(
            Index.Value.Match(new InstalledPackage(PackageManager.Conda, name, version, "h1_0"))
                .Hits.Single(hit => hit.Advisory.VulnerabilityId == cve).FixedIn,
            Is.EqualTo(fixedIn is null ? Array.Empty<string>() : [fixedIn]));

    [Test]
    public void Every_bound_is_a_version_in_the_order_of_its_project() => Assert.That(Index.Value.IgnoredRanges, Is.Zero);

    [Test]
    public void A_rejected_record_is_withdrawn_and_no_vulnerability()
    {
        var rejected = Samples.Value.Single(advisory => advisory.Id == "NVD-CVE-2020-15415");
        Assert.That(rejected.Withdrawn, Is.EqualTo(rejected.Modified));
        Assert.That(VulnerabilityGroups.Of(Samples.Value).Of(rejected.Id), Is.Null);
    }

    [TestCase("CVE-2014-0224", "7.4", "CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:H/I:H/A:N")]
    [TestCase("CVE-2016-10228", "5.9", "CVSS:3.0/AV:N/AC:H/PR:N/UI:N/S:U/C:N/I:N/A:H")]
    [TestCase("CVE-2010-1724", "4.3", "AV:N/AC:M/Au:N/C:N/I:P/A:N")]
    [TestCase("CVE-2025-24456", "8.8", "CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H")]
    public void The_score_is_the_primary_one_of_the_newest_generation(string cve, string score, string vector)
    {
        var shown = VulnerabilityGroups.Of(Samples.Value).Of("NVD-" + cve)!;
        Assert.That(
            (shown.Id, shown.Cvss!.Base.ToString(CultureInfo.InvariantCulture), shown.Cvss.Vector), Is.EqualTo((cve, score, vector)));
    }

    [Test]
    public void Scores_of_version_4_are_read()
    {
        var shown = VulnerabilityGroups.Of(Samples.Value).Of("NVD-CVE-2026-25076")!;
        Assert.That(shown.Cvss!.Version, Is.EqualTo(CvssVersion.V40));
    }

    [Test]
    public void A_record_without_a_score_is_of_unknown_severity() =>
        Assert.That(VulnerabilityGroups.Of(Samples.Value).Of("NVD-CVE-2004-0377")!.Severity, Is.EqualTo(Severity.Unknown));

    [Test]
    public void Records_join_what_other_sources_say_of_the_CVE()
    {
        var all = VulnerabilityGroups.Of(Samples.Value.Concat(StarterSet.Read()));
        var shown = all.Of("NVD-CVE-2022-0778")!;
        Assert.That(shown.Advisories, Is.EqualTo(new[] { "ENVP-2022-0778", "NVD-CVE-2022-0778" }));
        Assert.That((shown.Id, all.Of("ENVP-2022-0778")), Is.EqualTo(("CVE-2022-0778", shown)));
    }

    [Test]
    public void The_starter_set_says_of_native_packages_what_NVD_says()
    {
        var starter = StarterSet.Read();
        var overlap = starter.Where(
            advisory => Samples.Value.Any(sample => sample.Aliases[0] == advisory.Aliases[0] && sample.Affected.Length > 0)).ToArray();
        Assert.That(overlap, Has.Length.GreaterThanOrEqualTo(5));
        var (ours, theirs) = (IndexOf(overlap), Index.Value);
        var differences = new List<string>();
        foreach (var advisory in overlap)
        {
            var sample = Samples.Value.Single(one => one.Aliases[0] == advisory.Aliases[0]);
            foreach (var project in advisory.Affected.Where(affected => affected.Ecosystem == Ecosystems.Conda)
                .Select(affected => affected.Name).Distinct(StringComparer.Ordinal))
            {
                if (!sample.Affected.Any(affected => affected.Name == project))
                {
                    continue;
                }

                foreach (var version in VersionsAround(project, advisory, sample))
                {
                    var package = new InstalledPackage(PackageManager.Conda, project, version, "h1_0");
                    if (IsHit(ours, package, advisory.Aliases[0]) != IsHit(theirs, package, advisory.Aliases[0]))
                    {
                        differences.Add($"{advisory.Aliases[0]} {project} {version}");
                    }
                }
            }
        }

        Assert.That(differences, Is.Empty);
    }

    // Every boundary that either names, and a release of each line that is after all of them.
    private static IEnumerable<string> VersionsAround(string project, params Advisory[] advisories)
    {
        var scheme = ConventionMapping.BuiltIn.SchemeOf(Ecosystems.Conda, project);
        return advisories.SelectMany(advisory => advisory.Affected).Where(affected => affected.Name == project)
            .SelectMany(affected => affected.Ranges.SelectMany(range => range.Events.Select(one => one.Version)).Concat(affected.Versions))
            .Where(version => version != "0" && VersionOrder.IsValid(scheme, version)).Distinct(StringComparer.Ordinal);
    }

    private static bool IsHit(AdvisoryIndex index, InstalledPackage package, string cve) =>
        index.Match(package).Hits.Any(hit => hit.Advisory.VulnerabilityId == cve);

    private static AdvisoryIndex IndexOf(Advisory[] advisories) =>
        AdvisoryIndex.Build(advisories, VulnerabilityGroups.Of(advisories), ConventionMapping.BuiltIn, []);
}
