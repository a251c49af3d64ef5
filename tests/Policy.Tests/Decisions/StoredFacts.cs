using EnvPlatform.Policy.Documents;
using EnvPlatform.Testing;

using Npgsql;

namespace EnvPlatform.Policy.Tests.Decisions;

/// <summary>Writes what decisions depend on straight into the tables of the policy service.</summary>
internal sealed class StoredFacts(NpgsqlDataSource db, Guid organization)
{
    private static int _ids = 1_000;

    public static int NextId() => Interlocked.Increment(ref _ids);

    /// <summary>A policy that is assigned to the organization, or to what is given.</summary>
    public async Task<Guid> PolicyAsync(
        string name, string when, string then = "then: block", string more = "", (string Type, Guid Id)? target = null)
    {
        var (document, errors) = PolicyParser.Parse($"name: {name}\n{more}rules:\n  - name: r\n    when:\n      {when}\n    {then}\n");
        if (document is null)
        {
            throw new InvalidOperationException(string.Join("\n", errors));
        }

        var id = Guid.CreateVersion7();
        await ExecuteAsync(
            """
            insert into policies (org_id, policy_id, name, document, enabled, observed, version, created_at, updated_at)
            values ($1, $2, $3, $4, $5, $6, 1, now(), now())
            """, organization, id, name, CanonicalForm.ToJson(document), document.IsEnabled, document.IsObserved);
        await AssignAsync(id, target ?? ("organization", organization));
        await MarkPolicyAsync(id);
        return id;
    }

    public async Task ChangePolicyAsync(Guid policy, string name, string when, string then = "then: block")
    {
        var document = PolicyParser.Parse($"name: {name}\nrules:\n  - name: r\n    when:\n      {when}\n    {then}\n").Document!;
        await ExecuteAsync(
            "update policies set document = $3, version = version + 1 where org_id = $1 and policy_id = $2",
            organization, policy, CanonicalForm.ToJson(document));
        await MarkPolicyAsync(policy);
    }

    public Task AssignAsync(Guid policy, (string Type, Guid Id) target) => ExecuteAsync(
        "insert into policy_assignments (org_id, policy_id, target_type, target_id, assigned_at) values ($1, $2, $3, $4, now())",
        organization, policy, target.Type, target.Id);

    public async Task DisableAsync(Guid policy)
    {
        await ExecuteAsync("update policies set enabled = false where policy_id = $1", policy);
        await MarkPolicyAsync(policy);
    }

    public Task MarkPolicyAsync(Guid policy) => ExecuteAsync(
        """
        insert into stale_decisions (org_id, policy_id, caused_by) values ($1, $2, '{"email": "grace@example.org"}'::jsonb)
        """, organization, policy);

    public Task MarkSetAsync(long set) =>
        ExecuteAsync("insert into stale_decisions (org_id, package_set_id) values ($1, $2)", organization, set);

    public Task MarkEnvironmentAsync(Guid environment) =>
        ExecuteAsync("insert into stale_decisions (org_id, environment_id) values ($1, $2)", organization, environment);

    public async Task<int> PackageAsync(
        string name = "openssl", string version = "1.1.1k", string channel = "conda-forge", string? coverage = "checked")
    {
        var id = NextId();
        await ExecuteAsync(
            "insert into packages values ($1, 'conda', $2, 'linux-64', $3, $4, 'h0', $5)", id, channel, name, version,
            coverage ?? (object)DBNull.Value);
        return id;
    }

    public Task VulnerabilityAsync(string id, bool? kev = true, decimal? cvss = 9.8m) => ExecuteAsync(
        """
        insert into vulnerabilities (vulnerability_id, aliases, cvss, severity, epss, kev, published_at, changed_at)
        values ($1, '{}', $2, 'critical', 0.5, $3, now() - interval '90 days', now())
        on conflict (vulnerability_id) do update set kev = excluded.kev, cvss = excluded.cvss
        """, id, cvss ?? (object)DBNull.Value, kev ?? (object)DBNull.Value);

