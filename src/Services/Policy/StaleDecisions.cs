using System.Text.Json;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

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

    /// <summary>All environments of the organization, because of a policy: whoever changed it is told of in the audit log.</summary>
    public static Task MarkPolicyAsync(Tx tx, Caller caller, PolicyId policy) => tx.ExecuteAsync(
        "insert into stale_decisions (org_id, policy_id, caused_by) values (@OrgId, @policy, @Cause::jsonb)",
        new
        {
            caller.OrgId,
            policy,
            Cause = JsonSerializer.Serialize(
                new { subject_id = caller.SubjectId, caller.Email, type = caller.SubjectType, caller.RequestId }, Json.Options),
        });

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
