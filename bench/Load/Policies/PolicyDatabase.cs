using Npgsql;

namespace EnvPlatform.Bench.Load.Policies;

/// <summary>The database of Policy, to fill a fleet at once: logging and scanning each set would take hours.</summary>
internal sealed class PolicyDatabase(NpgsqlDataSource policy, Guid organization) : IAsyncDisposable
{
    private const int Packages = 40_000;

    public static async Task<PolicyDatabase> OpenAsync(RunningPlatform platform, CancellationToken ct)
    {
        await using var identity = NpgsqlDataSource.Create(await platform.DatabaseAsync("identity", ct));
        await using var command = identity.CreateCommand("select id from organizations order by created_at limit 1");
        var organization = (Guid)(await command.ExecuteScalarAsync(ct))!;
        return new(NpgsqlDataSource.Create(await platform.DatabaseAsync("policy", ct) + ";Command Timeout=600"), organization);
    }

    /// <summary>
    /// Packages of which every tenth has four findings, sets of about 150 of them, people in five groups each, and environments, of which
    /// some sets have many and most have few. The first environments are on one machine, at /opt/envs/env-N.
    /// </summary>
    public async Task FillAsync(int environments, int sets, Guid machine, CancellationToken ct)
    {
        foreach (var sql in Steps)
        {
            await ExecuteAsync(sql, ct, environments, sets, Packages, machine);
        }

        await ExecuteAsync("vacuum analyze", ct);
    }

    /// <summary>Makes a policy that is assigned to the organization, and marks what it decides as stale.</summary>
    public async Task<Guid> PolicyAsync(string name, string document, CancellationToken ct)
    {
        var id = Guid.CreateVersion7();
        await using var connection = await policy.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        foreach (var sql in new[]
        {
            """
            insert into policies (org_id, policy_id, name, document, enabled, observed, version, created_at, updated_at)
            values ($1, $2, $3, $4, true, false, 1, now(), now())
            """,
            """
            insert into policy_assignments (org_id, policy_id, target_type, target_id, assigned_at)
            select $1, $2, 'organization', $1, now() where $3 <> '' and $4 <> ''
            """,
            "insert into stale_decisions (org_id, policy_id) select $1, $2 where $3 <> '' and $4 <> ''",
        })
        {
            await using var command = new NpgsqlCommand(sql, connection, transaction)
            {
                Parameters = { new() { Value = organization }, new() { Value = id }, new() { Value = name }, new() { Value = document } },
            };
            await command.ExecuteNonQueryAsync(ct);
        }

        await transaction.CommitAsync(ct);
        return id;
    }

    public async Task DisableAsync(Guid id, CancellationToken ct)
    {
        await ExecuteAsync("update policies set enabled = false where policy_id = $1", ct, id);
        await ExecuteAsync("insert into stale_decisions (org_id) values ($1)", ct, organization);
    }

    /// <summary>Something new is found in a package of a set that some environments hold, as a scan finds it.</summary>
    public Task FindAsync(CancellationToken ct) => ExecuteAsync(
        """
        with chosen as (
            select s.package_set_id, p.package_ids[1] as package_id
            from (select package_set_id from environment_status group by package_set_id order by abs(count(*) - 30) limit 1) s
            join package_sets p using (package_set_id)),
        found as (
            insert into package_findings (package_id, vulnerability_id, fixed_in, found_at)
            select package_id, 'CVE-2026-1', '{2.0}', now() from chosen
            on conflict (package_id, vulnerability_id) do update set found_at = now(), gone_at = null)
        insert into stale_decisions (org_id, package_set_id) select $1, package_set_id from chosen
        """, ct, organization);

    public Task<long> StaleAsync(CancellationToken ct) => CountAsync("select count(*) from stale_decisions", ct);

    public Task<long> UntoldAsync(CancellationToken ct) =>
        CountAsync("select (select count(*) from status_changes) + (select count(*) from outbox)", ct);

    public async Task<string> StatusesAsync(CancellationToken ct)
    {
        await using var command = policy.CreateCommand(
            "select string_agg(n || ' ' || status, ', ' order by status) from "
            + "(select status, count(*) n from environment_decisions group by status) s");
        return $"{await command.ExecuteScalarAsync(ct)}";
    }

    public ValueTask DisposeAsync() => policy.DisposeAsync();

    private async Task<long> CountAsync(string sql, CancellationToken ct)
    {
        await using var command = policy.CreateCommand(sql);
        return (long)(await command.ExecuteScalarAsync(ct))!;
    }

