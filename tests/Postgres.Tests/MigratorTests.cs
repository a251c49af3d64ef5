using EnvPlatform.Testing;

using Microsoft.Extensions.Logging.Abstractions;

using Npgsql;

namespace EnvPlatform.Postgres.Tests;

/// <summary>Each script is applied once, by whichever instance comes first, and is never edited.</summary>
public sealed class MigratorTests
{
    [Test]
    public async Task Five_instances_at_once_apply_each_script_once()
    {
        await using var database = await TestDatabase.CreateAsync();
        await using var db = NpgsqlDataSource.Create(database.ConnectionString);
        await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => NewMigrator(db).MigrateAsync(CancellationToken.None)));
        var names = await db.QueryAsync<string>("select name from migrations order by source, name", null, CancellationToken.None);
        Assert.That(names, Is.EqualTo(new[] { "0001_outbox_inbox.sql", "0002_refusals.sql", "0001_notes.sql" }));
    }

    [Test]
    public async Task A_script_that_was_edited_after_it_was_applied_is_refused()
    {
        await using var database = await TestDatabase.CreateAsync();
        await using var db = NpgsqlDataSource.Create(database.ConnectionString);
        await NewMigrator(db).MigrateAsync(CancellationToken.None);
        await using (var command = db.CreateCommand("update migrations set sha256 = 'other' where name = '0001_notes.sql'"))
        {
            await command.ExecuteNonQueryAsync();
        }

        Assert.That(() => NewMigrator(db).MigrateAsync(CancellationToken.None),
            Throws.InvalidOperationException.With.Message.Contains("0001_notes.sql"));
    }

    private static Migrator NewMigrator(NpgsqlDataSource db) =>
        new(db, MigrationScript.Of(typeof(MigratorTests).Assembly), NullLogger<Migrator>.Instance);
}
