using EnvPlatform.Agent.Collectors;

namespace EnvPlatform.Agent.Tests.Collectors;

public sealed class CondaEnvironmentTests
{
    private const string SitePackages = "lib/python3.9/site-packages";
    private TemporaryFolder _prefix = null!;

    [SetUp]
    public void CreatePrefix()
    {
        _prefix = new TemporaryFolder();
        _prefix.Write("conda-meta/history", "==> 2026-03-01 10:00:00 <==\n# cmd: conda create -n x numpy\n");
    }

    [TearDown]
    public void RemovePrefix() => _prefix.Dispose();

    [Test]
    public void A_record_is_a_package_with_canonical_channel_licence_checksum_and_request()
    {
        var sha256 = new string('a', 64);
        Record("numpy", "1.21.2", "py39_0", $$"""
            "channel": "https://conda.anaconda.org/t/secret/conda-forge/linux-64", "subdir": "linux-64", "license": "BSD-3-Clause",
            "sha256": "{{sha256}}", "requested_spec": "numpy=1.21", "paths_data": {"paths": [{"_path": "x", "nested": [1, {"a": null}]}]}
            """);
        Record("openssl", "1.1.1k", "h27cfd23_0", """
            "channel": "https://repo.anaconda.com/pkgs/main/linux-64", "subdir": "linux-64", "requested_spec": "None", "license": null
            """);

        Assert.That(Read().Packages, Is.EqualTo(new[]
        {
            new Package("conda", "numpy", "1.21.2", "py39_0", "linux-64", "conda-forge", sha256, "BSD-3-Clause", Requested: true),
            new Package("conda", "openssl", "1.1.1k", "h27cfd23_0", "linux-64", "pkgs/main"),
        }));
    }

    [Test]
    public void Channel_and_subdir_are_taken_from_the_address_where_the_record_has_none()
    {
        Record("zlib", "1.2.11", "h0_0", """ "url": "https://conda.anaconda.org/conda-forge/osx-64/zlib-1.2.11-h0_0.conda" """);
        Assert.That(Read().Packages.Single(), Is.EqualTo(new Package("conda", "zlib", "1.2.11", "h0_0", "osx-64", "conda-forge")));
    }

    [Test]
    public void Leftovers_are_passed_over_in_silence()
    {
        _prefix.Write("conda-meta/._numpy-1.21.2-py39_0.json", "\0\u0005\u0016");
        _prefix.Write("conda-meta/numpy-1.21.2-py39_0.json.c~", "{}");
        _prefix.Write("conda-meta/state", "{}");
        var read = Read();
        Assert.Multiple(() =>
        {
            Assert.That(read.Packages, Is.Empty);
            Assert.That(read.Warnings, Is.Empty);
        });
    }

    [TestCase("{ broken", "not valid JSON")]
    [TestCase("[]", "not valid JSON")]
    [TestCase("", "not valid JSON")]
    [TestCase("\0\0\0\0\0\0\0\0", "not valid JSON")]
    [TestCase("{\"name\": \"numpy\", \"version\": \"1.0\", \"bui", "not valid JSON")]
    [TestCase("""{"name": "\ud800", "version": "1.0", "build": "0"}""", "cannot be read")]
    [TestCase("""{"name": "numpy", "build": "0"}""", "no name, version or build")]
    public void Of_a_broken_record_what_its_file_name_tells_is_kept_and_reported(string content, string warning)
    {
        _prefix.Write("conda-meta/numpy-base-1.0-py39_0.json", content);
        Record("zlib", "1.2.11", "h0_0", "\"subdir\": \"linux-64\"");
        var read = Read();
        Assert.Multiple(() =>
        {
            Assert.That(read.Packages, Is.EqualTo(new[]
            {
                new Package("conda", "numpy-base", "1.0", "py39_0"), new Package("conda", "zlib", "1.2.11", "h0_0", "linux-64"),
            }));
            Assert.That(
                read.NotExact, Is.EqualTo(new[] { new NotExact("conda", "conda-meta/numpy-base-1.0-py39_0.json", "unreadable_record") }));
            Assert.That(read.Warnings, Has.Count.EqualTo(1).And.One.Contains(warning));
        });
    }

