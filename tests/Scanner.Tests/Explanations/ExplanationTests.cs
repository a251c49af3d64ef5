using EnvPlatform.Scanner.Explanations;
using EnvPlatform.Scanner.Mapping;
using EnvPlatform.Scanner.Matching;
using EnvPlatform.Scanner.Matching.Versions;
using EnvPlatform.Scanner.Tests.Matching;

namespace EnvPlatform.Scanner.Tests.Explanations;

/// <summary>Why a package was matched, in words.</summary>
public sealed class ExplanationTests
{
    [TestCase("GHSA-aaaa-bbbb-cccc", "GitHub Advisory Database", "https://osv.dev/vulnerability/GHSA-aaaa-bbbb-cccc")]
    [TestCase("PYSEC-2021-1", "Python Packaging Advisory Database", "https://osv.dev/vulnerability/PYSEC-2021-1")]
    [TestCase("PSF-2023-1", "Python Software Foundation", "https://osv.dev/vulnerability/PSF-2023-1")]
    [TestCase("CURL-CVE-2023-38545", "curl", "https://osv.dev/vulnerability/CURL-CVE-2023-38545")]
    [TestCase("NVD-CVE-2022-0778", "National Vulnerability Database", "https://nvd.nist.gov/vuln/detail/CVE-2022-0778")]
    [TestCase("ENVP-2026-1", "EnvPlatform starter set", null)]
    [TestCase("ACME-1", null, null, Description = "an organization's own record has no public page")]
    [TestCase("GHSA-a b/..", "GitHub Advisory Database", "https://osv.dev/vulnerability/GHSA-a%20b%2F..")]
    public void An_advisory_says_who_published_it_and_where(string id, string? name, string? url) =>
        Assert.That(AdvisorySource.Of(id), Is.EqualTo(new AdvisorySource(name, url)));

    [TestCase(PackageManager.Conda, "pytorch", "py39_0", "PyPI", "torch", "table", "pep440",
        "The conda package pytorch of channel conda-forge is taken for PyPI's torch by the table of names: ")]
    [TestCase(PackageManager.Conda, "numpy", "py39_0", "PyPI", "numpy", "python_build", "pep440", "its build string says")]
    [TestCase(PackageManager.Conda, "r-Foo", "r43_0", "CRAN", "foo", "r_name", "cran", "conda names the packages of CRAN so")]
    [TestCase(PackageManager.Conda, "openssl", "h1_0", "conda", "openssl", "table", "openssl", "by the table of names")]
    [TestCase(PackageManager.Conda, "numpy", null, "PyPI", "numpy", "name_only", "pep440", "by its name alone")]
    [TestCase(PackageManager.Conda, "some-base", "py39_0", "PyPI", "some-base", "part_name", "pep440", "also to parts of a project")]
    [TestCase(PackageManager.Conda, "libodd", "h1_0", "conda", "libodd", "none", "conda",
        "No rule says which project the conda package libodd of channel conda-forge holds")]
    [TestCase(PackageManager.PyPI, "Flask_Login", null, "PyPI", "flask-login", "pypi", "pep440",
        "The distribution Flask_Login was installed from PyPI")]
    public void A_package_says_what_it_was_taken_for(
        PackageManager manager, string name, string? build, string ecosystem, string project, string basis, string order, string why)
    {
        var view = MappingOf(new InstalledPackage(manager, name, "1", build, "conda-forge"))
            .View(manager == PackageManager.PyPI ? "pypi" : "conda", name, "conda-forge");
        Assert.Multiple(() =>
        {
            Assert.That((view.Ecosystem, view.Project, view.Basis, view.Order), Is.EqualTo((ecosystem, project, basis, order)));
            Assert.That(view.Why, Does.Contain(why).And.EndsWith("."));
        });
    }

    [Test]
    public void The_reason_of_the_table_is_its_own()
    {
        foreach (var entry in CondaNames.BuiltIn.Entries)
        {
            Assert.That(MappingOf(new InstalledPackage(PackageManager.Conda, entry.Conda, "1", "0", entry.Channels?[0])).Reason,
                Is.EqualTo(entry.Why), entry.Conda);
        }
    }

