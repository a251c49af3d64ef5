using System.Text.RegularExpressions;

namespace EnvPlatform.Architecture.Tests;

/// <summary>The format of sources and documents where neither the compiler nor <c>dotnet format</c> checks it.</summary>
public sealed partial class FormatRules
{
    private const int MaxColumns = 140;

    private static readonly string[] Extensions = [".cs", ".md", ".sql", ".proto", ".sh"];
    private static readonly string[] Scripts = ["run", "test", ".ci/run"];
    private static readonly string[] Made = [".git", "artifacts", "bin", "obj", "node_modules", ".data"];

    [Test]
    public void No_line_is_over_140_columns()
    {
        var files = Files(Repository.Root).ToList();
        Assert.That(files, Has.Count.GreaterThan(500).And.Contain("run").And.Contain("README.md"));
        Assert.That(files.SelectMany(file => TooLong(file, Repository.Document(file))), Is.Empty);
    }

    [TestCase("a.cs", "var x = 1; // ", ExpectedResult = 1)]
    [TestCase("a.cs", "/// <summary>", ExpectedResult = 1)]
    [TestCase("a.cs", "Add(\"\"\"{\"a\": 1}\"\"\", \"", ExpectedResult = 1, Description = "the literal fits, the code about it does not")]
    [TestCase("a.cs", "var x = \"\"\"\n    {\"a\": \"", ExpectedResult = 0, Description = "data in a raw string")]
    [TestCase("a.cs", "var x = \"\"\"\n    select a from b where ", ExpectedResult = 1, Description = "SQL can be broken")]
    [TestCase("a.cs", "var x = \"\"\"\n    {}\n    \"\"\";\nvar y = ", ExpectedResult = 1, Description = "after the raw string")]
    [TestCase("a.md", "Words of a paragraph, ", ExpectedResult = 1)]
    [TestCase("a.md", "| a table | ", ExpectedResult = 0)]
    [TestCase("a.md", "```\ncode ", ExpectedResult = 0)]
    [TestCase("a.md", "```\ncode\n```\ntext ", ExpectedResult = 1)]
    [TestCase("a.md", "- [text](https://example.org/", ExpectedResult = 0, Description = "a link")]
    [TestCase("a.sql", "select ", ExpectedResult = 1)]
    public int A_long_line_counts(string file, string start) =>
        TooLong(file, start + (file == "a.md" && start.EndsWith('/') ? new string('x', MaxColumns) : Words)).Count();

    [Test]
    public void Log_messages_are_methods_named_LogX()
    {
        var methods = Repository.Sources("src").SelectMany(file => LoggerMessage().Matches(File.ReadAllText(file))
            .Select(match => (File: Repository.Relative(file), Name: match.Groups["name"].Value))).ToList();
        Assert.That(methods, Has.Count.GreaterThan(30));
        Assert.That(methods.Where(method => !LogName().IsMatch(method.Name)), Is.Empty);
        Assert.That(Repository.Sources("src").Where(file => NestedLog().IsMatch(File.ReadAllText(file))), Is.Empty);
    }

    private static string Words => string.Join(' ', Enumerable.Repeat("word", MaxColumns / 4));

    /// <summary>The lines over the limit that could be broken, as <c>file:line</c>.</summary>
    private static IEnumerable<string> TooLong(string file, string text)
    {
        var lines = text.Split('\n');
        var isCode = file.EndsWith(".cs", StringComparison.Ordinal);
        var isDocument = file.EndsWith(".md", StringComparison.Ordinal);
        var isVerbatim = false;
        for (var number = 1; number <= lines.Length; number++)
        {
            var line = lines[number - 1];
            var wasVerbatim = isVerbatim;
            isVerbatim ^= isCode
                ? RawQuotes().Count(line) % 2 == 1
                : isDocument && line.TrimStart().StartsWith("```", StringComparison.Ordinal);
            if (line.Length > MaxColumns && !(isCode && IsData(line, wasVerbatim)) && !(isDocument && (wasVerbatim || IsWhole(line))))
            {
                yield return $"{file}:{number}";
            }
        }
    }

    // White space is significant in data, which is written verbatim: JSON, YAML, patterns. A literal that does not fit a line has one of
    // its own.
    private static bool IsData(string line, bool isInRaw)
    {
        var text = line.Trim();
        if (isInRaw)
        {
            return !Sql().IsMatch(text);
        }

        var from = line.IndexOf("\"\"\"", StringComparison.Ordinal);
        var to = line.LastIndexOf("\"\"\"", StringComparison.Ordinal);
        return from >= 0 && to > from && to - from > MaxColumns - 60 && !Sql().IsMatch(line[(from + 3)..]);
    }

    // A row of a table is a line; neither a link nor a single word can be broken.
    private static bool IsWhole(string line) => line.TrimStart().StartsWith('|') || !Blank().IsMatch(Link().Replace(line.Trim(), "link"));

    /// <summary>The files of the repository, without the output of builds and tests.</summary>
    private static IEnumerable<string> Files(string folder)
    {
        foreach (var file in Directory.EnumerateFiles(folder).Where(IsWritten))
        {
            yield return Repository.Relative(file);
        }

        foreach (var file in Directory.EnumerateDirectories(folder)
            .Where(inner => !Made.Contains(Path.GetFileName(inner))).SelectMany(Files))
        {
            yield return file;
        }
    }

    private static bool IsWritten(string file) =>
        (Extensions.Contains(Path.GetExtension(file)) || Scripts.Contains(Repository.Relative(file)))
            && !IsMigration(file);

    /// <summary>An applied migration is identified by its text; it is not reformatted.</summary>
    private static bool IsMigration(string file) =>
        file.EndsWith(".sql", StringComparison.Ordinal) && Path.GetFileName(Path.GetDirectoryName(file)) == "Migrations";

    [GeneratedRegex("\"\"\"+", RegexOptions.ExplicitCapture)]
    private static partial Regex RawQuotes();

    [GeneratedRegex(
        @"^(select|insert into|update|delete from|with|create|alter|from|where|and|or|join|left join|values|set) ",
        RegexOptions.ExplicitCapture)]
    private static partial Regex Sql();

    [GeneratedRegex(@"\[[^\]]*\]\([^)]*\)|`[^`]*`", RegexOptions.ExplicitCapture)]
    private static partial Regex Link();

    [GeneratedRegex(@"(?<!^([-*]|\d+\.)) ", RegexOptions.ExplicitCapture)]
    private static partial Regex Blank();

    [GeneratedRegex(
        @"\[LoggerMessage\([^\]]*\)\]\s+(private|public|internal)( static)? partial void (?<name>\w+)\(", RegexOptions.ExplicitCapture)]
    private static partial Regex LoggerMessage();

    [GeneratedRegex("^Log[A-Z]")]
    private static partial Regex LogName();

    [GeneratedRegex(@"\bclass Log\b")]
    private static partial Regex NestedLog();
}
