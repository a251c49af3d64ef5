using Dapper;

using EnvPlatform.Testing;

using Npgsql;

namespace EnvPlatform.Scanner.Service.Tests;

/// <summary>What the version before has stored is kept, and it can read and write on while both run.</summary>
public sealed class FindingsOnceMigrationTests
{
    private const string FindingsSql =
        """
        select concat_ws(' ', package_id, vulnerability_id, array_to_string(advisories, ','), array_to_string(fixed_in, ','), matches)
        from package_findings order by package_id, vulnerability_id
        """;

    private TestDatabase _database = null!;
    private NpgsqlConnection _db = null!;

    [SetUp]
    public async Task MigrateAsync()
    {
        _database = await TestDatabase.CreateAsync();
        _db = new(_database.ConnectionString);
        await _db.OpenAsync();
        var scripts = typeof(ScannerOptions).Assembly.GetManifestResourceNames()
            .Where(name => name.StartsWith("migrations/", StringComparison.Ordinal)).Order(StringComparer.Ordinal).ToArray();
        var last = Array.FindIndex(scripts, name => name.EndsWith("0008_findings_once.sql", StringComparison.Ordinal));
        foreach (var script in scripts[..last])
        {
            await RunAsync(script);
        }

        await _db.ExecuteAsync(
            """
            insert into vulnerabilities (id, aliases, advisories, severity, modified_at, content_sha256)
            select 'CVE-' || i, '{}', '{}', 'high', now(), '\x' from generate_series(1, 5) as i;
            insert into packages (package_id, manager, channel, subdir, name, version, build, ecosystem, project, coverage, generation)
            select i, 'pypi', '', '', 'lib', '1.' || i, '', 'PyPI', 'lib', 'checked', 1 from generate_series(1, 100) as i;
            insert into package_findings (package_id, vulnerability_id, advisories, fixed_in, matches)
            select p, 'CVE-' || v, array['A-' || v], array['2.0'], '[{"entry": 0}]'
            from generate_series(1, 90) as p, generate_series(1, 3) as v;
            insert into package_findings (package_id, vulnerability_id, advisories, fixed_in) values (91, 'CVE-4', '{B}', '{}');
            """);
        Before = [.. await _db.QueryAsync<string>(FindingsSql)];
        await RunAsync(scripts[last]);
    }

    [TearDown]
    public async Task DropAsync()
    {
        await _db.DisposeAsync();
        await _database.DisposeAsync();
    }

    private string[] Before { get; set; } = [];

    [Test]
    public async Task Stored_findings_are_kept_and_stored_once() => Assert.Multiple(async () =>
    {
        Assert.That(await _db.QueryAsync<string>(FindingsSql), Is.EqualTo(Before));
        Assert.That(await _db.ExecuteScalarAsync<long>("select count(*) from findings"), Is.EqualTo(4));
        Assert.That(await _db.ExecuteScalarAsync<long>("select count(*) from found"), Is.EqualTo(2));
    });

    [Test]
    public async Task The_version_before_replaces_the_findings_of_one_package_and_no_other()
    {
        await using (var tx = await _db.BeginTransactionAsync())
        {
            await _db.ExecuteAsync("delete from package_findings where package_id = any(@Ids)", new { Ids = new[] { 1, 95 } });
            await using (var rows = await _db.BeginTextImportAsync(
                "copy package_findings (package_id, vulnerability_id, advisories, fixed_in, matches) from stdin"))
            {
                await rows.WriteAsync("1\tCVE-5\t{C}\t{}\t[]\n95\tCVE-5\t{C}\t{}\t[]\n95\tCVE-1\t{A-1}\t{}\t[]\n");
            }

            await tx.CommitAsync();
        }

        Assert.That(await _db.QueryAsync<string>(FindingsSql), Is.EqualTo((string[])
        [
            "1 CVE-5 C  []", .. Before.Where(row => !row.StartsWith("1 ", StringComparison.Ordinal)), "95 CVE-1 A-1  []", "95 CVE-5 C  []",
        ]));
    }

    [Test]
    public async Task A_vulnerability_can_be_forgotten_that_only_unused_findings_speak_of()
    {
        await _db.ExecuteAsync(
            """
            delete from package_findings where package_id = 91;
            insert into found (content_sha256) values ('\x01');
            insert into findings (found_id, vulnerability_id, advisories, fixed_in)
            select id, 'CVE-4', '{}', '{}' from found where content_sha256 = '\x01';
            delete from vulnerabilities where id = 'CVE-4';
            """);
        Assert.That(await _db.ExecuteScalarAsync<long>("select count(*) from found where content_sha256 = '\\x01'"), Is.Zero);
        Assert.That(
            async () => await _db.ExecuteAsync("delete from vulnerabilities where id = 'CVE-1'"),
            Throws.TypeOf<PostgresException>(), "a package has it");
    }

    private async Task RunAsync(string script)
    {
        using var reader = new StreamReader(typeof(ScannerOptions).Assembly.GetManifestResourceStream(script)!);
        await using var tx = await _db.BeginTransactionAsync();
        await _db.ExecuteAsync(await reader.ReadToEndAsync());
        await tx.CommitAsync();
    }
}
