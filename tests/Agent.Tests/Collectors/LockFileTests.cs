using EnvPlatform.Agent.Collectors;
using EnvPlatform.Agent.Collectors.Files;

namespace EnvPlatform.Agent.Tests.Collectors;

public sealed class LockFileTests
{
    private static readonly string Sha256 = new('a', 64);

    private static readonly string Pixi4 = $"""
        version: 4
        environments:
          default:
            channels:
            - url: https://conda.anaconda.org/conda-forge/
            packages:
              linux-64:
              - conda: https://conda.anaconda.org/conda-forge/linux-64/openssl-3.0.0-h7f98852_2.tar.bz2
              - pypi: https://files.example.org/packages/x/Pillow-9.0.1-cp39-cp39-manylinux_2_17_x86_64.whl
        packages:
        - kind: conda
          name: openssl
          version: 3.0.0
          build: h7f98852_2
          build_number: 2
          subdir: linux-64
          url: https://conda.anaconda.org/conda-forge/linux-64/openssl-3.0.0-h7f98852_2.tar.bz2
          sha256: {Sha256}
          license: Apache-2.0
        - kind: pypi
          name: pillow
          version: 9.0.1
          url: https://files.example.org/packages/x/Pillow-9.0.1-cp39-cp39-manylinux_2_17_x86_64.whl
          sha256: {Sha256}

        """;

    private static readonly string Pixi6 = $"""
        version: 6
        environments:
          default:
            channels:
            - url: https://conda.anaconda.org/conda-forge/
            indexes:
            - https://pypi.example.org/simple
            packages:
              linux-64:
              - conda: https://conda.anaconda.org/conda-forge/linux-64/openssl-3.0.0-h7f98852_2.tar.bz2
              - pypi: https://files.example.org/packages/x/Pillow-9.0.1-cp39-cp39-manylinux_2_17_x86_64.whl
        packages:
        - conda: https://conda.anaconda.org/conda-forge/linux-64/openssl-3.0.0-h7f98852_2.tar.bz2
          sha256: {Sha256}
          license: Apache-2.0
        - pypi: https://files.example.org/packages/x/Pillow-9.0.1-cp39-cp39-manylinux_2_17_x86_64.whl
          name: pillow
          version: 9.0.1
          sha256: {Sha256}

        """;

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void CreateFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    [TestCase(4)]
    [TestCase(5)]
    [TestCase(6)]
    [TestCase(7)]
    public void A_pixi_lock_gives_the_packages_of_an_environment(int version)
    {
        var text = version < 6
            ? Pixi4.Replace("version: 4", $"version: {version}", StringComparison.Ordinal)
            : Pixi6.Replace(
                "version: 6", version == 6 ? "version: 6" : "version: 7\nplatforms:\n- name: linux-64", StringComparison.Ordinal);
        var read = Read("project/pixi.lock", text).Single();
        Assert.Multiple(() =>
        {
            Assert.That(read.Packages, Is.EqualTo(new[]
            {
                new Package("conda", "openssl", "3.0.0", "h7f98852_2", "linux-64", "conda-forge", Sha256, "Apache-2.0"),
                new Package("pypi", "pillow", "9.0.1", Sha256: Sha256),
            }));
            Assert.That(read.NotExact, Is.Empty);
            Assert.That((read.Name, read.Platform), Is.EqualTo(("project-default-linux-64", "linux-64")));
            Assert.That(read.Prefix, Is.EqualTo(_folder.Combine("project/pixi.lock") + "#default/linux-64"));
        });
    }

    private const string Several = """
        version: 7
        platforms:
        - name: gpu
          subdir: linux-64
          virtual-packages: [__cuda=12.0]
        - name: osx-arm64
        environments:
          default:
            channels: []
            packages:
              osx-arm64:
              - conda: https://conda.anaconda.org/conda-forge/osx-arm64/zlib-1.2.11-h0_0.conda
              gpu:
              - conda: https://conda.anaconda.org/conda-forge/linux-64/zlib-1.2.13-h0_0.conda
              - conda_source: tool[8a76ea86] @ ../tool
              - conda_source: partial[8a76ea87] @ ../partial
          test:
            channels: []
            packages:
              osx-arm64:
              - pypi: ./local
              - pypi: ./
              - conda_source: demo[8a76ea88] @ .
              - pypi: https://files.example.org/flask-2.0-py3-none-any.whl
              - neither: ../x
              - text
          empty:
            channels: []
            packages: {}
        packages:
        - conda: https://conda.anaconda.org/conda-forge/osx-arm64/zlib-1.2.11-h0_0.conda
        - conda_source: tool[8a76ea86] @ ../tool
          version: 1.2.0
          build: py_0
          subdir: noarch
        - conda_source: partial[8a76ea87] @ ../partial
        - pypi: ./local
          name: local
        - pypi: ./
          name: mine

        """;

