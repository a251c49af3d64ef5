using EnvPlatform.Scanner.Matching.Versions;

namespace EnvPlatform.Scanner.Tests.Matching.Versions;

/// <summary>The orders that no oracle labels, checked by hand; each list is in its scheme's order.</summary>
public sealed class VersionTests
{
    [TestCase(VersionScheme.OpenSsl, "0.9.8", "0.9.8a", "0.9.8z", "0.9.8za", "0.9.8zh", "1.0.1-beta3", "1.0.1", "1.0.1f", "1.0.1g",
        "1.0.2zd", "1.1.1-pre9", "1.1.1", "1.1.1a", "1.1.1w", "3.0.0-alpha17", "3.0.0-beta1", "3.0.0", "3.0.7", "3.0.10", "3.1.0")]
    [TestCase(VersionScheme.Cran, "0.9", "1.0", "1.0-1", "1.0_2", "1.0.3", "1.0.10", "1.1", "7.3-51.4", "7.3_51.5")]
    [TestCase(VersionScheme.SemVer, "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11",
        "1.0.0-rc.1", "1.0.0", "1.0.1", "1.10.0")]
    [TestCase(VersionScheme.Generic, "9dev", "9alpha1", "9beta", "9rc1", "9rc2", "9", "9a", "9e", "9p1", "9.1", "9.3", "9.3p1", "9.3p2",
        "9.10", "2023c", "2023d")]
    public void Versions_are_in_order(VersionScheme scheme, params string[] versions)
    {
        for (var i = 0; i < versions.Length; i++)
        {
            for (var j = 0; j < versions.Length; j++)
            {
                Assert.That(Math.Sign(VersionOrder.Compare(scheme, versions[i], versions[j]) ?? 99), Is.EqualTo(Math.Sign(i.CompareTo(j))),
                    $"{versions[i]} and {versions[j]}");
            }
        }
    }

    [TestCase(VersionScheme.Cran, "1.0-1", "1.0_1")]
    [TestCase(VersionScheme.Cran, "01.0", "1.00")]
    [TestCase(VersionScheme.SemVer, "1.0.0+a", "1.0.0+b")]
    [TestCase(VersionScheme.SemVer, "v1.0.0", "1.0.0")]
    [TestCase(VersionScheme.Generic, "1.0", "1")]
    [TestCase(VersionScheme.OpenSsl, "3.00.7", "3.0.7")]
    public void Versions_are_equal(VersionScheme scheme, string a, string b) => Assert.That(VersionOrder.Compare(scheme, a, b), Is.Zero);

    [TestCase(VersionScheme.OpenSsl, "1.1")]
    [TestCase(VersionScheme.OpenSsl, "1.1.1zzz")]
    [TestCase(VersionScheme.OpenSsl, "1.1.1ab")]
    [TestCase(VersionScheme.OpenSsl, "1.1.1-fips")]
    [TestCase(VersionScheme.OpenSsl, "1.1.99999")]
    [TestCase(VersionScheme.Cran, "1.0a")]
    [TestCase(VersionScheme.Cran, "1..0")]
    [TestCase(VersionScheme.Cran, "1.0.")]
    [TestCase(VersionScheme.SemVer, "1.0")]
    [TestCase(VersionScheme.SemVer, "1.0.0.0")]
    [TestCase(VersionScheme.SemVer, "01.0.0")]
    [TestCase(VersionScheme.SemVer, "1.0.0-")]
    [TestCase(VersionScheme.SemVer, "1.0.0-01")]
    [TestCase(VersionScheme.SemVer, "1.0.0-a..b")]
    [TestCase(VersionScheme.Generic, "trunk")]
    [TestCase(VersionScheme.Generic, "1.0 beta")]
    public void A_text_is_no_version(VersionScheme scheme, string text)
    {
        Assert.That(VersionOrder.IsValid(scheme, text), Is.False);
        Assert.That(VersionOrder.Compare(scheme, text, text), Is.Null);
    }

    [Test]
    public void Every_scheme_has_a_name() => Assert.That(Enum.GetValues<VersionScheme>().Select(VersionOrder.NameOf), Is.Unique);
}
