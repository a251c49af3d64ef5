using System.Text.RegularExpressions;

namespace EnvPlatform.Architecture.Tests;

/// <summary>Migrations are numbered without a gap, and every table and index says what it is for.</summary>
public sealed partial class MigrationRules
{
    private static IEnumerable<string> Folders =>
        Repository.Services().Append(Path.Combine(Repository.Root, "src", "Postgres")).Select(folder => Path.Combine(folder, "Migrations")).Where(Directory.Exists);

    [TestCaseSource(nameof(Folders))]
    public void Numbers_have_no_gap(string folder)
    {
        var numbers = Directory.EnumerateFiles(folder, "*.sql").Select(file => Path.GetFileName(file)[..4]).Order(StringComparer.Ordinal).ToArray();
        Assert.That(numbers, Is.EqualTo(Enumerable.Range(1, numbers.Length).Select(n => n.ToString("0000"))));
    }

    [TestCaseSource(nameof(Folders))]
    public void Every_table_and_index_opens_with_a_comment(string folder)
    {
        var wrong =
            from file in Directory.EnumerateFiles(folder, "*.sql")
            let lines = File.ReadAllLines(file)
            from i in Enumerable.Range(0, lines.Length)
            where CreateStatement().IsMatch(lines[i]) && (i == 0 || !lines[i - 1].TrimStart().StartsWith("--", StringComparison.Ordinal))
            select $"{Repository.Relative(file)}:{i + 1}: {lines[i]}";
        Assert.That(wrong, Is.Empty);
    }

    [GeneratedRegex("^create (unlogged )?(table|unique index|index) (?!.*partition of)", RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture)]
    private static partial Regex CreateStatement();
}