    [TestCase(null, null, "default/gpu,default/osx-arm64,test/osx-arm64")]
    [TestCase("default", null, "default/gpu,default/osx-arm64")]
    [TestCase(null, "linux-64", "default/gpu")]
    [TestCase("test", "osx-arm64", "test/osx-arm64")]
    public void Environments_and_platforms_are_chosen(string? environment, string? platform, string parts)
    {
        var read = Read("pixi.lock", Several, platform, environment);
        Assert.That(string.Join(',', read.Select(one => one.Prefix.Split('#')[1])), Is.EqualTo(parts));
    }

    [TestCase("docs", null, "There is no environment docs in it; it has default, empty, test.")]
    [TestCase(null, "win-64", "There is no platform win-64 in it; it has linux-64, osx-arm64.")]
    [TestCase("test", "win-64", "There is no platform win-64 in its environment test; it has osx-arm64.")]
    [TestCase("empty", null, "It holds no packages.")]
    public void What_is_not_there_is_answered_with_what_is(string? environment, string? platform, string sentence) =>
        Assert.That(
            () => Read("pixi.lock", Several, platform, environment),
            Throws.InstanceOf<AgentException>().With.Message.EqualTo($"{_folder.Combine("pixi.lock")}: {sentence}"));

    [Test]
    public void What_a_pixi_lock_leaves_open_is_reported()
    {
        var read = Read("pixi.lock", Several);
        var test = read.Single(one => one.Prefix.EndsWith("#test/osx-arm64", StringComparison.Ordinal));
        var gpu = read.Single(one => one.Prefix.EndsWith("#default/gpu", StringComparison.Ordinal));
        Assert.Multiple(() =>
        {
            Assert.That(gpu.Platform, Is.EqualTo("linux-64"));
            Assert.That(gpu.Packages, Is.EqualTo(new[]
            {
                new Package("conda", "tool", "1.2.0", "py_0", "noarch"),
                new Package("conda", "zlib", "1.2.13", "h0_0", "linux-64", "conda-forge"),
            }), "also what is referred to and not listed");
            Assert.That(gpu.NotExact, Is.EqualTo(new[] { new NotExact("conda", "partial[8a76ea87] @ ../partial") }));
            Assert.That(test.Packages, Is.EqualTo(new[] { new Package("pypi", "flask", "2.0") }));
            Assert.That(
                test.Warnings,
                Is.EqualTo(new[] { "mine is the project itself and is left out.", "demo is the project itself and is left out." }));
            Assert.That(test.NotExact.Select(open => (open.Manager, open.Reason)), Is.EqualTo(new[]
            {
                ("pypi", NotExact.NoExactVersion), ("conda", NotExact.NotUnderstood), ("conda", NotExact.NotUnderstood),
            }));
        });
    }

    [Test]
    public void Packages_with_one_address_are_told_apart_as_the_reference_says()
    {
        var read = Read("pixi.lock", """
            version: 6
            environments:
              default:
                channels: []
                packages:
                  linux-64:
                  - {conda: ../project, subdir: linux-64}
                  win-64:
                  - {conda: ../project, build: second}
            packages:
            - {conda: ../project, name: project, version: '0.1', subdir: win-64, build: first}
            - {conda: ../project, name: project, version: '0.2', subdir: win-64, build: second}
            - {conda: ../project, name: project, version: '0.3', subdir: linux-64, build: first}

            """);
        Assert.That(read.Select(one => one.Packages.Single().Version), Is.EqualTo(new[] { "0.3", "0.2" }));
    }

    [TestCase("version: 8\nenvironments: {}\npackages: []\n", "version 8; the agent reads the versions 4 to 7")]
    [TestCase("version: 3\nmetadata: {}\npackage: []\n", "'pixi lock' of a current one writes it anew")]
    [TestCase("version: 6\nenvironments: {}\npackages: []\n", "It holds no packages")]
    public void Another_version_is_refused(string text, string said) =>
        Assert.That(() => Read("pixi.lock", text), Throws.InstanceOf<AgentException>().With.Message.Contains(said));

