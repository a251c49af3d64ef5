using System.Runtime.InteropServices;

using EnvPlatform.Agent.Collectors;

namespace EnvPlatform.Agent.Tests.Collectors;

public sealed class CondaPlatformTests
{
    [TestCase("linux", Architecture.X64, "linux-64")]
    [TestCase("linux", Architecture.Arm64, "linux-aarch64")]
    [TestCase("linux", Architecture.Ppc64le, "linux-ppc64le")]
    [TestCase("linux", Architecture.S390x, "linux-s390x")]
    [TestCase("linux", Architecture.Arm, "linux-armv7l")]
    [TestCase("osx", Architecture.X64, "osx-64")]
    [TestCase("osx", Architecture.Arm64, "osx-arm64")]
    [TestCase("win", Architecture.X64, "win-64")]
    [TestCase("win", Architecture.X86, "win-32")]
    [TestCase("win", Architecture.Arm64, "win-arm64")]
    public void A_machine_has_the_name_that_conda_gives_it(string system, Architecture architecture, string expected) =>
        Assert.That(CondaPlatform.Of(system, architecture), Is.EqualTo(expected));

    [TestCase("conda-linux-64.lock", "linux-64")]
    [TestCase("py-3.10-linux-aarch64-dev.conda.lock.yml", "linux-aarch64")]
    [TestCase("qiime2-2018.8-py35-osx-conda.yml", "osx-64")]
    [TestCase("conda-osx-arm64.txt", "osx-arm64")]
    [TestCase("windows.yml", null)]
    [TestCase("darwin.yml", null)]
    [TestCase("environment.yml", null)]
    public void A_file_name_says_the_platform_only_as_a_word_of_its_own(string file, string? expected) =>
        Assert.That(CondaPlatform.OfFileName(file), Is.EqualTo(expected));
}
