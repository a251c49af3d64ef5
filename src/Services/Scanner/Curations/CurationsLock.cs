using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;

namespace EnvPlatform.Scanner.Curations;

/// <summary>
/// The lock that keeps an organization's verdicts and counts in step: whoever changes a verdict takes it, whoever brings an environment to
/// a set shares it, so that no set is counted without the verdict and none missed by it. Always after a share of the
/// <see cref="Advisories.FindingsLock"/>; an import, which takes that exclusively, has every organization to itself.
/// </summary>
internal static class CurationsLock
{
    /// <summary>Locks in one order, so that two scans cannot wait for each other in a circle.</summary>
    public static Task ShareAsync(Tx tx, IEnumerable<OrganizationId> organizations) => tx.ExecuteAsync(
        """
        select pg_advisory_xact_lock_shared(key)
        from (select distinct hashtextextended('curations ' || id::text, 0) as key from unnest(@Ids) as o(id) order by key) ordered
        """, new { Ids = organizations.Select(id => id.Value).ToArray() });

    public static Task TakeAsync(Tx tx, OrganizationId organization) => tx.ExecuteAsync(
        "select pg_advisory_xact_lock(hashtextextended('curations ' || @Value::text, 0))", new { organization.Value });
}
