using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace EnvPlatform.Architecture.Tests;

/// <summary>Migrations are numbered without a gap, and every table and index says what it is for.</summary>
public sealed partial class MigrationRules
{
    private static IEnumerable<string> Folders =>
        Repository.Services().Append(Path.Combine(Repository.Root, "src", "Postgres")).Select(folder => Path.Combine(folder, "Migrations"))
            .Where(Directory.Exists);

    [TestCaseSource(nameof(Folders))]
    public void Numbers_have_no_gap(string folder)
    {
        var numbers = Directory.EnumerateFiles(folder, "*.sql").Select(file => Path.GetFileName(file)[..4])
            .Order(StringComparer.Ordinal).ToArray();
        Assert.That(numbers, Is.EqualTo(Enumerable.Range(1, numbers.Length).Select(n => n.ToString("0000"))));
    }

    /// <summary>
    /// Dropped what they replaced, before the first release, when no version ran that reads it (ADR 12). Nothing may be added here.
    /// </summary>
    private static readonly string[] BeforeTheFirstRelease =
        ["src/Services/Ingest/Migrations/0003_counts_by_set.sql", "src/Services/Scanner/Migrations/0006_counts_apart.sql"];

    [Test]
    public void What_an_older_version_reads_goes_in_a_step_of_its_own_a_release_later()
    {
        var scripts = Folders.SelectMany(folder => Directory.EnumerateFiles(folder, "*.sql"))
            .ToDictionary(Repository.Relative, File.ReadAllText);
        var version = Version.Parse(
            XDocument.Load(Path.Combine(Repository.Root, "Directory.Build.props")).Descendants("Version").Single().Value);
        var wrong = scripts.Where(script => RefuseContraction(script.Value, version) is not null).Select(script => script.Key).ToArray();
        Assert.That(wrong, Is.EquivalentTo(BeforeTheFirstRelease), "ADR 12 says how to drop and rename.");
    }

    [TestCase("create table a (b int);", "0.1.0", true)]
    [TestCase("drop index a_b;\ncreate index a_c on a (c);", "0.1.0", true)]
    [TestCase("alter table a add column c int;\nalter table a drop column b;", "9.0.0", false)]
    [TestCase("alter table a add column c int, drop column b;", "9.0.0", false)]
    [TestCase("-- contract: not read since 0.1.0\nalter table a\n    drop column b,\n    drop column c;\ndrop table d;", "0.2.0", true)]
    [TestCase(
        "-- contract: not read since 0.1.0\nalter table a drop column b;", "0.1.0", false, Description = "the release that still has it")]
    [TestCase("-- contract: not read since 0.1.0\nalter table a drop column b;\nupdate a set c = 1;", "0.2.0", false)]
    [TestCase("alter table a drop column b;", "0.2.0", false)]
    [TestCase("alter table a rename column b to c;", "0.2.0", false)]
    [TestCase("ALTER TABLE a RENAME TO c;", "0.2.0", false)]
    [TestCase("alter table a alter column b type bigint;", "0.2.0", false)]
    [TestCase("alter table a drop b;", "0.2.0", false)]
    [TestCase("drop table if exists a;", "0.2.0", false)]
    [TestCase("-- A table to drop table by table.\ncreate table drops (b text); -- rename to nothing", "0.1.0", true)]
    [TestCase("alter table a drop constraint a_check;", "0.1.0", true)]
    [TestCase("create table c (b int);\ndrop table a;\ncreate view a as select b from c;", "0.1.0", true)]
    [TestCase("create table c (b int);\ndrop table a;\ncreate view d as select b from c;", "0.1.0", false)]
    public void A_script_that_drops_is_told_from_one_that_does_not(string script, string version, bool isAllowed) =>
        Assert.That(RefuseContraction(script, Version.Parse(version)), isAllowed ? Is.Null : Is.Not.Null);

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

    /// <summary>
    /// Null for a script that removes nothing that an older version reads, or removes it as it should; otherwise why not.
    /// </summary>
    private static string? RefuseContraction(string script, Version version)
    {
        var statements = Comment().Replace(script, "").Split(';')
            .Select(statement => Space().Replace(statement, " ").Trim().ToLowerInvariant())
            .Where(statement => statement.Length > 0).ToArray();
        // A table whose place a view of its name takes in the same script is read and written on.
        var views = statements.Select(statement => CreateView().Match(statement)).Where(view => view.Success)
            .Select(view => view.Groups["name"].Value).ToHashSet(StringComparer.Ordinal);
        statements = [.. statements.Where(statement => !(DropTable().Match(statement) is { Success: true } drop
            && views.Contains(drop.Groups["name"].Value)))];
        if (!statements.Any(TakesAway().IsMatch))
        {
            return null;
        }

        if (ContractLine().Match(script) is not { Success: true } line)
        {
            return "It does not begin with -- contract: not read since X.Y.Z";
        }

        if (Version.Parse(line.Groups["version"].Value) >= version)
        {
            return $"{line.Groups["version"].Value} is not older than {version}.";
        }

        return statements.FirstOrDefault(statement => !OnlyDrops().IsMatch(statement)) is { } other ? $"It does more: {other}" : null;
    }

    [GeneratedRegex("--[^\n]*|/\\*.*?\\*/", RegexOptions.Singleline)]
    private static partial Regex Comment();

    [GeneratedRegex("\\s+")]
    private static partial Regex Space();

    [GeneratedRegex(
        @"^drop (table|view|materialized view)\b"
        + @"|^alter (table|view) .*\b(rename\b|drop (?!constraint\b|not null\b|default\b|expression\b|identity\b)"
        + @"|alter (column )?\w+ (set data )?type\b)",
        RegexOptions.ExplicitCapture)]
    private static partial Regex TakesAway();

    [GeneratedRegex(@"^drop table (?<name>\w+)$", RegexOptions.ExplicitCapture)]
    private static partial Regex DropTable();

    [GeneratedRegex(@"^create view (?<name>\w+) as ", RegexOptions.ExplicitCapture)]
    private static partial Regex CreateView();

    [GeneratedRegex(@"\A-- contract: not read since (?<version>\d+\.\d+\.\d+)\n", RegexOptions.ExplicitCapture)]
    private static partial Regex ContractLine();

    [GeneratedRegex(
        @"^drop \w+ |^alter table (if exists )?\S+ drop (column )?[^,]+(, drop (column )?[^,]+)*$", RegexOptions.ExplicitCapture)]
    private static partial Regex OnlyDrops();

    [GeneratedRegex(
        "^create (unlogged )?(table|unique index|index) (?!.*partition of)", RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture)]
    private static partial Regex CreateStatement();
}
