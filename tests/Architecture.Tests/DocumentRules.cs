using System.Text.RegularExpressions;

namespace EnvPlatform.Architecture.Tests;

/// <summary>What programs and operators rely on is documented.</summary>
public sealed partial class DocumentRules
{
    [Test]
    public void Every_problem_code_is_documented()
    {
        var codes = Repository.Sources("src")
            .SelectMany(file => ProblemCode().Matches(File.ReadAllText(file))).Select(match => match.Groups["code"].Value)
            .Distinct().ToArray();
        var document = Repository.Document("docs/problems.md");
        Assert.That(codes, Has.Length.GreaterThan(5));
        Assert.That(codes.Where(code => !document.Contains($"`{code}`", StringComparison.Ordinal)), Is.Empty);
    }

    [Test]
    public void Every_option_is_documented()
    {
        var document = Repository.Document("docs/running.md");
        var options =
            from file in Repository.Sources("src")
            where file.EndsWith("Options.cs", StringComparison.Ordinal)
            from Match match in OptionProperty().Matches(File.ReadAllText(file))
            select (File: Repository.Relative(file), Name: match.Groups["name"].Value);
        Assert.That(options, Is.Not.Empty);
        Assert.That(options.Where(option => !document.Contains($"{option.Name}`", StringComparison.Ordinal)), Is.Empty);
    }

    [Test]
    public void Links_between_documents_lead_somewhere()
    {
        var documents = Directory.EnumerateFiles(Repository.Root, "*.md").Concat(Repository.Sources("docs", "*.md"))
            .Concat(Repository.Sources("src", "*.md"));
        var broken =
            from file in documents
            from Match match in Link().Matches(File.ReadAllText(file))
            let target = match.Groups["target"].Value
            where !target.Contains("://", StringComparison.Ordinal) && !target.StartsWith('#')
            let path = Path.Combine(Path.GetDirectoryName(file)!, target.Split('#')[0])
            where !File.Exists(path) && !Directory.Exists(path)
            select $"{Repository.Relative(file)} -> {target}";
        Assert.That(broken, Is.Empty);
    }

    [Test]
    public void The_README_is_short() =>
        Assert.That(File.ReadLines(Path.Combine(Repository.Root, "README.md")).Count(), Is.LessThanOrEqualTo(120));

    [Test]
    public void No_file_names_a_package_registry_or_a_path_of_a_machine()
    {
        string[] forbidden = ["api." + "nuget.org", "registry." + "npmjs.org", "deb." + "debian.org", "/root" + "/", "/home/" + "runner"];
        var files = Repository.Sources("src", "*").Concat(Repository.Sources("tests", "*")).Concat(Repository.Sources("docs", "*"))
            .Concat(Directory.EnumerateFiles(Repository.Root));
        var wrong =
            from file in files
            where !file.Contains("node_modules", StringComparison.Ordinal) && new FileInfo(file).Length < 1_000_000
            let text = File.ReadAllText(file)
            from word in forbidden
            where text.Contains(word, StringComparison.OrdinalIgnoreCase)
            select $"{Repository.Relative(file)}: {word}";
        Assert.That(wrong, Is.Empty);
    }

    [GeneratedRegex(@"(Conflict\(\s*|Of\(\s*StatusCodes\.\w+,\s*)""(?<code>[a-z]+(_[a-z]+)*)""", RegexOptions.ExplicitCapture)]
    private static partial Regex ProblemCode();

    [GeneratedRegex(
        @"public (?!const|static|sealed|required class)[\w<>?\[\], ]+ (?<name>\w+) \{ get; (set|init); \}", RegexOptions.ExplicitCapture)]
    private static partial Regex OptionProperty();

    [GeneratedRegex(@"\]\((?<target>[^)\s]+)\)", RegexOptions.ExplicitCapture)]
    private static partial Regex Link();
}
