using Dapper;

using EnvPlatform.Postgres.Setup;
using EnvPlatform.Testing;

using Microsoft.Extensions.Logging.Abstractions;

using Npgsql;

namespace EnvPlatform.Postgres.Tests;

/// <summary>
/// A database is prepared once or again, by one or by several, new or as an earlier version left it, with the same result.
/// </summary>
public sealed class DatabaseSetupTests
{
    private const string Password = "a-password-of-this-test";
    private string _name = "";

    [SetUp]
    public void Name() => _name = "setup_" + Guid.CreateVersion7().ToString("N");

    [TearDown]
    public async Task DropAsync()
    {
        await using var server = await OpenAsync("postgres");
        await server.ExecuteAsync($"drop database if exists {_name} with (force)");
        await server.ExecuteAsync($"drop role if exists {_name}; drop role if exists {_name}_owner");
    }

    [Test]
    public async Task What_the_administrator_made_before_becomes_the_owners_and_the_rows_stay()
    {
        await using (var server = await OpenAsync("postgres"))
        {
            await server.ExecuteAsync($"create database {_name}");
        }

        await using (var before = NpgsqlDataSource.Create(As(_name)))
        {
            await new Migrator(before, MigrationScript.Of(typeof(DatabaseSetupTests).Assembly), NullLogger<Migrator>.Instance)
                .MigrateAsync(CancellationToken.None);
            await using var connection = await before.OpenConnectionAsync();
            await connection.ExecuteAsync(
                """
                insert into notes (text) values ('kept');
                create sequence numbers;
                create type mood as enum ('calm');
                create view seen as select text from notes;
                create function one() returns int language sql as 'select 1';
                create table parts (at date) partition by range (at);
                create table parts_1 partition of parts for values from ('2026-01-01') to ('2027-01-01');
                create extension if not exists pg_trgm;
                """);
        }

        await PrepareAsync();
        await using var db = await OpenAsync(_name);
        Assert.That(
            await db.QueryAsync<string>(
                """
                select c.relname from pg_class as c
                where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'S')
                    and c.relowner::regrole::text <> current_database() || '_owner'
                union all
                select p.proname from pg_proc as p
                where p.proname = 'one' and p.proowner::regrole::text <> current_database() || '_owner'
                union all
                select t.typname from pg_type as t
                where t.typname = 'mood' and t.typowner::regrole::text <> current_database() || '_owner'
                """), Is.Empty, "of another owner");
        await using var service = new NpgsqlConnection(As(_name, _name));
        await service.OpenAsync();
        Assert.That(await service.QueryAsync<string>("select text from seen"), Is.EqualTo(new[] { "kept" }));
        Assert.That(await service.ExecuteScalarAsync<long>("select nextval('numbers')"), Is.EqualTo(1));
        await service.ExecuteAsync("insert into parts values ('2026-05-05')");
        Assert.That(
            () => service.ExecuteAsync("delete from parts_1"),
            Throws.TypeOf<PostgresException>().With.Property("SqlState").EqualTo(PostgresErrorCodes.InsufficientPrivilege));
    }

    [Test]
    public async Task It_is_prepared_by_several_at_once_and_again_with_another_password()
    {
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => PrepareAsync()));
        await PrepareAsync("another-password");
        await using var old = new NpgsqlConnection(As(_name, _name));
        Assert.That(
            () => old.OpenAsync(),
            Throws.TypeOf<PostgresException>().With.Property("SqlState").EqualTo(PostgresErrorCodes.InvalidPassword));
        await using var service = new NpgsqlConnection(As(_name, _name, "another-password"));
        await service.OpenAsync();
        Assert.That(await service.ExecuteScalarAsync<long>("select count(*) from migrations"), Is.EqualTo(3));
    }

    [Test]
    public async Task What_the_rights_take_away_stays_away()
    {
        const string Rights =
            "do $$ begin execute format('revoke delete on notes from %I', current_setting('envplatform.role')); end $$";
        await PrepareAsync(rights: Rights);
        await PrepareAsync(rights: Rights);
        await using var service = new NpgsqlConnection(As(_name, _name));
        await service.OpenAsync();
        await service.ExecuteAsync("insert into notes (text) values ('x')");
        Assert.That(
            () => service.ExecuteAsync("delete from notes"),
            Throws.TypeOf<PostgresException>().With.Property("SqlState").EqualTo(PostgresErrorCodes.InsufficientPrivilege));
    }

    [TestCase("createrole")]
    [TestCase("superuser")]
    [TestCase("in role pg_read_all_data")]
    public async Task A_role_that_may_do_more_is_refused(string right)
    {
        await using (var server = await OpenAsync("postgres"))
        {
            await server.ExecuteAsync($"create role {_name} login {right}");
        }

        Assert.That(() => PrepareAsync(), Throws.TypeOf<PostgresException>().With.Message.Contains("more rights than a service may have"));
    }

    [Test]
    public async Task A_service_that_starts_first_waits()
    {
        await using var database = await TestDatabase.CreateAsync();
        var prepared = new NpgsqlConnectionStringBuilder(As(_name, _name)).ConnectionString;
        var host = TestHost.StartAsync(database, "early" + _name[^8..], connectionString: prepared);
        await PrepareAsync();
        await using var ready = await host;
        Assert.That(await ready.Db.QuerySingleOrDefaultAsync<long>("select count(*) from notes", null, CancellationToken.None), Is.Zero);
    }

    private Task PrepareAsync(string password = Password, string? rights = null) =>
        new DatabaseSetup(TestServers.Postgres, NullLoggerFactory.Instance).PrepareAsync(
            new(_name, _name, password, MigrationScript.Of(typeof(DatabaseSetupTests).Assembly), rights), CancellationToken.None);

    private static string As(string database, string? role = null, string password = Password)
    {
        var connection = new NpgsqlConnectionStringBuilder(TestServers.Postgres) { Database = database, Pooling = false };
        if (role is not null)
        {
            (connection.Username, connection.Password) = (role, password);
        }

        return connection.ConnectionString;
    }

    private static async Task<NpgsqlConnection> OpenAsync(string database)
    {
        var connection = new NpgsqlConnection(As(database));
        await connection.OpenAsync();
        return connection;
    }
}
