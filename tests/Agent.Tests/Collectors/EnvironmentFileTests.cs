using EnvPlatform.Agent.Collectors;
using EnvPlatform.Agent.Collectors.Files;

namespace EnvPlatform.Agent.Tests.Collectors;

public sealed class EnvironmentFileTests
{
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void CreateFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    [Test]
    public void An_explicit_list_gives_packages_checksums_and_the_platform_of_its_header()
    {
        var sha256 = new string('b', 64);
        var read = Read("science.txt", $"""
            # platform: osx-arm64
            @EXPLICIT
            https://conda.anaconda.org/conda-forge/osx-arm64/numpy-1.21.2-py39_0.tar.bz2#0123456789abcdef0123456789abcdef
            https://ada:pw@repo.example.org/main/noarch/six-1.16.0-pyh_0.conda#sha256:{sha256}
            # pip requests @ https://files.pythonhosted.org/packages/x/requests-2.25.1-py2.py3-none-any.whl --hash=sha256:{sha256}
            https://ada:pw@repo.example.org/odd/file.exe
            """).Single();
        Assert.Multiple(() =>
        {
            Assert.That(read.Packages, Is.EqualTo(new[]
            {
                new Package("conda", "numpy", "1.21.2", "py39_0", "osx-arm64", "conda-forge"),
                new Package("pypi", "requests", "2.25.1", Sha256: sha256),
                new Package("conda", "six", "1.16.0", "pyh_0", "noarch", "https://repo.example.org/main", sha256),
            }));
            Assert.That(read.NotExact, Is.EqualTo(new[] { new NotExact("conda", "https://***@repo.example.org/odd/file.exe") }));
            Assert.That((read.Platform, read.Name, read.Prefix), Is.EqualTo(("osx-arm64", "science", _folder.Combine("science.txt"))));
        });
    }

    [TestCase("numpy=1.21.2=py39_0", "numpy", "1.21.2", "py39_0", null)]
    [TestCase("numpy==1.21.2", "numpy", "1.21.2", null, null)]
    [TestCase("numpy=1.21.2", "numpy", "1.21.2", null, null)]
    [TestCase("numpy 1.21.2 py39_0", "numpy", "1.21.2", "py39_0", null)]
    [TestCase("conda-forge::numpy=1.21.2=py39_0", "numpy", "1.21.2", "py39_0", "conda-forge")]
    [TestCase("https://conda.anaconda.org/t/SECRET/team::tool=1.0=0", "tool", "1.0", "0", "team")]
    [TestCase("x264=1!164.3095=h166bdaf_2  # pinned", "x264", "1!164.3095", "h166bdaf_2", null)]
    public void A_pin_of_conda_is_read(string spec, string name, string version, string? build, string? channel)
    {
        var read = Read("environment.yml", $"name: x\ndependencies:\n  - \"{spec}\"\n").Single();
        Assert.That(read.Packages.Single(), Is.EqualTo(new Package("conda", name, version, build, null, channel)));
    }

    [TestCase("numpy")]
    [TestCase("numpy>=1.21")]
    [TestCase("numpy=1.21.*")]
    [TestCase("numpy>=1.21,<2")]
    [TestCase("numpy=1.21|1.22")]
    [TestCase("numpy[version='>=1.21']")]
    [TestCase("numpy=1.21.2=py39*")]
    public void What_is_not_exact_for_conda_is_reported(string spec)
    {
        var read = Read("environment.yml", $"dependencies:\n  - \"{spec}\"\n").Single();
        Assert.Multiple(() =>
        {
            Assert.That(read.Packages, Is.Empty);
            Assert.That(read.NotExact, Is.EqualTo(new[] { new NotExact("conda", spec) }));
        });
    }

    [TestCase("requests==2.25.1", "requests", "2.25.1")]
    [TestCase("Flask_Login===0.6.0", "flask-login", "0.6.0")]
    [TestCase("uvicorn[standard]==0.20.0 ; python_version >= '3.8'", "uvicorn", "0.20.0")]
    [TestCase("torch==1.10.0+cu113", "torch", "1.10.0+cu113")]
    [TestCase("tool @ https://example.org/tool-1.2.tar.gz", "tool", "1.2")]
    [TestCase("zope.interface @ https://example.org/zope_interface-5.4-cp39-cp39-linux_x86_64.whl", "zope-interface", "5.4")]
    public void A_pin_of_pip_is_read(string line, string name, string version)
    {
        var read = Read("environment.yml", $"dependencies:\n  - pip:\n    - \"{line}\"\n").Single();
        Assert.That(read.Packages.Single(), Is.EqualTo(new Package("pypi", name, version)));
    }

