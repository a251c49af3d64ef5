using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;

namespace EnvPlatform.Scanner.Curations;

/// <summary>
/// The lock that keeps an organization's verdicts and counts in step: changing a verdict takes it exclusively, moving an environment to a
/// set takes it shared, so that every set is counted with the verdict. Always taken after a share of the
/// <see cref="Advisories.FindingsLock"/>; an import, which takes that exclusively, excludes every organization.
/// </summary>
internal static class CurationsLock
{
    /// <summary>Locks in a fixed order, to avoid deadlocks between scans.</summary>
    public static Task ShareAsync(Tx tx, IEnumerable<OrganizationId> organizations) => tx.ExecuteAsync(
        """
        select pg_advisory_xact_lock_shared(key)
        from (select distinct hashtextextended('curations ' || id::text, 0) as key from unnest(@Ids) as o(id) order by key) ordered
        """, new { Ids = organizations.Select(id => id.Value).ToArray() });

    public static Task TakeAsync(Tx tx, OrganizationId organization) => tx.ExecuteAsync(
        "select pg_advisory_xact_lock(hashtextextended('curations ' || @Value::text, 0))", new { organization.Value });
}