    private async Task ExecuteAsync(string sql, CancellationToken ct, params object[] parameters)
    {
        var text = sql;
        if (parameters.Length > 1)
        {
            text = sql.Replace("@Organization", $"'{organization}'::uuid", StringComparison.Ordinal)
                .Replace("@Environments", $"{parameters[0]}", StringComparison.Ordinal)
                .Replace("@Sets", $"{parameters[1]}", StringComparison.Ordinal)
                .Replace("@Packages", $"{parameters[2]}", StringComparison.Ordinal)
                .Replace("@Machine", $"'{parameters[3]}'::uuid", StringComparison.Ordinal);
            parameters = [];
        }

        await using var command = policy.CreateCommand(text);
        foreach (var parameter in parameters)
        {
            command.Parameters.Add(new() { Value = parameter });
        }

        await command.ExecuteNonQueryAsync(ct);
    }

    private static readonly string[] Steps =
    [
        """
        insert into packages
        select n, case when n % 5 = 0 then 'pypi' else 'conda' end, case when n % 5 = 0 then '' else 'channel-' || n % 20 end, 'linux-64',
            'package-' || n / 8, '1.' || n % 8, 'h0', 'checked'
        from generate_series(1, @Packages) n
        """,
        "insert into organization_packages select @Organization, n, 'MIT', 'MIT' from generate_series(1, @Packages) n",
        """
        insert into vulnerabilities
        select 'CVE-2026-' || n, '{}', (n % 100) / 10.0, (array['none', 'low', 'medium', 'high', 'critical'])[1 + n % 5], 0.01,
            n % 50 = 1, now() - n * interval '1 hour', now()
        from generate_series(1, 8000) n
        """,
        """
        insert into package_findings (package_id, vulnerability_id, fixed_in, found_at)
        select n, 'CVE-2026-' || 1 + (n / 10 * 2 + k) % 8000, case when k % 2 = 0 then '{2.0}'::text[] else '{}' end,
            now() - (n % 60) * interval '1 day'
        from generate_series(10, @Packages, 10) n, generate_series(0, 3) k
        """,
        """
        insert into package_sets
        select n, array(
            select distinct 1 + (power(random(), 2) * (@Packages - 1))::int from generate_series(1, 160) k where n > 0 order by 1)
        from generate_series(1, @Sets) n
        """,
        """
        insert into scan_facts (org_id, package_set_id, total, critical, high, medium, low, unknown, not_checked, scanned_at, facts_at)
        select @Organization, n, 0, 0, 0, 0, 0, 0, 0, now(), now() from generate_series(1, @Sets) n
        """,
        """
        create temporary table person on commit preserve rows as select gen_random_uuid() as id, n from generate_series(1, 10000) n;
        create temporary table grp on commit preserve rows as select gen_random_uuid() as id, n from generate_series(0, 499) n;
        insert into subjects (org_id, subject_id, email, display_name, version)
        select @Organization, id, 'person-' || n || '@example.org', 'Person ' || n, 1 from person;
        insert into groups (org_id, group_id, name, version) select @Organization, id, 'group-' || n, 1 from grp;
        insert into group_members select distinct @Organization, g.id, p.id
        from person p cross join generate_series(0, 4) k join grp g on g.n = (p.n * 7 + k * 101) % 500;
        insert into channels (org_id, channel_id, name, everybody, version)
        select @Organization, gen_random_uuid(), 'channel-' || n, n > 3, 1 from generate_series(0, 19) n;
        insert into channel_names select org_id, name, channel_id from channels;
        insert into channel_grants select @Organization, c.channel_id, g.id from channels c, grp g where not c.everybody and g.n % 4 > 0;
        insert into environment_status (org_id, environment_id, machine_id, prefix, name, owner, environment_version, placed_at, platform,
            package_set_id, package_set_version, logged_at, set_since, folded)
        select @Organization, gen_random_uuid(), case when e.n < 500 then @Machine else md5('machine' || e.n / 15)::uuid end,
            '/opt/envs/env-' || e.n, 'env-' || e.n, p.id, 1, now(), 'linux-64',
            1 + (power(random(), 2) * (@Sets - 1))::int, 1, now() - (e.n % 50) * interval '1 day', now() - (e.n % 50) * interval '1 day', null
        from generate_series(0, @Environments - 1) as e (n) join person p on p.n = 1 + e.n % 10000;
        insert into machines
        select distinct @Organization, machine_id, 'machine-' || machine_id, now() from environment_status
        """,
    ];
}
