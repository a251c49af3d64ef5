using EnvPlatform.Scanner.Mapping;
using EnvPlatform.Scanner.Matching;

namespace EnvPlatform.Scanner.Tests.Mapping;

/// <summary>The answers of published mappings, and what takes precedence over them.</summary>
public sealed class PublishedMappingTests
{
    private const string Python = "py310_0";
    private const string Native = "h5eee18b_0";

    [TestCase("cupy-core", Python, "cupy", "PyPI:cupy", TestName = "A_python_build_is_the_project_that_the_mapping_names")]
    [TestCase("cupy-core", null, "cupy", "PyPI:cupy", TestName = "So_is_a_package_without_a_build")]
    [TestCase("ruff", Native, "ruff", "PyPI:ruff", TestName = "A_program_that_is_not_built_for_python_is_the_project_of_its_own_name")]
    [TestCase("jupyter_x", Native, "jupyter-x", "PyPI:jupyter-x", TestName = "Names_are_compared_as_PyPI_does")]
    [TestCase("gym", Python, "gym pyglet zipp", "PyPI:gym", TestName = "Of_several_the_package's_own_name_is_its_identity")]
    [TestCase("cvxpy-base", Python, "cvxpy unknown setuptools", "PyPI:cvxpy", TestName = "What_builds_leave_behind_is_no_identity")]
    public void A_package_is_a_project(string name, string? build, string found, string identity)
    {
        var mapped = Mapped([Parselmouth("conda-forge", name, found)], name, build);
        Assert.That((mapped.Answer, mapped.Basis, mapped.Identity.ToString()),
            Is.EqualTo((MappingAnswer.Project, MappingBasis.Parselmouth, identity)));
    }

    [Test]
    public void Metadata_of_another_name_in_a_package_that_is_not_built_for_Python_is_bundled() =>
        Assert.That(
            Mapped([Parselmouth("conda-forge", "drawing-tool", "lxml")], "drawing-tool", Native).Answer, Is.EqualTo(MappingAnswer.Unknown));

    [Test]
    public void Nothing_is_guessed_where_several_projects_are_inside_and_none_has_the_name()
    {
        var mapped = Mapped([Parselmouth("conda-forge", "suite", "a b c")], "suite", Python);
        Assert.That((mapped.Answer, mapped.Basis), Is.EqualTo((MappingAnswer.Unknown, MappingBasis.Parselmouth)));
    }

    [Test]
    public void The_table_kept_by_hand_tells_which_of_several_it_is()
    {
        PublishedEntry[] entries = [Parselmouth("conda-forge", "msg-reader", "extract-msg extractmsg"), Grayskull(
            "msg-reader", "extract-msg")];
        Assert.That(Mapped(entries, "msg-reader", Python).Identity.Name, Is.EqualTo("extract-msg"));
    }

    [Test]
    public void The_table_kept_by_hand_is_asked_where_the_other_lists_nothing()
    {
        var mapped = Mapped([Grayskull("python-annoying", "annoying")], "python-annoying", Python);
        Assert.That((mapped.Basis, mapped.Identity.Name), Is.EqualTo((MappingBasis.Grayskull, "annoying")));
    }

    [Test]
    public void What_was_found_inside_weighs_more_than_the_table_kept_by_hand()
    {
        PublishedEntry[] entries = [Parselmouth("conda-forge", "geo-core", "geo"), Grayskull("geo-core", "geos")];
        Assert.That(Mapped(entries, "geo-core", Python).Identity.Name, Is.EqualTo("geo"));
    }

    [Test]
    public void That_nothing_was_found_inside_weighs_less_than_a_build_for_Python()
    {
        PublishedEntry[] entries = [Parselmouth("conda-forge", "oldlib", "")];
        Assert.That(Mapped(entries, "oldlib", Python).Identity.ToString(), Is.EqualTo("PyPI:oldlib"));
        Assert.That(Mapped(entries, "oldlib", Native).Answer, Is.EqualTo(MappingAnswer.NoSuchProject));
        Assert.That(Mapped(entries, "oldlib", null).Answer, Is.EqualTo(MappingAnswer.NoSuchProject));
    }

    [Test]
    public void That_nothing_was_found_inside_is_no_answer_about_R_packages() =>
        Assert.That(Mapped([Parselmouth("conda-forge", "r-mass", "")], "r-mass", "r43_0").Identity.ToString(), Is.EqualTo("CRAN:mass"));