    [Test]
    public void What_conda_list_exports_is_read()
    {
        var read = Read("list.txt", """
            # This file may be used to create an environment using:
            # $ conda create --name <env> --file <this file>
            # platform: osx-arm64
            # created-by: conda 25.1.1
            _libgcc_mutex=0.1=main
            x264=1!164.3095=h166bdaf_2
            Flask_Login=0.6.0=pypi_0
            six=1.16.0=<pip>
            numpy>=1.20
            """).Single();
        Assert.Multiple(() =>
        {
            Assert.That(read.Packages, Is.EqualTo(new[]
            {
                new Package("conda", "_libgcc_mutex", "0.1", "main"), new Package("pypi", "flask-login", "0.6.0"),
                new Package("pypi", "six", "1.16.0"), new Package("conda", "x264", "1!164.3095", "h166bdaf_2"),
            }));
            Assert.That(read.NotExact, Is.EqualTo(new[] { new NotExact("conda", "numpy>=1.20") }));
            Assert.That((read.Name, read.Platform), Is.EqualTo(("list", "osx-arm64")));
        });
    }

    [Test]
    public void An_export_is_known_by_its_lines_too() =>
        Assert.That(Read("list.txt", "numpy=1.26.4=py311_0\n").Single().Packages,
            Is.EqualTo(new[] { new Package("conda", "numpy", "1.26.4", "py311_0") }));

    [Test]
    public void A_uv_lock_gives_the_distributions()
    {
        var read = Read("project/uv.lock", $$"""
            version = 1
            revision = 3
            requires-python = ">=3.12"

            [[package]]
            name = "demo"
            version = "0.1.0"
            source = { virtual = "." }
            dependencies = [{ name = "flask" }]

            [[package]]
            name = "flask"
            version = "2.0.1"
            source = { registry = "https://pypi.example.org/simple" }
            sdist = { url = "https://files.example.org/Flask-2.0.1.tar.gz", hash = "sha256:{{Sha256}}", size = 1 }

            [[package]]
            name = "numpy"
            version = "1.26.4"
            source = { registry = "https://pypi.example.org/simple" }
            resolution-markers = ["python_full_version < '3.13'"]
            sdist = { url = "https://files.example.org/numpy-1.26.4.tar.gz", hash = "sha256:{{Sha256}}" }
            wheels = [{ url = "https://files.example.org/numpy-1.26.4-cp312-cp312-win_amd64.whl", hash = "sha256:{{Sha256}}" }]

            [[package]]
            name = "numpy"
            version = "2.1.0"
            source = { registry = "https://pypi.example.org/simple" }

            [[package]]
            name = "member"
            source = { editable = "packages/member" }

            [[package]]
            name = "Tool"
            source = { url = "https://ada:pw@example.org/tool-1.4-py3-none-any.whl" }

            [[package]]
            version = "3"
            """).Single();
        Assert.Multiple(() =>
        {
            Assert.That(read.Packages, Is.EqualTo(new[]
            {
                new Package("pypi", "flask", "2.0.1", Sha256: Sha256), new Package("pypi", "numpy", "1.26.4"),
                new Package("pypi", "numpy", "2.1.0"), new Package("pypi", "tool", "1.4"),
            }));
            Assert.That(read.NotExact, Is.EqualTo(new[]
            {
                new NotExact("pypi", "member @ packages/member"),
                new NotExact("pypi", "an entry without name: version", NotExact.NotUnderstood),
            }));
            Assert.That(read.Warnings, Is.EqualTo(new[] { "demo is the project itself and is left out." }));
            Assert.That((read.Name, read.Prefix), Is.EqualTo(("project", _folder.Combine("project/uv.lock"))));
        });
    }

