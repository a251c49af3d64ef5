using EnvPlatform.Contracts;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Prefixes;

using Npgsql;

namespace EnvPlatform.Policy.Activations;

/// <summary>What is known of the environment at a place when it is to be activated.</summary>
/// <param name="Owner">Who logged it first.</param>
/// <param name="Manual">The status that an administrator set; null where nobody did.</param>
/// <param name="Message">What the administrator wrote, or a sentence of the platform; null with ok.</param>
/// <param name="SetAt">When the status was set; null where nobody ever set one.</param>
/// <param name="ByPolicies">What policies decided last.</param>
/// <param name="NextAt">When they may decide otherwise by themselves.</param>
internal sealed record ActivationFacts(
    EnvironmentId EnvironmentId, SubjectId? Owner, EnvironmentStatus? Manual, string? Message, DateTimeOffset? SetAt,
    EnvironmentStatus ByPolicies, DateTimeOffset? NextAt)
{
    /// <summary>
    /// Null for a place where no environment is known. Two environments are at one place only until the event that moves one of them away
    /// arrives: the newer one is used.
    /// </summary>
    public static async Task<ActivationFacts?> ReadAsync(NpgsqlDataSource db, Location location, CancellationToken ct)
    {
        // Environments that Policy heard of before there were folded prefixes have none until FoldPlaces has passed.
        var found = await db.QueryAsync<Row>(
            """
            select environment_id, owner, case when set_by is not null then found.status end as manual, found.message, set_at, prefix,
                platform, coalesce(d.status, 'ok') as by_policies, d.next_at
            from (
                select org_id, environment_id, owner, status, message, set_by, set_at, prefix, platform, placed_at
                from environment_status
                where org_id = @OrganizationId and machine_id = @MachineId and folded = @Folded and not removed
                union all
                select org_id, environment_id, owner, status, message, set_by, set_at, prefix, platform, placed_at
                from environment_status
                where org_id = @OrganizationId and machine_id = @MachineId and md5(prefix)::uuid = md5(@Prefix)::uuid
                    and prefix = @Prefix and folded is null and not removed
            ) found left join environment_decisions d using (org_id, environment_id)
            order by placed_at desc nulls last, environment_id desc
            """,
            new
            {
                location.OrganizationId,
                location.MachineId,
                location.Prefix,
                Folded = PrefixIdentity.FoldedDigest(location.Prefix),
            }, ct);
        if (found.Count == 0)
        {
            return null;
        }

        // Where the platform is not known, a folder that may be the same one counts as the same one.
        var exact = PrefixIdentity.Exact(location.Prefix);
        var row = found.Find(row => PrefixIdentity.Exact(row.Prefix) == exact)
            ?? found.Find(row => row.Platform is null || PrefixIdentity.Folds(row.Prefix, row.Platform));
        return row is null
            ? null : new(row.EnvironmentId, row.Owner, row.Manual, row.Message, row.SetAt, row.ByPolicies, row.NextAt);
    }

    private sealed record Row(
        EnvironmentId EnvironmentId, SubjectId? Owner, EnvironmentStatus? Manual, string? Message, DateTimeOffset? SetAt, string Prefix,
        string? Platform, EnvironmentStatus ByPolicies, DateTimeOffset? NextAt);
}