    [TestCase("requests", "requests")]
    [TestCase("requests>=2", "requests>=2")]
    [TestCase("requests==2.*", "requests==2.*")]
    [TestCase("requests==2.25.1,!=2.25.2", "requests==2.25.1,!=2.25.2")]
    [TestCase("git+https://token@github.com/a/b", "git+https://***@github.com/a/b")]
    [TestCase("simpeg @ https://github.com/x/simpeg/archive/refs/heads/GEOPY-433.zip",
        "simpeg @ https://github.com/x/simpeg/archive/refs/heads/GEOPY-433.zip")]
    [TestCase("-e ./mine", "-e ./mine")]
    [TestCase("-r more.txt", "-r more.txt")]
    public void What_is_not_exact_for_pip_is_reported_with_secrets_masked(string line, string reported)
    {
        var read = Read("environment.yml", $"dependencies:\n  - pip:\n    - \"{line}\"\n    - --index-url https://u:p@h/simple\n").Single();
        Assert.Multiple(() =>
        {
            Assert.That(read.Packages, Is.Empty);
            Assert.That(read.NotExact, Is.EqualTo(new[] { new NotExact("pypi", reported) }));
        });
    }

    [Test]
    public void A_lock_file_is_one_environment_for_each_platform_and_one_can_be_chosen()
    {
        const string Lock = """
            version: 1
            package:
            - {name: zlib, version: '1.3', manager: conda, platform: linux-64, url: 'https://conda.anaconda.org/conda-forge/linux-64/zlib-1.3-h1_0.conda', hash: {md5: x}}
            - {name: zlib, version: '1.3', manager: conda, platform: osx-64, url: 'https://conda.anaconda.org/conda-forge/osx-64/zlib-1.3-h2_0.conda'}
            - {name: Requests, version: 2.25.1, manager: pip, platform: osx-64, url: 'https://example.org/requests-2.25.1.tar.gz'}
            """;
        var all = Read("conda-lock.yml", Lock);
        Assert.Multiple(() =>
        {
            Assert.That(all.Select(environment => (environment.Name, environment.Prefix, environment.Platform)), Is.EqualTo(new[]
            {
                ("conda-lock-linux-64", _folder.Combine("conda-lock.yml#linux-64"), "linux-64"),
                ("conda-lock-osx-64", _folder.Combine("conda-lock.yml#osx-64"), "osx-64"),
            }));
            Assert.That(all[1].Packages, Is.EqualTo(new[]
            {
                new Package("pypi", "requests", "2.25.1"),
                new Package("conda", "zlib", "1.3", "h2_0", "osx-64", "conda-forge"),
            }));
            Assert.That(EnvironmentFile.Read(_folder.Combine("conda-lock.yml"), "osx-64").Single().Prefix, Is.EqualTo(all[1].Prefix));
            Assert.That(() => EnvironmentFile.Read(_folder.Combine("conda-lock.yml"), "win-64"),
                Throws.TypeOf<AgentException>().With.Message.Contains("linux-64, osx-64"));
        });
    }

    [Test]
    public void What_conda_list_prints_as_json_is_read()
    {
        var read = Read("conda-list.json", """
            [{"base_url": "https://repo.anaconda.com/pkgs/main", "build_number": 0, "build_string": "py39h_0", "channel": "pkgs/main", "dist_name": "numpy-1.21.2-py39h_0",
              "name": "numpy", "platform": "linux-64", "version": "1.21.2"},
             {"base_url": "https://u:p@mirror.example.org/main", "build_string": "0", "channel": "main", "name": "tool", "platform": "noarch", "version": "1.0"},
             {"base_url": "https://conda.anaconda.org/pypi", "build_string": "pypi_0", "channel": "pypi", "name": "Flask_Login", "platform": "pypi", "version": "0.6.0"}]
            """).Single();
        Assert.Multiple(() =>
        {
            Assert.That(read.Packages, Is.EqualTo(new[]
            {
                new Package("pypi", "flask-login", "0.6.0"),
                new Package("conda", "numpy", "1.21.2", "py39h_0", "linux-64", "pkgs/main"),
                new Package("conda", "tool", "1.0", "0", "noarch", "https://mirror.example.org/main"),
            }));
            Assert.That(read.Platform, Is.EqualTo("linux-64"));
        });
    }

    [TestCase("x.txt", "numpy==1.21.2\n", "requirements of pip")]
    [TestCase("x.yml", "a: [", "not valid YAML")]
    [TestCase("x.json", "[{]", "not valid JSON")]
    [TestCase("x.yml", "version: 2\npackage: []\n", "format 2")]
    [TestCase("x.yml", "", "none of the files")]
    public void A_file_that_cannot_be_read_is_refused_with_the_reason(string name, string content, string reason) =>
        Assert.That(() => Read(name, content), Throws.TypeOf<AgentException>().With.Message.Contains(reason));

    private IReadOnlyList<CollectedEnvironment> Read(string name, string content) =>
        EnvironmentFile.Read(_folder.Write(name, content), null);
}