    [Test]
    public void A_pylock_gives_the_distributions()
    {
        var read = Read("pylock.toml", $$"""
            # made by a tool
            lock-version = "1.0"
            created-by = "tool"
            requires-python = "==3.13.*"

            [[packages]]
            name = "appnope"
            version = "0.1.4"
            marker = "sys_platform == 'darwin'"
            wheels = [{ url = "https://files.example.org/appnope-0.1.4-py2.py3-none-any.whl", upload-time = 2024-02-06T09:43:09Z, hashes = { sha256 = "{{Sha256}}" } }]

            [[packages]]
            name = "archived"
            archive = { url = "https://files.example.org/archived-2.5.zip", hashes = { sha256 = "{{Sha256}}" } }

            [[packages]]
            name = "mine"
            directory = { path = "./mine", editable = true }

            [[packages]]
            name = "branch"
            vcs = { type = "git", url = "https://x:token@example.org/branch.git", commit-id = "abc" }
            """).Single();
        Assert.Multiple(() =>
        {
            Assert.That(read.Packages, Is.EqualTo(new[]
            {
                new Package("pypi", "appnope", "0.1.4", Sha256: Sha256), new Package("pypi", "archived", "2.5", Sha256: Sha256),
            }));
            Assert.That(read.NotExact.Select(open => open.Spec.Split(' ')[0]), Is.EqualTo(new[] { "mine", "branch" }));
            Assert.That(string.Concat(read.NotExact), Does.Not.Contain("token"));
        });
    }

    [TestCase("uv.lock", "version = 2\nrequires-python = '>=3.12'\n", "version 2; the agent reads version 1")]
    [TestCase("pylock.toml", "lock-version = \"2.0\"\npackages = []\n", "version 2.0; the agent reads version 1")]
    [TestCase("uv.lock", "version = \n", "is not valid TOML")]
    [TestCase("Cargo.lock", "version = 4\n[[package]]\nname = \"serde\"\nversion = \"1\"\nsource = \"registry+x\"\n", "none of the files")]
    public void Another_lock_of_python_is_refused(string name, string text, string said) =>
        Assert.That(() => Read(name, text), Throws.InstanceOf<AgentException>().With.Message.Contains(said));

    [TestCase("pixi.toml", "[workspace]\nchannels = [\"conda-forge\"]\n[dependencies]\nnumpy = \"*\"\n", "give its pixi.lock")]
    [TestCase("pixi.toml", "[project]\nchannels = [\"conda-forge\"]\nplatforms = []\n[tasks]\n", "give its pixi.lock")]
    [TestCase("other.txt", "# mine\n\n[workspace]\nname = \"x\"\n", "give its pixi.lock")]
    [TestCase("pyproject.toml", "[build-system]\nrequires = []\n[project]\nname = \"x\"\n", "uv.lock, pylock.toml, pixi.lock")]
    [TestCase("pyproject.toml", "[tool.poetry]\nname = \"x\"\n", "uv.lock, pylock.toml, pixi.lock")]
    [TestCase("poetry.lock", "[[package]]\nname = \"x\"\nversion = \"1\"\n[metadata]\nlock-version = \"2.0\"\n", "Poetry or PDM")]
    [TestCase("Pipfile", "[packages]\nx = \"*\"\n", "is a Pipfile")]
    [TestCase("Pipfile.lock", "{\"default\": {}}", "does not read Pipfile.lock")]
    [TestCase("requirements.txt", "numpy==1.2\n", "requirements of pip")]
    [TestCase("any.in", "# top\nflask[async]>=2\n", "requirements of pip")]
    [TestCase("setup.cfg", "[metadata]\nname = x\n", "holds no resolved versions")]
    [TestCase("anaconda-project.yml", "name: x\npackages: [numpy]\nchannels: []\n", "anaconda-project")]
    [TestCase("meta.yaml", "package: {name: x}\nrequirements: {run: [numpy]}\n", "It is a recipe")]
    public void A_manifest_is_answered_with_what_to_give_instead(string name, string text, string said) =>
        Assert.That(
            () => Read(name, text), Throws.InstanceOf<AgentException>().With.Message.Contains(said).And.Message.Contains("--prefix"));

    [Test]
    public void Only_a_pixi_lock_names_environments() =>
        Assert.That(
            () => Read("environment.yml", "dependencies: [numpy=1.0=0]\n", environment: "test"),
            Throws.InstanceOf<AgentException>().With.Message.Contains("--environment is for pixi.lock"));

    private IReadOnlyList<CollectedEnvironment> Read(string name, string text, string? platform = null, string? environment = null)
    {
        _folder.Write(name, text);
        return EnvironmentFile.Read(_folder.Combine(name), platform, environment);
    }
}
