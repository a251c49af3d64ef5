using EnvPlatform.Scanner.Repodata;

namespace EnvPlatform.Scanner.Tests.Repodata;

/// <summary>What channels write of what packages need, and which packages fit.</summary>
public sealed class MatchSpecTests
{
    [TestCase("numpy", "1.26.4", "py39_0", true)]
    [TestCase("numpy *", "1.26.4", "py39_0", true)]
    [TestCase("numpy >=1.19.5,<2.0a0", "1.26.4", "py39_0", true)]
    [TestCase("numpy >=1.19.5,<2.0a0", "2.0.0", "py39_0", false)]
    [TestCase("numpy >=1.19.5,<2.0a0", "2.0a0", "py39_0", false)]
    [TestCase("numpy >= 1.19.5, < 2.0a0", "1.26.4", "py39_0", true)]
    [TestCase("numpy>=1.19.5,<2.0a0", "1.18", "py39_0", false)]
    [TestCase("numpy 1.26.4", "1.26.4", "py39_0", true)]
    [TestCase("numpy 1.26", "1.26.4", "py39_0", false)]
    [TestCase("numpy 1.26.0", "1.26", "py39_0", true)]
    [TestCase("numpy =1.26", "1.26.4", "py39_0", true)]
    [TestCase("numpy 1.26.*", "1.26", "py39_0", true)]
    [TestCase("numpy 1.26.*", "1.260", "py39_0", false)]
    [TestCase("numpy 1.2*", "1.26", "py39_0", false)]
    [TestCase("numpy 1.26.*", "1.26rc1", "py39_0", true)]
    [TestCase("numpy 1.*.4", "1.26.4", "py39_0", true)]
    [TestCase("numpy 1.*.4", "1.26.5", "py39_0", false)]
    [TestCase("numpy ==1.26.4", "1.26.4", "py39_0", true)]
    [TestCase("numpy !=1.26.4", "1.26.4", "py39_0", false)]
    [TestCase("numpy !=1.26.*", "1.26.4", "py39_0", false)]
    [TestCase("numpy !=1.26.*", "1.27", "py39_0", true)]
    [TestCase("numpy >=1.26.*", "1.26.1", "py39_0", true)]
    [TestCase("numpy ~=1.26.2", "1.26.4", "py39_0", true)]
    [TestCase("numpy ~=1.26.2", "1.27.0", "py39_0", false)]
    [TestCase("numpy 1.19.*|>=1.26", "1.19.5", "py39_0", true)]
    [TestCase("numpy 1.19.*|>=1.26", "1.20", "py39_0", false)]
    [TestCase("numpy 1.26.4 py39_0", "1.26.4", "py39_0", true)]
    [TestCase("numpy 1.26.4 py39_1", "1.26.4", "py39_0", false)]
    [TestCase("numpy * *py39*", "1.26.4", "h_py39_0", true)]
    [TestCase("python_abi 3.9.* *_cp39", "3.9", "4_cp39", true)]
    [TestCase("python_abi 3.9.* *_cp39", "3.9", "4_cp310", false)]
    [TestCase("numpy=1.26.4=py39_0", "1.26.4", "py39_0", true)]
    [TestCase("numpy=1.26.4=py39_0", "1.26.4", "py39_1", false)]
    [TestCase("conda-forge::numpy >=1.26", "1.26.4", "py39_0", true)]
    [TestCase("numpy[version='>=1.26,<2', build='py39*']", "1.26.4", "py39_0", true)]
    [TestCase("numpy[version='>=1.26,<2', build='py38*']", "1.26.4", "py39_0", false)]
    [TestCase("openssl >=1.1.1k,<1.1.2a", "1.1.1w", "h_0", true)]
    [TestCase("openssl >=1.1.1k,<1.1.2a", "3.0.15", "h_0", false)]
    [TestCase("openssl 1.1.1*", "1.1.1w", "h_0", true)]
    [TestCase("tzdata 2026a", "2026a", "h_0", true)]
    [TestCase("vc >=14.3,<15", "14.3", "h_0", true)]
    [TestCase("numpy >=1!1.0", "2.0", "h_0", false)]
    public void A_package_fits_as_it_does_for_conda(string spec, string version, string build, bool fits) =>
        Assert.That(MatchSpec.Parse(spec)?.Fits(version, build), Is.EqualTo(fits));

    [TestCase("numpy[build_number=3]")]
    [TestCase("numpy (>=1,<2)|3")]
    [TestCase("numpy ^1.*$")]
    [TestCase("numpy 1.2 ^py.*$")]
    [TestCase("numpy >=")]
    [TestCase("numpy ~=1.*")]
    [TestCase("numpy 1 2 3")]
    [TestCase("numpy; if python >=3")]
    [TestCase("")]
    [TestCase("*")]
    public void What_is_not_understood_is_no_specification(string spec) => Assert.That(MatchSpec.Parse(spec), Is.Null);

    [TestCase("Numpy >=1", "numpy")]
    [TestCase("__glibc >=2.17,<3.0.a0", "__glibc")]
    [TestCase("_libgcc_mutex 0.1 conda_forge", "_libgcc_mutex")]
    [TestCase("libstdcxx-ng>=12", "libstdcxx-ng")]
    public void The_name_is_read(string spec, string name) => Assert.That(MatchSpec.Parse(spec)?.Name, Is.EqualTo(name));
}
