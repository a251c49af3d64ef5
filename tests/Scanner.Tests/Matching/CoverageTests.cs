using EnvPlatform.Scanner.Advisories;
using EnvPlatform.Scanner.Matching;
using EnvPlatform.Scanner.Tests.Mapping;

namespace EnvPlatform.Scanner.Tests.Matching;

/// <summary>How far a package was checked, for every package and with the reason.</summary>
public sealed class CoverageTests
{
    private const string Python = "py310_0";
    private const string Native = "h1_0";

    [TestCase("requests", "2.0", Python, "checked", TestName = "No_advisory_names_a_project_of_a_whole_feed")]
    [TestCase("bad", "2.0", Python, "checked", TestName = "An_advisory_names_it")]
    [TestCase("bad", "no version", Python, "invalid_version", TestName = "Its_version_is_none")]
    [TestCase("bad", null, Python, "invalid_version", TestName = "It_has_no_version")]
    [TestCase("r-x", "1.0", "r43_0", "no_advisory_source", TestName = "No_feed_of_its_ecosystem_was_imported")]
    [TestCase("openssl", "3.0.1", Native, "no_advisory_source", TestName = "No_source_of_native_projects_was_imported")]
    [TestCase("whatever", "1.0", Native, "not_mapped", TestName = "Nobody_knows_what_it_is")]
    [TestCase("requests", "1.0", null, "not_mapped", TestName = "A_name_without_a_build_is_a_guess")]
    [TestCase("some-base", "1.0", Python, "not_mapped", TestName = "A_name_that_parts_have_is_a_guess")]
    [TestCase("bad-base", "1.0", Python, "checked", TestName = "A_guess_that_an_advisory_confirms")]
    [TestCase("numpy-base", "1.0", Python, "checked", TestName = "The_table_says_of_which_project_it_is_a_part")]
    [TestCase("q2-demux", "1.0", Python, "no_such_project", TestName = "PyPI_has_no_project_of_its_name")]
    [TestCase("suite", "1.0", Python, "not_mapped", TestName = "Nobody_knows_which_of_several_it_is")]
    [TestCase("clib", "1.0", Native, "no_such_project", TestName = "The_published_mapping_says_that_it_is_none")]
    [TestCase("libtorch", "1.0", Native, "no_such_project", TestName = "The_table_says_that_it_is_none")]
    [TestCase("_libgcc_mutex", "0.1", "main", "not_applicable", TestName = "It_holds_nothing")]
    [TestCase("__glibc", "2.36", "0", "not_applicable", TestName = "It_stands_for_what_the_machine_has")]
    public void Of_a_known_channel(string name, string? version, string? build, string coverage) =>
        Assert.That(Coverage(name, version, build, "conda-forge"), Is.EqualTo(coverage));

    [TestCase("requests", "2.0", Python, "unknown_channel", TestName = "Nothing_was_found_under_a_name_that_may_mean_something_else")]
    [TestCase("bad", "2.0", Python, "unknown_channel", TestName = "Not_even_where_an_advisory_names_it")]
    [TestCase("bad", "0.5", Python, "checked", TestName = "What_is_found_is_told")]
    [TestCase("bad", "no version", Python, "invalid_version", TestName = "Its_version_is_none_anywhere")]
    [TestCase("whatever", "1.0", Native, "unknown_channel", TestName = "Nor_does_anybody_know_what_it_is")]
    [TestCase("clib", "1.0", Native, "unknown_channel", TestName = "What_is_published_of_conda_forge_says_nothing_of_it")]
    [TestCase("__cuda", "12", "0", "not_applicable", TestName = "What_stands_for_the_machine_is_of_no_channel")]
    public void Of_an_unknown_channel(string name, string? version, string? build, string coverage) =>
        Assert.That(Coverage(name, version, build, "https://conda.example.org/ours"), Is.EqualTo(coverage));

    [Test]
    public void A_distribution_of_PyPI_is_of_no_channel() => Assert.That(
        CodeOf(Index().Match(new InstalledPackage(PackageManager.PyPI, "requests", "1.0", null, "https://conda.example.org/ours"))),
        Is.EqualTo("checked"));

    [Test]
    public void A_channel_is_known_when_a_mapping_of_its_packages_was_imported()
    {
        var mapping = PublishedMappingTests.Mapping(
            [PublishedMappingTests.Parselmouth("https://conda.example.org/ours", "house", "house")]);
        var match = Index().With(mapping)
            .Match(new InstalledPackage(PackageManager.Conda, "requests", "2.0", Python, "https://conda.example.org/ours"));
        Assert.That(CodeOf(match), Is.EqualTo("checked"));
    }

    [TestCase("openssl", "checked")]
    [TestCase("libcurl", "checked")]
    [TestCase("font-ttf-ubuntu", "not_applicable")]
    [TestCase("ninja", "no_advisory_source", TestName = "A_native_project_without_a_product_is_not_covered")]
    [TestCase("whatever", "not_mapped")]
    public void Where_all_of_NVD_was_imported_the_native_projects_that_it_has_products_of_are_covered(string name, string coverage) =>
        Assert.That(CodeOf(Index("PyPI", "NVD").Match(new InstalledPackage(PackageManager.Conda, name, "3.0", Native, "conda-forge"))),
            Is.EqualTo(coverage));

    [Test]
    public void Every_reason_has_a_code_of_its_own() =>
        Assert.That(Enum.GetValues<NotCheckedReason>().Select(NotCheckedReasons.CodeOf), Is.Unique);

    private static string Coverage(string name, string? version, string? build, string? channel) =>
        CodeOf(Index().Match(new InstalledPackage(PackageManager.Conda, name, version, build, channel)));

    private static string CodeOf(PackageMatch match) =>
        match.Coverage switch
        {
            Scanner.Matching.Coverage.Checked => "checked",
            Scanner.Matching.Coverage.NotApplicable => "not_applicable",
            _ => NotCheckedReasons.CodeOf(match.Reason)!,
        };

    private static AdvisoryIndex Index(params string[] complete)
    {
        Advisory[] advisories =
        [
            new("A", [], null, default, null, null, null, [], null,
                [.. new[] { "bad", "bad-base" }.Select(name => new AffectedPackage("PyPI", name, null,
                    [new AffectedRange(RangeType.Ecosystem, [new(RangeEventKind.Introduced, "0"), new(RangeEventKind.Fixed, "1.0")])], [],
                    []))]),
        ];
        var mapping = PublishedMappingTests.Mapping([PublishedMappingTests.Parselmouth(
            "conda-forge", "clib", ""), PublishedMappingTests.Parselmouth("conda-forge", "suite", "a b")]);
        return AdvisoryIndex.Build(advisories, VulnerabilityGroups.Of(advisories), mapping, complete.Length == 0 ? ["PyPI"] : complete);
    }
}
