using System.Text;
using System.Text.Json;

using EnvPlatform.Scanner.Mapping;
using EnvPlatform.Scanner.Matching;
using EnvPlatform.Scanner.Matching.Versions;
using EnvPlatform.Scanner.Tests.Matching;
using EnvPlatform.Testing;

namespace EnvPlatform.Scanner.Tests.Mapping;

/// <summary>Which project a package holds.</summary>
public sealed class ConventionMappingTests
{
    [TestCase("numpy", "py312h6524198_1", MappingBasis.PythonBuild, "PyPI:numpy")]
    [TestCase("jupyter_core", "pyhd8ed1ab_0", MappingBasis.Table, "PyPI:jupyter-core")]
    [TestCase("ruamel.yaml", "py37_0", MappingBasis.PythonBuild, "PyPI:ruamel-yaml")]
    [TestCase("pytorch", "cpu_mkl_py312_h446997d_101", MappingBasis.Table, "PyPI:torch")]
    [TestCase("tensorflow-base", "cpu_py310h3af5e0b_1", MappingBasis.Table, "PyPI:tensorflow")]
    [TestCase("brotli-python", "py311hb755f60_1", MappingBasis.Table, "PyPI:brotli")]
    [TestCase("py-opencv", "py39hef51801_0", MappingBasis.Table, "PyPI:opencv-python")]
    [TestCase("docutils", "py310hff52083_0", MappingBasis.Table, "PyPI:docutils")]
    [TestCase("pytables", "py39h3d13227_1", MappingBasis.Table, "PyPI:tables")]
    [TestCase("libcurl", "hca28451_0", MappingBasis.Table, "conda:curl")]
    [TestCase("libsqlite", "h2797004_0", MappingBasis.Table, "conda:sqlite")]
    [TestCase("zstd", "hfc55251_7", MappingBasis.Table, "conda:zstd")]
    [TestCase("brotli", null, MappingBasis.Table, "conda:brotli")]
    [TestCase("python", "hab00c5b_0_cpython", MappingBasis.Table, "conda:python")]
    [TestCase("r-mass", "r43h57805ef_2", MappingBasis.RName, "CRAN:mass")]
    [TestCase("bioconductor-deseq2", "r43hf17093f_0", MappingBasis.RName, "Bioconductor:deseq2")]
    [TestCase("requests", null, MappingBasis.NameOnly, "PyPI:requests")]
    [TestCase("numpy-base", "py39h79a1101_0", MappingBasis.Table, "PyPI:numpy")]
    [TestCase("python-tzdata", "pyhd8ed1ab_0", MappingBasis.Table, "PyPI:tzdata")]
    [TestCase("python-dateutil", "pyhd8ed1ab_0", MappingBasis.Table, "PyPI:python-dateutil")]
    [TestCase("some-base", "py39_0", MappingBasis.PartName, "PyPI:some-base")]
    [TestCase("some_core", "py39_0", MappingBasis.PartName, "PyPI:some-core")]
    [TestCase("some-with-more", "pyhd8ed1ab_0", MappingBasis.PartName, "PyPI:some-with-more")]
    [TestCase("python-some", "pyhd8ed1ab_0", MappingBasis.PartName, "PyPI:python-some")]
    [TestCase("base", "py39_0", MappingBasis.PythonBuild, "PyPI:base")]
    [TestCase("database", "py39_0", MappingBasis.PythonBuild, "PyPI:database")]
    public void A_conda_package_is_the_project(string name, string? build, MappingBasis basis, string identity)
    {
        var mapped = ConventionMapping.BuiltIn.Map(new InstalledPackage(PackageManager.Conda, name, "1.0", build));
        Assert.That((mapped.Answer, mapped.Basis, mapped.Identity.ToString()), Is.EqualTo((MappingAnswer.Project, basis, identity)));
    }

