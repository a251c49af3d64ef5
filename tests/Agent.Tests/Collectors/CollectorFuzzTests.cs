using System.Text;
using System.Text.Json;

using EnvPlatform.Agent.Client;
using EnvPlatform.Agent.Collectors;
using EnvPlatform.Agent.Collectors.Files;

namespace EnvPlatform.Agent.Tests.Collectors;

/// <summary>
/// Every reader of the agent, given valid inputs of which bytes were changed: an environment on disk is always read, a file is read or
/// refused with a sentence.
/// </summary>
public sealed class CollectorFuzzTests
{
    private const int Rounds = 500;
    private const string SitePackages = "lib/python3.9/site-packages";

    /// <summary>What breaks parsers: no UTF-8, NUL, half a surrogate, brackets, and what means something in the formats.</summary>
    private static readonly byte[][] Pieces =
    [
        [0xff], [0xc3], [0xed, 0xa0, 0x80], [0], [0, 0, 0, 0], [.. "\\ud800"u8], [.. "\uFEFF"u8], [.. "\r\n"u8], [.. "[["u8], [.. "{"u8],
        [.. "]"u8], [.. "}"u8], [.. "\""u8], [.. ": "u8], [.. "\n- "u8], [.. "&a "u8], [.. "*a "u8], [.. "!!int "u8], [.. "---\n"u8],
        [.. "null"u8], [.. "1e999"u8], [.. "%00"u8], [.. "%"u8], [.. "=="u8], [.. "::"u8], [.. "://"u8], [.. "#"u8], [.. "../"u8],
        [.. "|"u8], [.. "\t"u8],
    ];

    private static readonly Dictionary<string, string> Environment = new(StringComparer.Ordinal)
    {
        ["conda-meta/history"] = "==> 2026-03-01 10:00:00 <==\n# cmd: conda create -n x --token abc numpy\n",
        ["conda-meta/numpy-1.21.2-py39_0.json"] = $$"""
            {"name": "numpy", "version": "1.21.2", "build": "py39_0", "subdir": "linux-64", "license": "BSD-3-Clause",
             "channel": "https://conda.anaconda.org/t/x/conda-forge/linux-64", "requested_specs": ["numpy"], "url": "https://a/b/c.conda",
             "sha256": "00", "files": ["{{SitePackages}}/numpy-1.21.2.dist-info/RECORD", "bin/x"], "paths_data": {"paths": [{"a": [1]}]} }
            """,
        [$"{SitePackages}/flask-2.0.dist-info/METADATA"] = "Metadata-Version: 2.1\nName: Flask\nVersion: 2.0\n\nText\n",
        [$"{SitePackages}/flask-2.0.dist-info/RECORD"] = "flask/__init__.py,,\n",
        [$"{SitePackages}/six-1.0-py3.9.egg-info/PKG-INFO"] = "Name: six\nVersion: 1.0\n\n",
        [$"{SitePackages}/tool.egg-link"] = "/nowhere\n.\n",
        [$"{SitePackages}/norecord-1.0.dist-info/METADATA"] = "Name: norecord\nVersion: 1.0\n\n",
        [$"{SitePackages}/metaonly-1.0-py3.9.egg-info/METADATA"] = "Name: metaonly\nVersion: 1.0\n\n",
        [$"{SitePackages}/egg-1.0-py3.9.egg/EGG-INFO/PKG-INFO"] = "Name: egg\nVersion: 1.0\n\n",
    };

