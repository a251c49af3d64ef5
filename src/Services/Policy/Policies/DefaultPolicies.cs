using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Callers;

using Npgsql;

namespace EnvPlatform.Policy.Policies;

/// <summary>
/// What an organization begins with: policies that are assigned to all of it and switched off. They are made once, when its policies are
/// first asked for; one that somebody deletes does not come back.
/// </summary>
internal sealed class DefaultPolicies(NpgsqlDataSource db, TimeProvider clock)
{
    private static readonly string[] Documents =
    [
        """
        name: known-exploited
        description: Fix what is known to be exploited.
        enabled: false
        rules:
          - name: exploited
            when: {known_exploited: true}
            then: block
            grace: 14d
            message: "{package} has {cve}, which is being exploited. Until {deadline}: {fix}."
        """,
        """
        name: critical-with-a-fix
        description: Take the fixes of critical vulnerabilities.
        enabled: false
        rules:
          - name: critical
            when: {severity: critical, fix_available: true}
            then: block
            grace: 30d
            message: "{package} has {cve}, which is critical. Until {deadline}: {fix}."
        """,
        """
        name: unknown-channels
        description: Know where packages come from.
        enabled: false
        rules:
          - name: not-granted
            when: {channel: not_granted}
            then: warn
            message: "{package} comes from a channel that you were not granted."
        """,
    ];

    public async Task EnsureAsync(OrganizationId organization, CancellationToken ct)
    {
        if (await db.QuerySingleAsync<bool>(
            "select exists (select from policy_defaults where org_id = @organization)", new { organization }, ct))
        {
            return;
        }

        var now = clock.GetUtcNow();
        await using var tx = await db.BeginAsync(ct);
        if (await tx.ExecuteAsync(
            "insert into policy_defaults (org_id, made_at) values (@organization, @now) on conflict do nothing",
            new { organization, now }) == 0)
        {
            return;
        }

        var system = Caller.OfSystem("policy", organization);
        foreach (var document in Documents.Select(StoredPolicy.Parse))
        {
            var id = PolicyId.New(now);
            // Where somebody has made one of this name, that is theirs.
            if (await PolicyChanges.AddAsync(tx, system, id, document, null, null, now))
            {
                await tx.ExecuteAsync(
                    """
                    insert into policy_assignments (org_id, policy_id, target_type, target_id, assigned_at)
                    values (@organization, @id, 'organization', @organization, @now)
                    """, new { organization, id, now });
                tx.Audit(
                    system, now, "policy_created", new($"{id}", null, "policy"),
                    $"The policy {document.Name} is there as a starting point, switched off.",
                    new { after = PolicyChanges.ShownOf(document, null, null) });
            }
        }

        await tx.CommitAsync();
    }
}
