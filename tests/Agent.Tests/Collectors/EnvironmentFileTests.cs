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
    [TestCase("numpy=1.21=py39_0", "numpy", "1.21", "py39_0", null)]
    [TestCase("numpy=1.21=py39*", "numpy", "1.21", null, null)]
    [TestCase("conda-forge::numpy=1.2.3=py311*", "numpy", "1.2.3", null, "conda-forge")]
    [TestCase("conda-forge::numpy==1.2=*_mpi", "numpy", "1.2", null, "conda-forge")]
    [TestCase("numpy=1.2.3=^py3\\\\d+.*$", "numpy", "1.2.3", null, null)]
    [TestCase("numpy==3.11", "numpy", "3.11", null, null)]
    [TestCase("numpy 3.11", "numpy", "3.11", null, null)]
    [TestCase("tzdata=2023c", "tzdata", "2023c", null, null)]
    [TestCase("openssl=1.1.1k", "openssl", "1.1.1k", null, null)]
    [TestCase("openssl=3.0.7", "openssl", "3.0.7", null, null)]
    [TestCase("numpy[version='1.2.3',build=py39_0]", "numpy", "1.2.3", "py39_0", null)]
    [TestCase("numpy[version='==1.2', build='py39*', channel=conda-forge]", "numpy", "1.2", null, "conda-forge")]
    [TestCase("conda-forge::numpy==1.2.3[build='']", "numpy", "1.2.3", null, "conda-forge")]
    public void A_pin_of_conda_is_read(string spec, string name, string version, string? build, string? channel)
    {
        var read = Read("environment.yml", $"name: x\ndependencies:\n  - \"{spec}\"\n").Single();
        Assert.Multiple(() =>
        {
            Assert.That(read.Packages.SingleOrDefault(), Is.EqualTo(new Package("conda", name, version, build, null, channel)));
            Assert.That(read.NotExact, Is.Empty);
        });
    }

    [TestCase("conda-forge/linux-64::numpy==1.2.3=py39_0")]
    [TestCase("conda-forge::numpy=1.2.3=py39_0[subdir=linux-64]")]
    public void The_platform_of_a_pin_is_read(string spec) =>
        Assert.That(
            Read("environment.yml", $"dependencies:\n  - \"{spec}\"\n").Single().Packages.Single(),
            Is.EqualTo(new Package("conda", "numpy", "1.2.3", "py39_0", "linux-64", "conda-forge")));

    [TestCase("Flask_Login=0.6.0=pypi_0")]
    [TestCase("pypi::flask-login=0.6.0=0")]
    [TestCase("flask-login=0.6.0=<pip>")]
    public void What_conda_says_of_a_package_of_pip_is_a_package_of_pip(string spec) =>
        Assert.That(
            Read("environment.yml", $"dependencies:\n  - {spec}\n").Single().Packages.Single(),
            Is.EqualTo(new Package("pypi", "flask-login", "0.6.0")));

    [TestCase("python=3.11", "python", "3.11.*", null)]
    [TestCase("pillow=10", "pillow", "10.*", null)]
    [TestCase("conda-forge::python =3.11  # any", "python", "3.11.*", "conda-forge")]
    [TestCase("openssl=1.1.1", "openssl", "1.1.1.*", null)]
    [TestCase("numpy=1.21.*", "numpy", "1.21.*", null)]
    [TestCase("numpy 1.21.*", "numpy", "1.21.*", null)]
    [TestCase("numpy==1!1.21*", "numpy", "1!1.21.*", null)]
    public void A_part_of_a_version_stands_for_any_that_begins_so(string spec, string name, string range, string? channel)
    {
        var read = Read("environment.yml", $"dependencies:\n  - \"{spec}\"\nprefix: /envs/x\n").Single();
        Assert.Multiple(() =>
        {
            Assert.That(read.Packages, Is.Empty);
            Assert.That(read.NotExact, Is.EqualTo(new[]
            {
                new NotExact("conda", spec, "partial_version") { Range = new Package("conda", name, range, Channel: channel) },
            }));
        });
    }

    [Test]
    public void A_wildcard_of_pip_stands_for_any_version_that_begins_so() =>
        Assert.That(
            Read("environment.yml", "dependencies:\n  - pip: [\"Requests[socks] == 2.* ; os_name > '3'\"]\n").Single().NotExact
                .Select(open => (open.Reason, open.Range)),
            Is.EqualTo(new[] { ("partial_version", new Package("pypi", "requests", "2.*")) }));

    [Test]
    public void What_conda_env_export_writes_without_builds_is_exact()
    {
        const string lines = """
            dependencies:
              - _libgcc_mutex=0.1
              - blas=1.0
              - ca-certificates=2023.7.22
              - click=7.0
              - ld_impl_linux-64=2.38
              - numpy=1.21.2
              - openssl=1.1.1
              - pip=23.2.1
              - python=3.9.18
              - xz=5.2
              - zlib=1.2.13
            """;
        Assert.That(Read("a.yml", lines).Single().Packages, Has.Count.EqualTo(11));

        // With --from-history it writes what somebody typed, be it much.
        var typed = Read("b.yml", lines.Replace("python=3.9.18", "python=3.9", StringComparison.Ordinal) + "\nprefix: /envs/x\n").Single();
        Assert.That(typed.NotExact.Select(open => open.Reason), Is.EqualTo(Enumerable.Repeat("partial_version", 7)));
        Assert.That(typed.NotExact.Select(open => open.Spec), Does.Contain("python=3.9").And.Contain("click=7.0"));
    }

    [TestCase("numpy")]
    [TestCase("numpy>=1.21")]
    [TestCase("numpy=1.*.21")]
    [TestCase("numpy>=1.21,<2")]
    [TestCase("numpy=1.21|1.22")]
    [TestCase("numpy[version='>=1.21']")]
    [TestCase("{{ extra }}")]
    [TestCase("numpy[version='=1.21']")]
    [TestCase("numpy=1.21[version=1.21]")]
    [TestCase("numpy[nonsense")]
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

    [TestCase("https://u:p@example.org/requests-2.25.1-py2.py3-none-any.whl", "requests", "2.25.1")]
    [TestCase("./wheels/requests-2.25.1-py2.py3-none-any.whl ; python_version > '3'", "requests", "2.25.1")]
    [TestCase("requests==2.25.1 \\\\\\n  --hash=sha256:00", "requests", "2.25.1")]
    [TestCase("requests==2.25.1 \\\\ --hash=sha256:00", "requests", "2.25.1")]
    public void A_pin_of_pip_is_read_however_it_is_written(string line, string name, string version)
    {
        var read = Read("environment.yml", $"dependencies:\n  - pip:\n    - \"{line}\"\n").Single();
        Assert.Multiple(() =>
        {
            Assert.That(read.Packages.SingleOrDefault(), Is.EqualTo(new Package("pypi", name, version)));
            Assert.That(read.NotExact, Is.Empty);
        });
    }

    [TestCase("pip: jinja2==2.11.2", "jinja2", "")]
    [TestCase("pip: [jinja2==2.11.2, [urllib3==1.25.8, [six]]]", "jinja2 urllib3", "six")]
    [TestCase("pip: \"jinja2==2.11.2\\nurllib3\"", "jinja2", "urllib3")]
    [TestCase("pip: {jinja2: ==2.11.2}", "", "{jinja2: ==2.11.2}")]
    [TestCase("pip: [{jinja2: 1}, null, six==1.16.0]", "six", "{jinja2: 1}")]
    [TestCase("pip:", "", "")]
    [TestCase("pip: ~", "", "")]
    [TestCase("pip: [-r more.txt, --editable=., --unknown x, -c limits.txt, --pre]", "", "-r more.txt, --editable=., --unknown x")]
    public void A_pip_section_of_any_shape_is_read_or_reported(string section, string names, string open)
    {
        var read = Read("environment.yml", $"dependencies:\n  - {section}\n").Single();
        Assert.Multiple(() =>
        {
            Assert.That(string.Join(' ', read.Packages.Select(package => package.Name)), Is.EqualTo(names));
            Assert.That(string.Join(", ", read.NotExact.Select(one => one.Spec)), Is.EqualTo(open));
            Assert.That(read.NotExact.Select(one => one.Manager), Is.All.EqualTo("pypi"));
        });
    }

    [TestCase("dependencies:\n  - sel(linux): requests=2.25.1\n", "sel(linux): requests=2.25.1")]
    [TestCase("dependencies:\n  - {{ extra }}\n", "{{extra}}")]
    [TestCase("dependencies:\n  - npm:\n    - left-pad@1.0.0\n", "npm: [left-pad@1.0.0]")]
    [TestCase("dependencies:\n  - [requests=2.25.1]\n", "[requests=2.25.1]")]
    [TestCase("dependencies: {requests: 2.25.1}\n", "{requests: 2.25.1}")]
    [TestCase("dependencies: []\npip:\n  - requests==2.25.1\n", "pip: [requests==2.25.1]")]
    [TestCase("dependencies: []\npip: requests\n", "pip: requests")]
    [TestCase("dependencies: []\nextras: requests==2.25.1\nauthor: somebody\nversion: 1\n", "extras: requests==2.25.1")]
    [TestCase("dependencies: []\n---\ndependencies: [requests=2.25.1]\n", "{dependencies: [requests=2.25.1]}")]
    [TestCase("dependencies: []\nmore: &a [x, *a]\n", "more: [x, [x, [x, [x, [x, [..., ...]]]]]]")]
    public void What_is_no_dependency_in_YAML_but_may_stand_for_one_is_reported(string text, string reported)
    {
        var read = Read("environment.yml", text).Single();
        Assert.Multiple(() =>
        {
            Assert.That(read.Packages, Is.Empty);
            Assert.That(read.NotExact, Is.EqualTo(new[] { new NotExact("conda", reported, "not_understood") }));
        });
    }

    [Test]
    public void A_selector_does_not_hide_the_other_lines()
    {
        var read = Read("environment.yml", """
            dependencies:
              - python=3.9.7=hb7a2778_3_cpython
              - sel(win): pywin32=300
              - openssl=1.1.1k  # [linux]
              - pip: jinja2==2.11.2
            """).Single();
        Assert.Multiple(() =>
        {
            Assert.That(read.Packages.Select(package => package.Name), Is.EqualTo(new[] { "jinja2", "openssl", "python" }));
            Assert.That(read.NotExact.Select(one => one.Spec), Is.EqualTo(new[] { "sel(win): pywin32=300" }));
        });
    }

    [TestCase("name: null\nprefix: /srv/work/proj/env\n", "env", "/srv/work/proj/env")]
    [TestCase("name: ~\n", "environment", null)]
    [TestCase("name: 'null'\n", "null", null)]
    [TestCase("name: /srv/micromamba/envs/demo\n", "demo", "/srv/micromamba/envs/demo")]
    [TestCase("name: x\nprefix: C:\\envs\\x\\\n", "x", "C:\\envs\\x\\")]
    [TestCase("name: [x]\nprefix: /\n", "environment", "/")]
    public void A_name_that_is_none_is_not_taken_for_one(string lines, string name, string? location)
    {
        var read = Read("environment.yml", lines + "dependencies: [requests==2.25.1]\n").Single();
        Assert.That((read.Name, read.Location), Is.EqualTo((name, location)));
    }

    [Test]
    public void Every_line_of_an_explicit_list_that_may_stand_for_a_package_is_read_or_reported()
    {
        var read = Read("explicit.txt", """
            # This file may be used to create an environment.
            @EXPLICIT
            # pip packages
            # pip install them with care
            #  pip  urllib3[socks]==1.25.8
            # pip six>=1
            # pip idna
            C:\mirror\conda-forge\noarch\idna-2.8-py_0.tar.bz2
            @odd
            conda-forge::numpy=1.21.2
            https://conda.example.org/t/tk-SECRET/get/internal/linux-64/not_a_package
            """).Single();
        Assert.Multiple(() =>
        {
            Assert.That(read.Packages, Is.EqualTo(new[]
            {
                new Package("conda", "idna", "2.8", "py_0", "noarch", "C:/mirror/conda-forge"), new Package("pypi", "urllib3", "1.25.8"),
            }));
            Assert.That(read.NotExact.Select(one => one.Spec), Is.EqualTo(new[]
            {
                "six>=1", "idna", "@odd", "conda-forge::numpy=1.21.2",
                "https://conda.example.org/t/***/get/internal/linux-64/not_a_package",
            }));
        });
    }

    [Test]
    public void What_is_no_entry_of_a_lock_file_is_reported_for_each_platform()
    {
        var read = Read("conda-lock.yml", """
            version: 1
            package:
            - {name: zlib, version: '1.3', manager: conda, platform: linux-64, url: 'https://a.example/c/linux-64/zlib-1.3-0.conda'}
            - {name: zlib, version: '1.3', manager: conda, platform: osx-64, url: 'https://a.example/c/osx-64/zlib-1.3-0.conda'}
            - requests 2.25.1
            """);
        Assert.That(read.Select(one => one.NotExact.Single().Spec), Is.EqualTo(new[] { "requests 2.25.1", "requests 2.25.1" }));
        Assert.That(
            () => Read("empty.yml", "version: 1\npackage: [x]\n"), Throws.TypeOf<AgentException>().With.Message.Contains("no package"));
    }

    [TestCase("requests", "requests")]
    [TestCase("requests>=2", "requests>=2")]
    [TestCase("requests==2.*,!=2.25", "requests==2.*,!=2.25")]
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