    [TestCase("numpy-1.0-0.json", """{"name": "numpy", "version": "2.0", "build": "0"}""", "misnamed_record", "describes numpy 2.0 0")]
    [TestCase("numpy.json", "", "unreadable_record", "is not known")]
    public void A_record_that_tells_no_package_is_reported(string file, string content, string reason, string warning)
    {
        _prefix.Write("conda-meta/" + file, content);
        var read = Read();
        Assert.Multiple(() =>
        {
            Assert.That(read.Packages, Is.Empty);
            Assert.That(read.NotExact, Is.EqualTo(new[] { new NotExact("conda", "conda-meta/" + file, reason) }));
            Assert.That(read.Warnings, Has.Count.EqualTo(1).And.One.Contains(warning));
        });
    }

    [Test]
    public void Distributions_that_no_conda_record_lists_are_of_pypi_with_normalised_names()
    {
        Distribution("Flask_Login", "0.6.0");
        Distribution("numpy", "1.21.2");
        Record("numpy", "1.21.2", "py39_0", $$""" "subdir": "linux-64", "files": ["{{SitePackages}}/numpy-1.21.2.dist-info/RECORD"] """);
        _prefix.Write(
            $"{SitePackages}/PyYAML-5.3-py3.9.egg-info/PKG-INFO", "Metadata-Version: 1.2\nName: PyYAML\nVersion: 5.3\n\nName: not this\n");
        _prefix.Write($"{SitePackages}/old_style-2.0-py3.9.egg-info", "");
        _prefix.Write($"{SitePackages}/~umpy-1.0.dist-info/RECORD");
        _prefix.Write($"{SitePackages}/half-1.0.dist-info/INSTALLER", "pip");

        Assert.That(
            Read().Packages.Where(package => package.Manager == "pypi").Select(package => (package.Name, package.Version)), Is.EqualTo(new[]
            {
                ("flask-login", "0.6.0"), ("old-style", "2.0"), ("pyyaml", "5.3"),
            }));
    }

    [Test]
    public void Distributions_of_every_form_are_found()
    {
        _prefix.Write($"{SitePackages}/norecord-1.0.dist-info/METADATA", "Name: NoRecord\nVersion: 1.0\n\n");
        _prefix.Write($"{SitePackages}/nometa-1.1.dist-info/RECORD");
        _prefix.Write($"{SitePackages}/metaonly-1.2-py3.9.egg-info/METADATA", "Name: metaonly\nVersion: 1.2\n\n");
        _prefix.Write($"{SitePackages}/egg_dir-1.3-py3.9.egg/EGG-INFO/PKG-INFO", "Name: egg-dir\nVersion: 1.3\n\n");
        _prefix.Write($"{SitePackages}/zipped-1.4-py3.9.egg", "PK");
        var read = Read();
        Assert.Multiple(() =>
        {
            Assert.That(read.Packages.Select(package => (package.Manager, package.Name, package.Version)), Is.EqualTo(new[]
            {
                ("pypi", "egg-dir", "1.3"), ("pypi", "metaonly", "1.2"), ("pypi", "nometa", "1.1"), ("pypi", "norecord", "1.0"),
                ("pypi", "zipped", "1.4"),
            }));
            Assert.That(read.NotExact, Is.Empty);
        });
    }

    [TestCase("metadata-9.0.dist-info/METADATA")]
    [TestCase("metadata-9.0-py3.9.egg-info/METADATA")]
    [TestCase("metadata-9.0-py3.9.egg/EGG-INFO/PKG-INFO")]
    [TestCase("metadata-9.0-py3.9.egg")]
    public void A_distribution_of_any_form_that_conda_installed_is_condas(string file)
    {
        Record("metadata", "9.0", "0", $$""" "subdir": "noarch", "files": ["{{SitePackages}}/{{file}}"] """);
        _prefix.Write($"{SitePackages}/{file}", "Name: metadata\nVersion: 9.0\n\n");
        var read = Read();
        Assert.That(read.Packages.Select(package => (package.Manager, package.Name)), Is.EqualTo(new[] { ("conda", "metadata") }));
        Assert.That(read.NotExact, Is.Empty);
    }

    [TestCase("half-1.0.dist-info/INSTALLER", "half-1.0.dist-info")]
    [TestCase("half.egg-info/top_level.txt", "half.egg-info")]
    [TestCase("half-1.0-py3.9.egg/half/__init__.py", "half-1.0-py3.9.egg")]
    [TestCase("half.egg", "half.egg")]
    public void A_distribution_that_says_nothing_of_itself_is_reported(string file, string reported)
    {
        _prefix.Write($"{SitePackages}/{file}", "x");
        var read = Read();
        Assert.Multiple(() =>
        {
            Assert.That(read.Packages, Is.Empty);
            Assert.That(
                read.NotExact, Is.EqualTo(new[] { new NotExact("pypi", $"{SitePackages}/{reported}", "unreadable_distribution") }));
        });
    }