    [TestCase("__glibc", "0", MappingAnswer.NotApplicable)]
    [TestCase("_libgcc_mutex", "conda_forge", MappingAnswer.NotApplicable)]
    [TestCase("python_abi", "2_cp310", MappingAnswer.NotApplicable)]
    [TestCase("vtk", "qt_py310h1234567_200", MappingAnswer.NoSuchProject)]
    [TestCase("libgfortran5", "h69a702a_0", MappingAnswer.Unknown)]
    public void A_conda_package_is_no_project(string name, string build, MappingAnswer answer) =>
        Assert.That(
            ConventionMapping.BuiltIn.Map(new InstalledPackage(PackageManager.Conda, name, "1.0", build)).Answer, Is.EqualTo(answer));

    /// <summary>No package of real environments is taken for a project that its own metadata denies.</summary>
    [Test]
    public void What_real_packages_are_taken_for_is_what_their_metadata_says()
    {
        using var json = JsonDocument.Parse(File.ReadAllBytes(TestData.File("mapping", "parselmouth-conda-forge.json")));
        var published = json.RootElement.EnumerateObject().Where(entry => entry.Value.ValueKind == JsonValueKind.Array)
            .ToDictionary(
                entry => entry.Name,
                entry => entry.Value.EnumerateArray().Select(name => PackageIdentity.Normalize("PyPI", name.GetString()!)).ToHashSet(),
                StringComparer.Ordinal);
        var wrong = new SortedSet<string>(StringComparer.Ordinal);
        var looked = 0;
        foreach (var package in RealEnvironments.Read().SelectMany(environment => environment.Packages)
            .Where(one => one is { Manager: PackageManager.Conda, Channel: null or "conda-forge" }).Distinct())
        {
            var mapped = ConventionMapping.BuiltIn.Map(package);
            if (mapped.Ecosystem == "PyPI" && mapped.Basis == MappingBasis.PythonBuild
                && published.TryGetValue(package.Name, out var names))
            {
                looked++;
                if (!names.Contains(mapped.Identity.Name))
                {
                    wrong.Add($"{package.Name} is {string.Join(", ", names)}");
                }
            }
        }

        Assert.That(wrong, Is.Empty);
        Assert.That(looked, Is.GreaterThan(1_000));
    }

    [Test]
    public void A_pip_package_is_the_project_of_its_name_whatever_conda_calls_so() =>
        Assert.That(ConventionMapping.BuiltIn.Map(new InstalledPackage(PackageManager.PyPI, "Zope.Interface__x", "1")).Identity.ToString(),
            Is.EqualTo("PyPI:zope-interface-x"));

    [TestCase("py37_0", true)]
    [TestCase("py_0", true)]
    [TestCase("pyhd8ed1ab_0", true)]
    [TestCase("unix_pyh707e725_0", true)]
    [TestCase("np114py36_0", true)]
    [TestCase("pypy39_0", true)]
    [TestCase("1_73_pypy", false)]
    [TestCase("hab00c5b_0_cpython", false)]
    [TestCase("h7f8727e_0", false)]
    [TestCase("", false)]
    [TestCase("py", true)]
    [TestCase("pypypy", false)]
    public void A_build_string_says_Python(string build, bool isPython) =>
        Assert.That(ConventionMapping.IsPythonBuild(build), Is.EqualTo(isPython));

    [Test]
    public void OpenSSL_is_compared_in_its_own_order() => Assert.That(
        ConventionMapping.BuiltIn.Map(new InstalledPackage(PackageManager.Conda, "openssl", "1.1.1q", "h7f8727e_0")).Scheme,
        Is.EqualTo(VersionScheme.OpenSsl));

    [TestCase("""{ "conda": "x", "why": "y" }""")]
    [TestCase("""{ "conda": "x", "pypi": "a", "meta": true, "why": "y" }""")]
    [TestCase("""{ "conda": "x", "pypi": "a" }""")]
    [TestCase("""{ "conda": "x", "pipy": "a", "why": "y" }""")]
    public void An_entry_of_the_table_that_says_nothing_or_two_things_is_refused(string entry)
    {
        using var json = new MemoryStream(Encoding.UTF8.GetBytes($$"""{ "schemes": {}, "packages": [{{entry}}] }"""));
        Assert.That(() => CondaNames.Read(json), Throws.InstanceOf<JsonException>());
    }
}
