using EnvPlatform.Agent.Collectors;

namespace EnvPlatform.Agent.Tests.Collectors;

public sealed class CondaChannelTests
{
    [TestCase("https://conda.anaconda.org/conda-forge/linux-64", "conda-forge")]
    [TestCase("https://conda.anaconda.org/conda-forge/", "conda-forge")]
    [TestCase("https://conda.anaconda.org/conda-forge/label/gcc7/noarch", "conda-forge/label/gcc7")]
    [TestCase("https://conda.anaconda.org/t/ab-1234-cd/team/osx-arm64", "team")]
    [TestCase("https://conda.anaconda.org/anaconda/linux-64", "anaconda")]
    [TestCase("https://repo.anaconda.com/pkgs/main/linux-64", "pkgs/main")]
    [TestCase("https://repo.continuum.io/pkgs/free/linux-64", "pkgs/free")]
    [TestCase("https://repo.anaconda.com/pkgs/r", "pkgs/r")]
    [TestCase("https://repo.example.org/mirror/conda-forge/linux-64", "https://repo.example.org/mirror/conda-forge")]
    [TestCase("https://ada:secret@repo.example.org:8443/main/noarch", "https://repo.example.org:8443/main")]
    [TestCase("https://ada:se@cret@repo.example.org/main", "https://repo.example.org/main")]
    [TestCase("https://repo.example.org/t/TOKEN/main/win-64", "https://repo.example.org/main")]
    [TestCase("https://repo.example.org/get/t/TOKEN/main/win-64?x=1#y", "https://repo.example.org/get/main")]
    [TestCase("HTTPS://Repo.Example.ORG/Main", "https://repo.example.org/Main")]
    [TestCase("file:///srv/channel/linux-64", "file:///srv/channel")]
    [TestCase("conda-forge", "conda-forge")]
    [TestCase("conda-forge/linux-64", "conda-forge")]
    [TestCase("defaults", "pkgs/main")]
    [TestCase("pkgs/main", "pkgs/main")]
    [TestCase("t/TOKEN/team", "team")]
    [TestCase("/srv/channel/linux-64", "/srv/channel")]
    [TestCase("<unknown>", null)]
    [TestCase("", null)]
    [TestCase(null, null)]
    public void The_canonical_name_has_no_host_of_renown_no_secret_and_no_platform(string? channel, string? expected) =>
        Assert.That(CondaChannel.CanonicalName(channel), Is.EqualTo(expected));

    [TestCase("https://conda.anaconda.org/conda-forge/linux-64/numpy-1.21.2-py39_0.conda", "linux-64")]
    [TestCase("https://conda.anaconda.org/conda-forge/noarch", "noarch")]
    [TestCase("https://conda.anaconda.org/conda-forge", null)]
    [TestCase(null, null)]
    public void The_subdir_is_the_platform_folder_of_the_address(string? url, string? expected) =>
        Assert.That(CondaChannel.SubdirOf(url), Is.EqualTo(expected));
}