    private const string Unknown = ". Which one is used cannot be known from the files; all are kept.";

    [Test]
    public void Two_versions_of_one_package_are_both_kept_with_a_warning()
    {
        Record("jinja2", "3.1.6", "pyhd8ed1ab_0", $$""" "subdir": "noarch", "files": ["{{SitePackages}}/jinja2-3.1.6.dist-info/RECORD"] """);
        Distribution("jinja2", "3.1.6");
        Distribution("Jinja2", "2.11.2");
        Record("requests", "2.25.1", "0", "\"subdir\": \"noarch\"");
        Record("requests", "2.33.0", "0", "\"subdir\": \"noarch\"");
        Record("six", "1.16.0", "0", "\"subdir\": \"noarch\"");
        var read = Read();
        Assert.Multiple(() =>
        {
            Assert.That(read.Packages, Has.Count.EqualTo(5));
            Assert.That(read.Warnings, Is.EqualTo(new[]
            {
                "There is more than one jinja2: 3.1.6 (conda), 2.11.2 (pypi)" + Unknown,
                "There is more than one requests: 2.25.1 (conda), 2.33.0 (conda)" + Unknown,
            }));
        });
    }

    [Test]
    public void An_egg_link_leads_to_the_version_in_its_source_and_one_that_leads_nowhere_is_a_warning()
    {
        using var source = new TemporaryFolder();
        source.Write("my_tool.egg-info/PKG-INFO", "Name: my-tool\nVersion: 0.1.dev3\n\n");
        _prefix.Write($"{SitePackages}/my-tool.egg-link", source.Path + "\n.");
        _prefix.Write($"{SitePackages}/gone.egg-link", "/nowhere/at/all\n.");

        var read = Read();
        Assert.Multiple(() =>
        {
            Assert.That(read.Packages.Single(), Is.EqualTo(new Package("pypi", "my-tool", "0.1.dev3")));
            Assert.That(read.Warnings, Has.Count.EqualTo(1).And.One.Contains("gone.egg-link"));
            Assert.That(
                read.NotExact, Is.EqualTo(new[] { new NotExact("pypi", $"{SitePackages}/gone.egg-link", "unreadable_distribution") }));
        });
    }

    [Test]
    public void A_conda_record_whose_own_distribution_has_gone_was_replaced()
    {
        Record("requests", "2.25.1", "pyhd3eb1b0_0",
            $$""" "subdir": "noarch", "files": ["{{SitePackages}}/requests-2.25.1.dist-info/RECORD", "{{SitePackages}}/requests/_vendor/x-1.dist-info/RECORD"] """);
        _prefix.Write($"{SitePackages}/requests/_vendor/x-1.dist-info/RECORD");
        Distribution("requests", "2.31.0");
        Assert.That(Read().Packages.Single(), Is.EqualTo(new Package("pypi", "requests", "2.31.0")));
    }

    [Test]
    public void A_conda_record_with_one_of_its_distributions_left_is_still_there()
    {
        Record("jupyter-all", "1.0", "0",
            $$""" "subdir": "noarch", "files": ["{{SitePackages}}/one-1.0.dist-info/RECORD", "{{SitePackages}}/two-1.0.dist-info/RECORD"] """);
        Distribution("two", "1.0");
        Assert.That(Read().Packages.Select(package => package.Name), Is.EqualTo(new[] { "jupyter-all" }));
    }

    [Test]
    [Platform(Exclude = "Win", Reason = "Links need a right there.")]
    public void A_folder_of_packages_that_cannot_be_listed_is_reported_and_hides_nothing_else()
    {
        Record("requests", "2.25.1", "0", $$""" "subdir": "noarch", "files": ["{{SitePackages}}/requests-2.25.1.dist-info/RECORD"] """);
        Directory.CreateDirectory(_prefix.Combine("lib/python3.9"));
        File.CreateSymbolicLink(_prefix.Combine(SitePackages), _prefix.Combine(SitePackages));
        var read = Read();
        Assert.Multiple(() =>
        {
            Assert.That(read.Packages.Select(package => package.Name), Is.EqualTo(new[] { "requests" }), "what cannot be seen is not gone");
            Assert.That(read.NotExact, Is.EqualTo(new[] { new NotExact("pypi", SitePackages, "unreadable_folder") }));
            Assert.That(read.Warnings, Has.Count.EqualTo(1).And.One.Contains("cannot be listed"));
        });
    }

