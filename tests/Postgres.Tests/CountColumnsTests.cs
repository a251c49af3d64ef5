using Dapper;

using EnvPlatform.Contracts;
using EnvPlatform.Testing;

using Npgsql;

namespace EnvPlatform.Postgres.Tests;

/// <summary>Counts come back from PostgreSQL as they were written.</summary>
public sealed class CountColumnsTests
{
    private static readonly Found[] Rows =
    [
        new(1, new(21, 1, 2, 3, 4, 5), 9.8m, 6),
        new(2, VulnerabilityCounts.None, null, 0),
    ];

    private NpgsqlDataSource _db = null!;
    private NpgsqlConnection _connection = null!;

    [SetUp]
    public async Task SetUp()
    {
        DapperSetup.Apply();
        _db = NpgsqlDataSource.Create(TestServers.Postgres);
        _connection = await _db.OpenConnectionAsync();
        await _connection.ExecuteAsync(
            """
            create temporary table counts (
                id bigint primary key, total int not null, critical int not null, high int not null, medium int not null, low int not null,
                unknown int not null, max_cvss numeric(3, 1), kev int not null);
            create temporary table found (id text primary key, severity text not null);
            """);
    }

    [TearDown]
    public async Task TearDown()
    {
        await _connection.DisposeAsync();
        await _db.DisposeAsync();
    }

    [Test]
    public async Task Many_rows_are_written_and_read_and_written_over()
    {
        await WriteAsync(Rows);
        Assert.That(await ReadAsync(), Is.EqualTo(Rows));
        Found[] other =
        [
            Rows[0] with { Vulnerabilities = new(60, 10, 20, 5, 15, 3), MaxCvss = null, Kev = 1 }, Rows[1] with { MaxCvss = 0.1m }
        ];
        await WriteAsync(other);
        Assert.That(await ReadAsync(), Is.EqualTo(other));
    }

    [Test]
    public async Task Where_there_is_no_row_there_are_no_counts()
    {
        var read = await _connection.QuerySingleAsync<Maybe>(
            $"""
            select asked.id, {CountColumns.ValueOf("c")} as vulnerabilities from (select 7::bigint as id) asked left
            join counts c on c.id = asked.id
            """);
        Assert.That(read, Is.EqualTo(new Maybe(7, null)));
    }

    [Test]
    public async Task Rows_are_the_same_when_every_column_is()
    {
        await WriteAsync(Rows);
        await _connection.ExecuteAsync($"create temporary table other as select id, {CountColumns.Names} from counts");
        Assert.That(await SameAsync(), Is.EqualTo(2));
        foreach (var column in CountColumns.Names.Split(", "))
        {
            await _connection.ExecuteAsync($"update other set {column} = coalesce({column}, 0) + 1");
            Assert.That(await SameAsync(), Is.Zero, column);
            await _connection.ExecuteAsync($"update other o set {CountColumns.AssignFrom("c")} from counts c where c.id = o.id");
            Assert.That(await SameAsync(), Is.EqualTo(2), column);
        }
    }

    private Task<int> SameAsync() => _connection.QuerySingleAsync<int>(
        $"""
        select count(*) from counts a join other b using (id) where ({CountColumns.Of("a")}) is not distinct from ({CountColumns.Of("b")})
        """);

    [Test]
    public async Task Vulnerabilities_are_counted_by_severity_and_those_of_none_in_the_total_alone()
    {
        string[] severities = ["critical", "high", "high", "medium", "medium", "medium", "low", "unknown", "unknown", "none"];
        await _connection.ExecuteAsync(
            "insert into found select n::text, severity from unnest(@severities) with ordinality as s(severity, n)", new { severities });
        var (total, critical, high, medium, low, unknown) = await _connection.QuerySingleAsync<(int, int, int, int, int, int)>(
            $"select {CountColumns.CountRowsOf("v")} from found v");
        Assert.That(
            new VulnerabilityCounts(total, critical, high, medium, low, unknown), Is.EqualTo(new VulnerabilityCounts(10, 1, 2, 3, 1, 2)));
    }

    private Task<int> WriteAsync(Found[] rows) => _connection.ExecuteAsync(
        $"""
        insert into counts (id, {CountColumns.Names}) select id, {CountColumns.Names}
        from unnest(@Ids, {CountColumns.Values}) as given (id, {CountColumns.Names})
        on conflict (id) do update set {CountColumns.AssignFrom("excluded")}
        """, CountColumns.Parameters(
            new { Ids = rows.Select(row => row.Id).ToArray() }, rows, row => row.Vulnerabilities, row => row.MaxCvss, row => row.Kev));

    private async Task<List<Found>> ReadAsync() =>
        (await _connection.QueryAsync<Found>(
            $"select c.id, {CountColumns.ValueOf("c")} as vulnerabilities, c.max_cvss, c.kev from counts c order by c.id")).AsList();

    private sealed record Found(long Id, VulnerabilityCounts Vulnerabilities, decimal? MaxCvss, int Kev);

    private sealed record Maybe(long Id, VulnerabilityCounts? Vulnerabilities);
}
