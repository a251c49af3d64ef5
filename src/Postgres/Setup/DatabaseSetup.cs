using Dapper;

using Microsoft.Extensions.Logging;

using Npgsql;

namespace EnvPlatform.Postgres.Setup;

/// <summary>
/// Prepares the database of a service: its roles, the database, who owns what is in it, migrations, rights. Run before the services start,
/// by somebody who may create roles and databases; the services may not. Running it again changes nothing that is as it should be.
/// </summary>
/// <param name="connectionString">Of an administrator of the server. The database that it names is not changed.</param>
public sealed class DatabaseSetup(string connectionString, ILoggerFactory logs)
{
    private const long LockKey = 0x656e_7670_7365_7475; // "envpsetu"

    private const string Roles =
        """
        do $$
        declare
            service text := current_setting('envplatform.role');
            owner text := current_setting('envplatform.owner');
        begin
            if not exists (select from pg_roles where rolname = owner) then
                execute format('create role %I nologin', owner);
            end if;
            if not exists (select from pg_roles where rolname = service) then
                execute format('create role %I login', service);
            end if;
            if exists (select from pg_roles where rolname = service and (rolsuper or rolcreaterole or rolcreatedb or rolbypassrls))
                or exists (select from pg_auth_members where member = service::regrole) then
                raise exception 'The role % has more rights than a service may have: drop it, or take them from it.', service;
            end if;
            execute format(
                'alter role %I login noinherit password %L', service, current_setting('envplatform.verifier'));
            if not (select rolsuper from pg_roles where rolname = current_user)
                and not exists (
                    select from pg_auth_members where member = current_user::regrole and roleid = owner::regrole) then
                execute format('grant %I to %I', owner, current_user);
            end if;
        end $$
        """;

    private const string Access =
        """
        do $$
        declare
            service text := current_setting('envplatform.role');
            database text := current_setting('envplatform.database');
        begin
            execute format('alter database %I owner to %I', database, current_setting('envplatform.owner'));
            execute format('revoke all on database %I from public', database);
            execute format('grant connect, temporary on database %I to %I', database, service);
        end $$
        """;

    /// <summary>
    /// Databases that come with the server hold nothing; without this every role could sign in to them and make temporary tables. Only an
    /// administrator of the whole server may decide it.
    /// </summary>
    private const string CommonDatabases =
        """
        do $$
        declare
            common name;
        begin
            if (select rolsuper from pg_roles where rolname = current_user) then
                for common in
                    select datname from pg_database
                    where datname in ('postgres', 'template1') and has_database_privilege('public', oid, 'connect')
                loop
                    execute format('revoke all on database %I from public', common);
                end loop;
            end if;
        end $$
        """;

    /// <summary>What an earlier version made as the server's administrator becomes the owner's. Parts of extensions stay.</summary>
    private const string Ownership =
        """
        do $$
        declare
            owner text := current_setting('envplatform.owner');
            change text;
        begin
            execute format('alter schema public owner to %I', owner);
            revoke all on schema public from public;
            execute format('grant usage on schema public to %I', current_setting('envplatform.role'));
            for change in
                select format(
                    'alter %s %s owner to %I',
                    case c.relkind when 'S' then 'sequence' when 'v' then 'view' when 'm' then 'materialized view' else 'table' end,
                    c.oid::regclass, owner)
                from pg_class as c
                where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'S')
                    and c.relowner <> owner::regrole
                    and not exists (
                        select from pg_depend as d
                        where d.classid = 'pg_class'::regclass and d.objid = c.oid
                            and (d.deptype = 'e' or (c.relkind = 'S' and d.deptype in ('a', 'i'))))
                union all
                select format('alter routine %s owner to %I', p.oid::regprocedure, owner)
                from pg_proc as p
                where p.pronamespace = 'public'::regnamespace and p.proowner <> owner::regrole
                    and not exists (
                        select from pg_depend as d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
                union all
                select format('alter type %s owner to %I', t.oid::regtype, owner)
                from pg_type as t
                where t.typnamespace = 'public'::regnamespace and t.typowner <> owner::regrole and t.typtype in ('e', 'd')
                    and not exists (
                        select from pg_depend as d where d.classid = 'pg_type'::regclass and d.objid = t.oid and d.deptype = 'e')
            loop
                execute change;
            end loop;
        end $$
        """;

