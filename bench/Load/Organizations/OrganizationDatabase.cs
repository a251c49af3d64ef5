using Npgsql;

namespace EnvPlatform.Bench.Load.Organizations;

/// <summary>The database of Identity, to fill an organization at once: making each person by the API would take hours.</summary>
internal sealed class OrganizationDatabase(NpgsqlDataSource identity) : IAsyncDisposable
{
    public static async Task<OrganizationDatabase> OpenAsync(RunningPlatform platform, CancellationToken ct) =>
        new(NpgsqlDataSource.Create(await platform.DatabaseAsync("identity", ct) + ";Command Timeout=600"));

    /// <summary>
    /// People with a machine, a token and a seat of their own, in twenty groups each and all in the first one; a tenth as many service
    /// accounts; an invitation for each person, half of them pending; channels, half of them private with ten groups, a quarter discovered.
    /// </summary>
    public async Task FillAsync(OrganizationSize size, CancellationToken ct)
    {
        await using var connection = await identity.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        foreach (var sql in Steps)
        {
            await using var command = new NpgsqlCommand(sql, connection, transaction)
            {
                Parameters =
                {
                    new("People", size.Members), new("Groups", size.Groups), new("Channels", size.Channels),
                    new("Programs", size.Members / 10),
                },
            };
            await command.ExecuteNonQueryAsync(ct);
        }

        await transaction.CommitAsync(ct);
        await using var vacuum = identity.CreateCommand("vacuum analyze");
        await vacuum.ExecuteNonQueryAsync(ct);
    }

    public async Task<string> TextAsync(string sql, CancellationToken ct)
    {
        await using var command = identity.CreateCommand(sql);
        return $"{await command.ExecuteScalarAsync(ct)}";
    }

    public ValueTask DisposeAsync() => identity.DisposeAsync();

    private static readonly string[] Steps =
    [
        """
        create temporary table org on commit drop as select id from organizations order by created_at limit 1;
        create temporary table person on commit drop as
        select gen_random_uuid() as id, n, (select id from org) as org_id from generate_series(1, @People) as n;
        create temporary table program on commit drop as
        select gen_random_uuid() as id, n, (select id from org) as org_id from generate_series(1, @Programs) as n;
        create temporary table grp on commit drop as
        select gen_random_uuid() as id, n, (select id from org) as org_id from generate_series(1, @Groups) as n;
        create temporary table chan on commit drop as
        select gen_random_uuid() as id, n, (select id from org) as org_id from generate_series(1, @Channels) as n
        """,
        """
        insert into subjects (id, type, email, display_name, created_at)
        select id, 'user', 'person-' || n || '@example.org', 'Person ' || md5(n::text), now() from person;
        insert into memberships (org_id, subject_id, role, created_at)
        select org_id, id, (array['member', 'member', 'member', 'auditor', 'security_manager'])[1 + n % 5], now() from person
        """,
        """
        insert into subjects (id, type, display_name, created_at) select id, 'service_account', 'robot-' || n, now() from program;
        insert into service_accounts (org_id, id, name, created_by, created_at)
        select org_id, id, 'robot-' || n, (select id from person limit 1), now() from program;
        insert into memberships (org_id, subject_id, role, created_at) select org_id, id, 'member', now() from program
        """,
        """
        insert into tokens (id, sha256, subject_id, org_id, kind, operator, name, created_at, expires_at)
        select gen_random_uuid(), sha256(n::text::bytea), id, org_id, 'personal', false, 'laptop', now(), now() + interval '90 days'
        from person;
        insert into machines (org_id, id, owner_id, hostname, platform, agent_version, created_at, updated_at)
        select org_id, gen_random_uuid(), id, 'host-' || n, 'linux-64', '1.0', now(), now() from person
        """,
        """
        insert into invitations (
            id, org_id, email, display_name, role, sha256, invited_by, created_at, expires_at, ended_at, ended_as)
        select gen_random_uuid(), org_id, 'invited-' || n || '@example.org', 'Invited ' || n, 'member', sha256(('i' || n)::bytea),
            (select id from person limit 1), now(), now() + interval '7 days', case when n % 2 = 0 then now() end,
            case when n % 2 = 0 then (array['accepted', 'revoked', 'declined'])[1 + n % 3] end
        from person
        """,
        """
        insert into user_groups (org_id, id, name, description, source, version, created_at, updated_at)
        select org_id, id, 'group ' || md5(n::text), 'made by a benchmark', 'manual', 1, now(), now() from grp;
        insert into group_members (org_id, group_id, subject_id, added_at)
        select distinct p.org_id, g.id, p.id, now()
        from person p cross join generate_series(0, 19) as k join grp g on g.n = 2 + (p.n * 7 + k * 13) % (@Groups - 1);
        insert into group_members (org_id, group_id, subject_id, added_at)
        select p.org_id, g.id, p.id, now() from person p join grp g on g.n = 1
        """,
        """
        insert into channels (
            org_id, id, name, url, aliases, kind, privacy, allowed, description, environments, packages, used_names, version, created_at,
            updated_at)
        select org_id, id, 'channel-' || md5(n::text), case when n % 4 <> 0 then 'https://conda.example.org/channel-' || n end,
            case when n % 3 = 0 then array['mirror-' || n] else '{}' end,
            (array['discovered', 'private', 'public', 'private'])[1 + n % 4],
            (array['private', 'private', 'public', 'private'])[1 + n % 4], case when n % 4 <> 0 then true end, '', n * 31 % 997,
            n * 17 % 1009, 1, 1, now(), now()
        from chan;
        insert into channel_counts (org_id, turn, arrived, whole_at) select id, 1, 1, now() from org;
        insert into channel_groups (org_id, channel_id, group_id, access, granted_at)
        select distinct c.org_id, c.id, g.id, 'read', now()
        from chan c cross join generate_series(0, 9) as k join grp g on g.n = 1 + (c.n * 11 + k * 37) % @Groups
        where c.n % 2 = 1
        """,
        """
        insert into products (org_id, product, seat_limit, auto_assign, assigned)
        select org_id, 'environments', @People, true, count(*) from person group by org_id;
        insert into seats (org_id, product, subject_id, granted, changed_at)
        select org_id, 'environments', id, n % 10 <> 0, now() from person
        """,
    ];
}