    private static readonly Dictionary<string, string> Files = new(StringComparer.Ordinal)
    {
        ["explicit.txt"] = """
            # platform: linux-64
            @EXPLICIT
            https://conda.anaconda.org/conda-forge/linux-64/numpy-1.21.2-py39_0.conda#0123456789abcdef0123456789abcdef
            # pip requests @ https://example.org/requests-2.25.1-py3-none-any.whl --hash=sha256:00

            """,
        ["conda-lock.yml"] = """
            version: 1
            metadata: {content_hash: {linux-64: abc}}
            package:
            - {name: numpy, version: 1.21.2, manager: conda, platform: linux-64, url: 'https://a.example/c/linux-64/numpy-1.21.2-0.conda', hash: {sha256: '00'}}
            - {name: requests, version: 2.25.1, manager: pip, platform: linux-64, url: 'https://a.example/requests-2.25.1.tar.gz', hash: {sha256: '00'}}
            - {name: zlib, version: 1.2.11, manager: conda, platform: osx-64, url: 'https://a.example/c/osx-64/zlib-1.2.11-0.conda'}

            """,
        ["list.json"] = """
            [{"base_url": "https://conda.anaconda.org/conda-forge", "build_string": "py39_0", "channel": "conda-forge", "name": "numpy",
              "platform": "linux-64", "version": "1.21.2"}, {"channel": "pypi", "name": "requests", "version": "2.25.1"}]
            """,
        ["environment.yml"] = """
            name: science
            channels: [conda-forge]
            dependencies:
              - python=3.9.7=h0_0
              - conda-forge::numpy==1.21.2  # pinned
              - pip
              - pip:
                - requests[socks]==2.25.1 ; python_version > '3'
                - tool @ https://example.org/tool-1.0.tar.gz
                - [https://example.org/six-1.0-py3-none-any.whl, -r more.txt, --pre]
            prefix: /envs/science

            """,
        ["pixi.lock"] = """
            version: 7
            platforms:
            - name: gpu
              subdir: linux-64
            environments:
              default:
                channels: [{url: 'https://conda.anaconda.org/conda-forge/'}]
                packages:
                  gpu:
                  - conda: https://conda.anaconda.org/conda-forge/linux-64/numpy-1.21.2-py39_0.conda
                  - conda_source: tool[8a76ea86] @ ../tool
                  - pypi: https://a.example/requests-2.25.1-py3-none-any.whl
            packages:
            - conda: https://conda.anaconda.org/conda-forge/linux-64/numpy-1.21.2-py39_0.conda
              sha256: '00'
            - conda_source: tool[8a76ea86] @ ../tool
              version: 1.0
            - {pypi: 'https://a.example/requests-2.25.1-py3-none-any.whl', name: requests, version: 2.25.1}
            - {kind: conda, name: zlib, version: 1.2.11, url: 'https://a.example/c/linux-64/zlib-1.2.11-0.conda'}

            """,
        ["list.txt"] = """
            # This file may be used to create an environment using:
            # platform: linux-64
            numpy=1.21.2=py39_0
            requests=2.25.1=pypi_0

            """,
        ["uv.lock"] = """
            version = 1
            requires-python = ">=3.9"
            [[package]]
            name = "requests"
            version = "2.25.1"
            source = { registry = "https://a.example" }
            sdist = { url = "https://a.example/requests-2.25.1.tar.gz", hash = "sha256:00" }

            [[package]]
            name = "tool"
            source = { editable = "tool" }

            """,
        ["pylock.toml"] = """
            lock-version = "1.0"
            packages = [{ name = "requests", version = "2.25.1", wheels = [{ url = "https://a.example/x.whl", hashes = { sha256 = "00" } }] }]

            """,
        ["odd.yml"] = """
            name: /srv/envs/demo
            dependencies:
              - numpy[version='1.2.3', build=py39*, channel=conda-forge]
              - conda-forge/linux-64::numpy==1.2.3=py39_0
              - flask=1.0=pypi_0
              - openssl=1.1.1
              - sel(linux): requests=2.25.1
              - {{ extra }}
              - pip: "jinja2==2.11.2 \\\n --hash=sha256:00"
            more: &a [requests, {x: *a}]
            ---
            second: [document]

            """,
    };

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void CreateFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    [Test]
    public void An_environment_of_which_any_file_is_broken_is_read([ValueSource(nameof(EnvironmentFiles))] string broken)
    {
        foreach (var (file, content) in Environment)
        {
            _folder.Write(file, content);
        }

        var random = new Random(20261127);
        for (var round = 0; round < Rounds; round++)
        {
            var input = Mutated(Environment[broken], random);
            File.WriteAllBytes(_folder.Combine(broken), input);
            Assert.That(() => CondaEnvironment.Read(_folder.Path), Throws.Nothing, $"round {round}: {Convert.ToHexString(input)}");
        }
    }

    [Test]
    public void A_file_is_read_or_refused_with_a_sentence([ValueSource(nameof(FileNames))] string name)
    {
        var random = new Random(20261127);
        var accepted = 0;
        for (var round = 0; round < Rounds; round++)
        {
            var input = Mutated(Files[name], random);
            File.WriteAllBytes(_folder.Combine(name), input);
            try
            {
                _ = EnvironmentFile.Read(_folder.Combine(name), platform: null);
                accepted++;
            }
            catch (AgentException refusal)
            {
                Assert.That(refusal.Message, Does.Not.Contain("\n"));
            }
            catch (Exception failure)
            {
                Assert.Fail($"round {round}: {Convert.ToHexString(input)}: {failure}");
            }
        }

        Assert.That(accepted, Is.GreaterThan(0), "inputs that say nothing of the reader");
    }

    [Test]
    public void The_environments_are_found_whatever_the_lists_of_them_hold([Values(".conda/environments.txt", ".condarc")] string broken)
    {
        var there = _folder.Combine("envs/science");
        _folder.Write("envs/science/conda-meta/history");
        var valid = broken == ".condarc" ? "envs_dirs:\n  - ~/other\n  - $HOME/more\n" : "/gone\n~/odd\n" + there + "\n";
        var random = new Random(20261127);
        for (var round = 0; round < Rounds; round++)
        {
            var input = Mutated(valid, random);
            _folder.Write(broken);
            File.WriteAllBytes(_folder.Combine(broken), input);
            var found = new EnvironmentFinder(Surroundings(there));
            Assert.That(found.All(), Does.Contain(there), $"round {round}: {Convert.ToHexString(input)}");
            Assert.That(() => found.ByName("science"), Throws.Nothing, $"round {round}: {Convert.ToHexString(input)}");
            Assert.That(() => found.ByName("science"), Throws.Nothing, $"round {round}: {Convert.ToHexString(input)}");
        }
    }