    [Test]
    public void A_history_that_cannot_be_read_is_a_warning_and_the_packages_are_read()
    {
        File.Delete(_prefix.Combine("conda-meta/history"));
        Directory.CreateDirectory(_prefix.Combine("conda-meta/history"));
        Record("zlib", "1.2.11", "h0_0", "\"subdir\": \"linux-64\"");
        var read = Read();
        Assert.Multiple(() =>
        {
            Assert.That(CondaEnvironment.IsAt(_prefix.Path), Is.True);
            Assert.That(read.Packages, Has.Count.EqualTo(1));
            Assert.That(read.Command, Is.Null);
            Assert.That(read.Warnings, Has.Count.EqualTo(1).And.One.Contains("the last command is not known"));
        });
    }

    [Test]
    public void An_environment_without_a_history_is_read_in_full()
    {
        File.Delete(_prefix.Combine("conda-meta/history"));
        Record("zlib", "1.2.11", "h0_0", "\"subdir\": \"linux-64\"");
        Assert.That((Read().Command, Read().Warnings.Count), Is.EqualTo(((string?)null, 0)));
    }

    [Test]
    public void A_link_to_a_python_folder_does_not_count_twice()
    {
        Distribution("requests", "2.25.1");
        Directory.CreateSymbolicLink(_prefix.Combine("lib/python3"), "python3.9");
        Assert.That(Read().Packages, Has.Count.EqualTo(1));
    }

    [Test]
    public void The_platform_is_that_of_the_packages_not_of_the_machine()
    {
        Record("a", "1", "0", "\"subdir\": \"noarch\"");
        Record("b", "1", "0", "\"subdir\": \"osx-arm64\"");
        var read = Read();
        Assert.Multiple(() =>
        {
            Assert.That(read.Platform, Is.EqualTo("osx-arm64"));
            Assert.That(read.Command, Is.EqualTo("conda create -n x numpy"));
            Assert.That(read.Name, Is.EqualTo(Path.GetFileName(_prefix.Path)));
        });
    }

    [Test]
    public void An_installation_of_conda_is_called_base()
    {
        Directory.CreateDirectory(_prefix.Combine("condabin"));
        Directory.CreateDirectory(_prefix.Combine("envs/tools/condabin"));
        Assert.Multiple(() =>
        {
            Assert.That(CondaEnvironment.NameOf(_prefix.Path), Is.EqualTo("base"));
            Assert.That(CondaEnvironment.NameOf(_prefix.Combine("envs/tools")), Is.EqualTo("tools"));
        });
    }

    [Test]
    public void A_package_that_the_platform_cannot_take_is_left_out_with_a_warning()
    {
        Distribution("odd", "1.0|2.0");
        var read = Read();
        Assert.Multiple(() =>
        {
            Assert.That(read.Packages, Is.Empty);
            Assert.That(read.Warnings, Has.Count.EqualTo(1).And.One.Contains("pypi"));
            Assert.That(read.NotExact.Single().Reason, Is.EqualTo("invalid_package"));
        });
    }

    [Test]
    public void Real_records_are_read()
    {
        foreach (var file in Directory.GetFiles(TestData.Path("environments/conda-meta-samples")))
        {
            File.Copy(file, _prefix.Combine("conda-meta/" + Path.GetFileName(file)));
        }

        var read = Read();
        Assert.Multiple(() =>
        {
            Assert.That(read.Packages, Has.Count.EqualTo(6), string.Join("\n", read.Warnings));
            Assert.That(read.Packages.Select(package => package.Channel), Has.None.Contains("/linux-64"));
            Assert.That(read.Packages.Single(package => package.Name == "openssl").Channel, Is.EqualTo("pkgs/main"));
        });
    }

    private CollectedEnvironment Read() => CondaEnvironment.Read(_prefix.Path);

    private void Record(string name, string version, string build, string rest) =>
        _prefix.Write(
            $"conda-meta/{name}-{version}-{build}.json",
            $$"""{"name": "{{name}}", "version": "{{version}}", "build": "{{build}}", {{rest}}}""");

    private void Distribution(string name, string version)
    {
        _prefix.Write(
            $"{SitePackages}/{name}-{version}.dist-info/METADATA", $"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\n");
        _prefix.Write($"{SitePackages}/{name}-{version}.dist-info/RECORD");
    }
}