    [Test]
    public void Each_rule_has_a_code_and_a_sentence_of_its_own()
    {
        var codes = Enum.GetValues<MappingBasis>().Select(PackageMapping.CodeOf).ToArray();
        var sentences = codes.Select(code => new PackageMapping("PyPI", "x", code, "words", "pep440").Why("conda", "x", null)).ToArray();
        Assert.Multiple(() =>
        {
            Assert.That(codes, Is.Unique);
            Assert.That(sentences, Is.Unique);
            Assert.That(sentences, Has.None.EqualTo("The conda package x is taken for PyPI's x: words."), "a rule without a sentence");
        });
    }

    [Test]
    public void Each_reason_for_not_checking_has_a_sentence_of_its_own()
    {
        var mapping = new PackageMapping("CRAN", "x", "r_name", null, "cran");
        var sentences = Enum.GetValues<NotCheckedReason>().Select(NotCheckedReasons.CodeOf)
            .Select(code => (Code: code, Text: CoverageSentence.Of("not_checked", code, "conda", "r-x", "conda-forge", "1", mapping)))
            .ToArray();
        Assert.Multiple(() =>
        {
            Assert.That(sentences.Select(one => one.Text), Is.Unique.And.All.StartsWith("Not checked: "));
            foreach (var (code, text) in sentences.Where(one => one.Code is not null))
            {
                Assert.That(text, Is.Not.EqualTo($"Not checked: {code!.Replace('_', ' ')}."), "the code alone is no explanation");
            }
        });
    }

    [TestCase("checked", null, "1", "The conda package x is taken for PyPI's x: its build string says that it was built for Python, and "
        + "conda names such packages as PyPI does. Its version was compared in the order pep440.")]
    [TestCase("not_checked", "invalid_version", "", "Not checked: the log has no exact version.")]
    [TestCase("not_checked", "invalid_version", "1.1.1w",
        "Not checked: 1.1.1w is no version in the order pep440, in which PyPI's x is compared.")]
    [TestCase("not_checked", "not_mapped", "1", "Not checked: which project the package x holds is not known.")]
    [TestCase("not_applicable", null, "1", "There is nothing to check in x: a virtual package stands for what the machine has.")]
    public void Every_package_explains_how_it_was_checked(string coverage, string? reason, string version, string sentence) =>
        Assert.That(CoverageSentence.Of(coverage, reason, "conda", "x", null, version, new("PyPI", "x", "python_build", null, "pep440")),
            Is.EqualTo(sentence));

    [Test]
    public void Evidence_survives_being_stored()
    {
        Evidence[] evidence = [new("GHSA-1", 2, ">=1.0, <1.2.3 || =2\"'", false, ["1.2.3", "2.0"]), new("PYSEC-1", 0, "=1", true, [])];
        var read = Evidence.Read(Evidence.Write(evidence));
        Assert.That(read, Is.EqualTo(evidence).UsingPropertiesComparer());
    }

    [Test]
    public void Every_finding_of_real_environments_explains_itself()
    {
        var index = RealEnvironments.Index("pypa-osv.zip");
        var found = 0;
        foreach (var package in RealEnvironments.Read().SelectMany(environment => environment.Packages).Distinct())
        {
            var match = index.Match(package);
            foreach (var hit in match.Hits)
            {
                found++;
                var view = AdvisoryMatch.Of(Evidence.Of(hit));
                Assert.That(view.Url, Is.EqualTo("https://osv.dev/vulnerability/" + view.Advisory));
                Assert.That(view.Range, Is.Not.Empty);
                Assert.That(view.Listed, Is.EqualTo(hit.Range.StartsWith('=')), hit.Range);
                Assert.That(view.FixedIn.All(fix => VersionOrder.Compare(match.Mapped.Scheme, fix, package.Version) != -1),
                    $"{package} {hit.Advisory.Id}: {string.Join(' ', view.FixedIn)}");
            }
        }

        Assert.That(found, Is.GreaterThan(100));
    }

    private static PackageMapping MappingOf(InstalledPackage package)
    {
        var index = AdvisoryIndexTests.Index(AdvisoryIndexTests.Affected([], ["1"]));
        return PackageMapping.Of(package, index.Match(package).Mapped, index);
    }
}