    public async Task FindAsync(int package, string vulnerability, DateTimeOffset foundAt, string? fix = "3.0.15")
    {
        await ExecuteAsync(
            """
            insert into vulnerabilities (vulnerability_id, aliases, cvss, severity, epss, kev, published_at, changed_at)
            values ($1, '{}', 9.8, 'critical', 0.5, true, now() - interval '90 days', now()) on conflict do nothing
            """, vulnerability);
        await ExecuteAsync(
            "insert into package_findings (package_id, vulnerability_id, fixed_in, found_at) values ($1, $2, $3, $4)",
            package, vulnerability, fix is null ? Array.Empty<string>() : new[] { fix }, foundAt.ToUniversalTime());
    }

    /// <summary>A set of which everything is known.</summary>
    public async Task<long> SetAsync(params int[] packages)
    {
        var id = (long)NextId();
        await ExecuteAsync("insert into package_sets values ($1, $2)", id, packages.Order().ToArray());
        await KnowAsync(id);
        return id;
    }

    public Task KnowAsync(long set) => ExecuteAsync(
        """
        insert into scan_facts (org_id, package_set_id, total, critical, high, medium, low, unknown, not_checked, scanned_at, facts_at)
        values ($1, $2, 0, 0, 0, 0, 0, 0, 0, now(), now())
        """, organization, set);

    /// <summary>An environment of an owner that nothing else is known of; decided on at once.</summary>
    public async Task<Guid> EnvironmentAsync(
        long? set, DateTimeOffset since, Guid? owner = null, string name = "science", Guid? machine = null)
    {
        var id = Guid.CreateVersion7();
        await ExecuteAsync(
            """
            insert into environment_status (org_id, environment_id, machine_id, prefix, name, owner, environment_version, placed_at,
                package_set_id, package_set_version, platform, logged_at, set_since)
            values ($1, $2, $3, $4, $5, $6, 1, $7, $8, 1, 'linux-64', $7, $7)
            """, organization, id, machine ?? Guid.CreateVersion7(), $"/home/ada/envs/{id:N}", name, owner ?? Guid.CreateVersion7(),
            since.ToUniversalTime(), set ?? (object)DBNull.Value);
        await MarkEnvironmentAsync(id);
        return id;
    }

    public async Task HoldsAsync(Guid environment, long set, DateTimeOffset since)
    {
        await ExecuteAsync(
            """
            update environment_status set package_set_id = $2, set_since = $3, package_set_version = package_set_version + 1
            where environment_id = $1
            """, environment, set, since.ToUniversalTime());
        await MarkEnvironmentAsync(environment);
    }

    /// <summary>Waits until all that was marked is decided.</summary>
    public Task UntilDecidedAsync() => Eventually.BecomesTrueAsync(
        async () => await ScalarAsync<long>("select count(*) from stale_decisions where org_id = $1", organization) == 0, "all is decided");

    public Task<string?> StatusAsync(Guid environment) =>
        ScalarAsync<string>("select status from environment_decisions where environment_id = $1", environment);

    public Task<DateTime> DeadlineAsync(Guid environment) =>
        ScalarAsync<DateTime>("select deadline from environment_decisions where environment_id = $1", environment)!;

    public async Task ExecuteAsync(string sql, params object[] parameters)
    {
        await using var command = Command(sql, parameters);
        await command.ExecuteNonQueryAsync();
    }

    public async Task<T?> ScalarAsync<T>(string sql, params object[] parameters)
    {
        await using var command = Command(sql, parameters);
        return await command.ExecuteScalarAsync() is T value ? value : default;
    }

    private NpgsqlCommand Command(string sql, object[] parameters)
    {
        var command = db.CreateCommand(sql);
        foreach (var parameter in parameters)
        {
            command.Parameters.Add(new() { Value = parameter });
        }

        return command;
    }
}