    [TestCase("environment.yml", "dependencies: ", "[")]
    [TestCase("environment.yml", "dependencies: ", "{a: ")]
    [TestCase("environment.yml", "dependencies:\n", "- ")]
    [TestCase("list.json", "", "[")]
    [TestCase("pixi.lock", "environments: ", "[")]
    [TestCase("uv.lock", "version = 1\npackage = ", "[")]
    [TestCase("pylock.toml", "packages = ", "{a = ")]
    [TestCase("pylock.toml", "packages", ".a")]
    [TestCase("pylock.toml", "", "[a")]
    public void What_is_nested_too_deeply_is_refused_and_does_not_end_the_process(string name, string before, string nested)
    {
        _folder.Write(name, before + string.Concat(Enumerable.Repeat(nested, 100_000)));
        Assert.That(() => EnvironmentFile.Read(_folder.Combine(name), platform: null), Throws.InstanceOf<AgentException>());
    }

    [Test]
    public void A_configuration_that_is_nested_too_deeply_does_not_end_the_process()
    {
        _folder.Write(".condarc", "envs_dirs: " + new string('[', 100_000));
        var there = _folder.Combine("envs/science");
        _folder.Write("envs/science/conda-meta/history");
        Assert.That(new EnvironmentFinder(Surroundings(there)).All(), Does.Contain(there));
    }

    private static string[] EnvironmentFiles() => [.. Environment.Keys];

    private static string[] FileNames() => [.. Files.Keys];

    [Test]
    public void What_the_agent_keeps_is_read_or_is_not_JSON_of_its_form([Values] Kept kept)
    {
        var valid = kept == Kept.Settings
            ? $$"""{"url": "https://a.example", "token": "t", "organization": "o", "machine_id": "{{Id}}", "check_timeout_ms": 300}"""
            : $$"""
                {"status": "block", "message": "m", "environment_id": "{{Id}}", "reasons": [{"p": 1}], "checked_at": "2026-11-21T10:00:00Z"}
                """;
        string[] odd =
        [
            """{"url": "\ud800"}""", """{"machine_id": "\ud800"}""", """{"check_timeout_ms": "300"}""", """{"check_timeout_ms": 1e99}""",
            """{"status": "ok", "environment_id": "\udfff", "checked_at": 1}""", """{"status": "ok", "checked_at": "\ud800"}""", "null", "[]",
        ];
        var random = new Random(20261127);
        var inputs = odd.Select(Encoding.UTF8.GetBytes).Concat(Enumerable.Range(0, Rounds * 4).Select(_ => Mutated(valid, random)));
        foreach (var input in inputs)
        {
            try
            {
                _ = kept switch
                {
                    Kept.Settings => LeanJson.ReadSettings(input),
                    Kept.Cached => LeanJson.ReadCached(input),
                    _ => (object)LeanJson.ReadActivation(input),
                };
            }
            catch (JsonException)
            {
                // Refused.
            }
            catch (Exception failure)
            {
                Assert.Fail($"{Convert.ToHexString(input)}: {failure}");
            }
        }
    }

    private const string Id = "0192f0c1-0000-7000-8000-000000000001";

    public enum Kept
    {
        Settings,
        Cached,
        Activation,
    }

    private Surroundings Surroundings(string active) => new()
    {
        In = TextReader.Null,
        Out = TextWriter.Null,
        Error = TextWriter.Null,
        Variables = new Dictionary<string, string>(StringComparer.Ordinal) { ["CONDA_PREFIX"] = active, ["HOME"] = _folder.Path },
        HomeFolder = _folder.Path,
        CurrentFolder = _folder.Path,
        HostName = "host",
    };

    /// <summary>One to four changes: a byte, a piece put in or in place of others, a part removed or repeated, the end cut off.</summary>
    private static byte[] Mutated(string valid, Random random)
    {
        var bytes = Encoding.UTF8.GetBytes(valid).ToList();
        for (var changes = random.Next(1, 5); changes > 0 && bytes.Count > 0; changes--)
        {
            var at = random.Next(bytes.Count);
            var length = Math.Min(random.Next(1, 12), bytes.Count - at);
            switch (random.Next(6))
            {
                case 0: bytes[at] = (byte)random.Next(256); break;
                case 1: bytes.InsertRange(at, Pieces[random.Next(Pieces.Length)]); break;
                case 2: bytes.RemoveRange(at, length); break;
                case 3: bytes.InsertRange(at, bytes.GetRange(at, length)); break;
                case 4: bytes.RemoveRange(at, length); bytes.InsertRange(at, Pieces[random.Next(Pieces.Length)]); break;
                default: bytes.RemoveRange(at, random.Next(8) == 0 ? bytes.Count - at : length); break;
            }
        }

        return [.. bytes];
    }
}
