using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;

namespace EnvPlatform.Policy;

/// <summary>
/// Whoever changes what decisions depend on says so in the same transaction: what concerns it is decided anew, also when this process dies
/// right after the commit.
/// </summary>
internal static class StaleDecisions
{
    /// <summary>All environments of the organization: a policy, an assignment, an exception, a channel changed.</summary>
    public static Task MarkOrganizationAsync(Tx tx, OrganizationId organization) =>
        tx.ExecuteAsync("insert into stale_decisions (org_id) values (@organization)", new { organization });

    /// <summary>The environments that hold these sets: what was found in them, or is known of their packages, changed.</summary>
    public static Task MarkSetsAsync(Tx tx, IReadOnlyCollection<(OrganizationId Organization, long PackageSetId)> sets) =>
        tx.ExecuteAsync(
            "insert into stale_decisions (org_id, package_set_id) select distinct * from unnest(@Orgs, @Sets)",
            new
            {
                Orgs = sets.Select(set => set.Organization.Value).ToArray(),
                Sets = sets.Select(set => set.PackageSetId).ToArray(),
            });

    /// <summary>These environments: they were logged, renamed, moved, given to another owner.</summary>
    public static Task MarkEnvironmentsAsync(Tx tx, IReadOnlyCollection<(OrganizationId Organization, EnvironmentId Id)> environments) =>
        tx.ExecuteAsync(
            "insert into stale_decisions (org_id, environment_id) select distinct * from unnest(@Orgs, @Environments)",
            new
            {
                Orgs = environments.Select(environment => environment.Organization.Value).ToArray(),
                Environments = environments.Select(environment => environment.Id.Value).ToArray(),
            });

    /// <summary>The environments of these owners: their names or groups changed.</summary>
    public static Task MarkOwnersAsync(Tx tx, OrganizationId organization, IReadOnlyCollection<SubjectId> owners) =>
        tx.ExecuteAsync(
            "insert into stale_decisions (org_id, subject_id) select distinct @organization::uuid, * from unnest(@Owners)",
            new { organization, Owners = owners.Select(owner => owner.Value).ToArray() });
}