    /// <summary>
    /// Rows of every table can be read and written; not those of partitions by themselves, and not the record of migrations. Nothing can be
    /// created, changed or truncated.
    /// </summary>
    private const string Grants =
        """
        do $$
        declare
            service text := current_setting('envplatform.role');
            item record;
        begin
            for item in
                select c.oid::regclass as name, c.relkind as kind
                from pg_class as c
                where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'S') and not c.relispartition
            loop
                if item.kind = 'S' then
                    execute format('grant usage, select on sequence %s to %I', item.name, service);
                else
                    execute format('grant select, insert, update, delete on %s to %I', item.name, service);
                end if;
            end loop;
            execute format('revoke insert, update, delete on migrations from %I', service);
        end $$
        """;

    /// <exception cref="PostgresException">The administrator lacks a right, or a migration failed.</exception>
    /// <exception cref="InvalidOperationException">A migration that was applied has been edited.</exception>
    public async Task PrepareAsync(ServiceDatabase database, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(database);
        await using (var server = await OpenAsync(connectionString, database, ct))
        {
            // One at a time on the whole server: roles are the server's.
            await LockAsync(server, ct);
            await ExecuteAsync(server, Roles, ct);
            await ExecuteAsync(server, CommonDatabases, ct);
            if (!await ExistsAsync(server, database.Name, ct))
            {
                await ExecuteAsync(server, database.Creation, ct);
            }

            await ExecuteAsync(server, Access, ct);
        }

        var there = new NpgsqlConnectionStringBuilder(connectionString) { Database = database.Name, Pooling = false };
        await using var admin = await OpenAsync(there.ConnectionString, database, ct);

        // One at a time in the database: locks belong to it.
        await LockAsync(admin, ct);
        await ExecuteAsync(admin, Ownership, ct);
        there.Options = $"{there.Options} -c role={database.Owner}".TrimStart();
        await using var owner = NpgsqlDataSource.Create(there.ConnectionString);
        await new Migrator(owner, database.Scripts, logs.CreateLogger<Migrator>()).MigrateAsync(ct);
        await using var rights = await OpenAsync(there.ConnectionString, database, ct);
        await using var transaction = await rights.BeginTransactionAsync(ct);
        await ExecuteAsync(rights, Grants, ct);
        if (database.Rights is not null)
        {
            await ExecuteAsync(rights, database.Rights, ct);
        }

        await transaction.CommitAsync(ct);
    }

    /// <summary>Until the connection is closed.</summary>
    private static Task<int> LockAsync(NpgsqlConnection connection, CancellationToken ct) =>
        connection.ExecuteAsync(new CommandDefinition("select pg_advisory_lock(@LockKey)", new { LockKey }, cancellationToken: ct));

    /// <summary>
    /// A connection of its own, with the names of what is prepared as settings: the statements take no parameters.
    /// </summary>
    private static async Task<NpgsqlConnection> OpenAsync(string connectionString, ServiceDatabase database, CancellationToken ct)
    {
        var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false }.ConnectionString);
        try
        {
            await connection.OpenAsync(ct);
            await connection.ExecuteAsync(new CommandDefinition(
                """
                select set_config('envplatform.role', @Role, false), set_config('envplatform.owner', @Owner, false),
                    set_config('envplatform.database', @Name, false), set_config('envplatform.verifier', @Verifier, false)
                """,
                new { database.Role, database.Owner, database.Name, Verifier = ScramVerifier.Of(database.Password) },
                cancellationToken: ct));
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    private static Task<bool> ExistsAsync(NpgsqlConnection server, string name, CancellationToken ct) =>
        server.ExecuteScalarAsync<bool>(new CommandDefinition(
            "select exists (select from pg_database where datname = @name)", new { name }, cancellationToken: ct));

    private static Task<int> ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken ct) =>
        connection.ExecuteAsync(new CommandDefinition(sql, commandTimeout: 600, cancellationToken: ct));
}
