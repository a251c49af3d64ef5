using System.Text.RegularExpressions;

namespace EnvPlatform.Architecture.Tests;

/// <summary>
/// SQL is constant text. A statement may be composed of constants and of what our code chooses among constants; values are parameters.
/// </summary>
public sealed partial class SqlRules
{
    /// <summary>
    /// Members whose text is fixed in a way that the check does not follow; each was reviewed by a person. The list may only shrink.
    /// </summary>
    private static readonly string[] Read =
    [
        "MigrationScript.Sql", // an embedded file
        "ServiceDatabase.Rights", // an embedded file
        "ServiceDatabase.Creation", // a checked name
        "PageQuery.SortBy", // one of the values of a table of constants
        "AuditQuery.SortColumn", // one of three
        "ListAuditLogs.Where", // constants, and columns from a table, joined by and or or
        "ListEnvironments.Where", // concatenated constants
        "IListeningWork.Channel", // a constant of each type that listens; LISTEN takes no parameter
        "ListAffectedEnvironments.PageSql", // constants, and the columns of an order joined by commas
    ];

    /// <summary>
    /// A membership may be suspended or removed: what decides who may do what reads the view <c>active_memberships</c>, what keeps
    /// groups and seats <c>present_memberships</c>. These read the table.
    /// </summary>
    private static readonly string[] ReadMemberships =
    [
        "src/Services/Identity/Members/", // shows and changes the states
        "src/Services/Identity/Invitations/NewInvitation.cs", // asks for the state
        "src/Services/Identity/Directories/DirectoryItems.cs", // tells which groups those had who were removed
    ];

    [Test]
    public void Only_active_memberships_count()
    {
        var wrong = Repository.Sources("src/Services/Identity")
            .Select(file => (Path: Repository.Relative(file), Text: File.ReadAllText(file)))
            .Where(source => !ReadMemberships.Any(path => source.Path.StartsWith(path, StringComparison.Ordinal)))
            .Where(source => ReadsMemberships().IsMatch(source.Text)).Select(source => source.Path).ToArray();
        Assert.That(wrong, Is.Empty, "Read active_memberships: memberships holds those that are suspended or were removed too.");
        Assert.That(ReadsMemberships().IsMatch("select 1 from\n  memberships m"), Is.True);
        Assert.That(ReadsMemberships().IsMatch("join memberships m"), Is.True);
    }

    [GeneratedRegex(@"(?<!delete\s+)\b(from|join)\s+memberships\b", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex ReadsMemberships();

    [Test]
    public void The_text_of_every_statement_is_fixed()
    {
        var sources = Repository.Sources("src").Select(file => (Path: Repository.Relative(file), Text: File.ReadAllText(file)))
            .Where(source => !source.Path.StartsWith("src/Agent/", StringComparison.Ordinal)
                && !source.Path.StartsWith("src/Contracts/", StringComparison.Ordinal)
                && !source.Path.StartsWith("src/AppHost/", StringComparison.Ordinal));
        var text = new SqlText(sources, Read);
        var wrong = text.NotFixed();
        Assert.That(text.Statements, Is.GreaterThan(150), "the statements are found");
        Assert.That(wrong, Is.Empty);
        Assert.That(text.Unused, Is.Empty);
    }

    [TestCase("\"select 1 where x = \" + given", false)]
    [TestCase("$\"select 1 where x = '{given}'\"", false)]
    [TestCase("$\"select {Columns} from t\"", true)]
    [TestCase("$\"select 1 {(number > 1 ? \"limit 1\" : \"\")}\"", true)]
    [TestCase("$\"select {Order(number)}\"", true)]
    [TestCase("$\"select {Quote(given)}\"", false)]
    [TestCase("$\"select {number}\"", true)]
    [TestCase("Pair(number, given)", false)]
    [TestCase("Pair(number, Columns)", true)]
    [TestCase("given", false)]
    [TestCase("Sometimes(number, given)", false)]
    [TestCase("given.Trim()", false)]
    [TestCase("string.Join(',', new[] { given })", false)]
    public void A_text_that_somebody_gives_is_told_from_one_that_is_fixed(string expression, bool isFixed)
    {
        var source =
            $$"""
            using Dapper;
            namespace EnvPlatform.Probe;
            internal static class Probe
            {
                private const string Columns = "a, b";
                private static string Order(int number) => number switch { 1 => "a", _ => "b" };
                private static string Pair(int number, string text) { var (by, after) = number > 1 ? ("a", text) : ("b",
                    ""); return $"select {by} {after}"; }
                private static string Quote(string text) => $"'{text}'";
                private static string Sometimes(int number, string text) { if (number == 1) { return "select 1"; } return text; }
                public static object Run(System.Data.Common.DbConnection db, string given, int number) => db.Query<int>({{expression}});
                public static object Call(System.Data.Common.DbConnection db) => Run(db, Environment.MachineName, 1);
            }
            """;
        var text = new SqlText([("Probe.cs", source)], []);
        Assert.That(text.NotFixed(), isFixed ? Is.Empty : Has.Count.EqualTo(1));
        Assert.That(text.Statements, Is.EqualTo(1));
    }
}
