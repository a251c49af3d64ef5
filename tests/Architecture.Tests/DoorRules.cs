using System.Text.RegularExpressions;

namespace EnvPlatform.Architecture.Tests;

/// <summary>How the database and the clock are reached.</summary>
public sealed partial class DoorRules
{
    /// <summary>Where more than one statement needs the same session, or the rows of one are streamed. The list may only shrink.</summary>
    private static readonly Dictionary<string, string> Sessions = new(StringComparer.Ordinal)
    {
        ["src/Postgres/"] = "the door itself",
        ["src/Idempotency/IdempotencyKeys.cs"] = "keeps answers around the handler's transaction",
        ["src/Services/Scanner/Advisories/Feeds/FetchTurn.cs"] = "a lock of the session",
        ["src/Services/Scanner/Advisories/Imports/ImportTurn.cs"] = "a lock of the session",
        ["src/Services/Scanner/Advisories/Imports/AdvisoryPlan.cs"] = "rows read as they come",
        ["src/Services/Scanner/Advisories/CurrentIndex.cs"] = "rows read as they come",
        ["src/Services/Scanner/Advisories/StoredAdvisories.cs"] = "rows read as they come",
        ["src/Services/Scanner/Advisories/StoredMapping.cs"] = "rows read as they come",
        ["src/Services/Scanner/Vulnerabilities/VulnerabilityList.cs"] = "one setting for two statements",
    };

    /// <summary>
    /// In addition to registrations, where a process is composed: everything else gets its clock injected. The list may only shrink.
    /// </summary>
    private static readonly string[] SystemClocks =
    [
        "src/Agent/Surroundings.cs", // all external inputs of the agent
        "src/Migrations/Program.cs", // runs once, and waits for the server
        "src/LocalServers/PostgresProgram.cs", // waits for a local program to end
    ];

    private static readonly (string File, string Text)[] Sources = [.. Repository.Sources("src")
        .Select(file => (Repository.Relative(file), File.ReadAllText(file)))];

    [Test]
    public void Statements_go_through_the_data_source_or_a_transaction()
    {
        var wrong = Sources.Where(source => !Sessions.Keys.Any(key => source.File.StartsWith(key, StringComparison.Ordinal)))
            .Where(source => OwnConnection().IsMatch(source.Text)).Select(source => source.File);
        Assert.That(wrong, Is.Empty, "Read with db.QueryAsync and its like, write with db.BeginAsync.");
    }

    [Test]
    public void A_gRPC_server_holds_no_connection()
    {
        var servers = Sources.Where(source => source.File.EndsWith("Grpc.cs", StringComparison.Ordinal)).ToArray();
        Assert.That(servers, Has.Length.GreaterThanOrEqualTo(5));
        Assert.That(
            servers.Where(source => OwnConnection().IsMatch(source.Text) || source.Text.Contains("using Dapper;", StringComparison.Ordinal))
                .Select(source => source.File), Is.Empty);
    }

    [Test]
    public void The_clock_of_the_system_is_taken_where_a_process_is_put_together_and_nowhere_else() =>
        Assert.That(
            Sources.Where(source => SystemClock().IsMatch(source.Text)).Select(source => source.File), Is.EquivalentTo(SystemClocks));

    [Test]
    public void The_door_to_the_database_reads_no_clock_in_the_name_of_a_transaction()
    {
        string[] files =
        [
            "src/Postgres/Tx.cs", "src/Postgres/Outbox/OutboxMessage.cs", "src/Postgres/BeforeCommit.cs",
            "src/Postgres/DataSourceExtensions.cs"
        ];
        Assert.That(Sources.Where(source => files.Contains(source.File)).Select(source => source.File), Is.EquivalentTo(files));
        Assert.That(
            Sources.Where(source => files.Contains(source.File) && Clock().IsMatch(source.Text)).Select(source => source.File), Is.Empty);
    }

    [Test]
    public void The_door_to_the_database_knows_no_HTTP() =>
        Assert.That(
            Sources.Where(source => source.File.StartsWith("src/Postgres/", StringComparison.Ordinal)
                && source.Text.Contains("Microsoft.AspNetCore", StringComparison.Ordinal))
                .Select(source => source.File), Is.Empty);

    [Test]
    public void Decisions_know_no_database_bus_or_clock()
    {
        var decisions = Sources.Where(source => source.File.EndsWith("Decision.cs", StringComparison.Ordinal)).ToArray();
        Assert.That(decisions, Is.Not.Empty);
        Assert.That(decisions.Where(source => Outside().IsMatch(source.Text)).Select(source => source.File), Is.Empty);
    }

    [GeneratedRegex(@"\.OpenConnection(Async)?\(|\bdb\.CreateCommand\(|new NpgsqlConnection\(", RegexOptions.ExplicitCapture)]
    private static partial Regex OwnConnection();

    [GeneratedRegex(@"(?<!\.(Try)?AddSingleton\()TimeProvider\.System\b", RegexOptions.ExplicitCapture)]
    private static partial Regex SystemClock();

    [GeneratedRegex(@"TimeProvider|UtcNow|CreateVersion7\(\)|Stopwatch", RegexOptions.ExplicitCapture)]
    private static partial Regex Clock();

    [GeneratedRegex(@"Npgsql|Dapper|MassTransit|EnvPlatform\.Postgres|TimeProvider|\basync\b|\bTask\b", RegexOptions.ExplicitCapture)]
    private static partial Regex Outside();
}