    [Test]
    public void The_table_of_exceptions_overrules_what_is_published()
    {
        PublishedEntry[] entries = [Parselmouth("conda-forge", "docutils", "setuptools"), Parselmouth(
            "conda-forge", "zstd", "zstd"), Parselmouth("conda-forge", "libopencv", "opencv-python")];
        Assert.That(Mapped(entries, "docutils", Python).Identity.ToString(), Is.EqualTo("PyPI:docutils"));
        Assert.That(Mapped(entries, "zstd", Native).Identity.ToString(), Is.EqualTo("conda:zstd"));
        Assert.That(Mapped(entries, "libopencv", Python).Identity.ToString(), Is.EqualTo("conda:opencv"));
    }

    [Test]
    public void A_distribution_of_PyPI_is_itself_whatever_is_published() => Assert.That(
        Mapping([Parselmouth("conda-forge", "x", "y")]).Map(new InstalledPackage(PackageManager.PyPI, "x", "1")).Identity.ToString(),
        Is.EqualTo("PyPI:x"));

    [TestCase("bioconda", "biodivine-aeon")]
    [TestCase("conda-forge", "aeon")]
    [TestCase("pkgs/main", "aeon")]
    [TestCase(null, "aeon")]
    [TestCase("https://conda.example.org/mirror", "aeon")]
    public void Each_channel_has_its_own_names_and_where_nothing_is_published_those_of_conda_forge(string? channel, string project)
    {
        PublishedEntry[] entries = [Parselmouth("conda-forge", "aeon", "aeon"), Parselmouth("bioconda", "aeon", "biodivine-aeon")];
        Assert.That(Mapped(entries, "aeon", Python, channel).Identity.Name, Is.EqualTo(project));
    }

    [TestCase("conda-forge", MappingAnswer.NoSuchProject)]
    [TestCase("conda-forge/label/broken", MappingAnswer.NoSuchProject)]
    [TestCase("nvidia", MappingAnswer.Unknown)]
    [TestCase(null, MappingAnswer.Unknown)]
    public void That_conda_forge_s_package_holds_no_project_says_nothing_of_another_channel_s(string? channel, MappingAnswer answer) =>
        Assert.That(Mapped([Parselmouth("conda-forge", "thing", "")], "thing", Native, channel).Answer, Is.EqualTo(answer));

    [TestCase("conda-forge", MappingAnswer.NoSuchProject)]
    [TestCase(null, MappingAnswer.NoSuchProject)]
    [TestCase("pkgs/main", MappingAnswer.Project)]
    public void An_exception_may_be_true_of_one_channel(string? channel, MappingAnswer answer) =>
        Assert.That(ConventionMapping.BuiltIn.Map(new InstalledPackage(PackageManager.Conda, "vtk", "9.0", "py37_0", channel)).Answer,
            Is.EqualTo(answer));

    [TestCase("py37_0", MappingAnswer.Project)]
    [TestCase("h0d30ee6_0", MappingAnswer.NotApplicable)]
    [TestCase(null, MappingAnswer.NotApplicable)]
    public void An_exception_may_be_true_of_some_builds(string? build, MappingAnswer answer) =>
        Assert.That(
            ConventionMapping.BuiltIn.Map(new InstalledPackage(PackageManager.Conda, "tensorflow-gpu", "1.4.1", build, "pkgs/free")).Answer,
            Is.EqualTo(answer));

    [Test]
    public void Matching_allocates_nothing_however_much_is_published()
    {
        var entries = Enumerable.Range(0, 2_000).Select(i => Parselmouth("conda-forge", $"package-{i}-base", $"package-{i}"));
        var mapping = Mapping(entries);
        InstalledPackage[] packages =
        [
            .. Enumerable.Range(0, 2_000).Select(i => new InstalledPackage(
                PackageManager.Conda, $"package-{i}-base", "1.0", Python, i % 2 == 0 ? "conda-forge/label/x" : "https://x/y/")),
        ];
        Run();
        var before = GC.GetAllocatedBytesForCurrentThread();
        Run();
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);

        void Run()
        {
            foreach (var package in packages)
            {
                mapping.Map(package);
            }
        }
    }

    internal static PublishedEntry Parselmouth(string channel, string name, string found) =>
        new(PublishedMapping.Parselmouth, channel, name, found.Split(' ', StringSplitOptions.RemoveEmptyEntries));

    internal static ConventionMapping Mapping(IEnumerable<PublishedEntry> entries) =>
        new(CondaNames.BuiltIn, CondaChannels.BuiltIn, PublishedMapping.Of(entries));

    private static PublishedEntry Grayskull(string name, params string[] pypi) =>
        new(PublishedMapping.Grayskull, "conda-forge", name, pypi);

    private static MappedPackage Mapped(PublishedEntry[] entries, string name, string? build, string? channel = "conda-forge") =>
        Mapping(entries).Map(new InstalledPackage(PackageManager.Conda, name, "1.0", build, channel));
}
