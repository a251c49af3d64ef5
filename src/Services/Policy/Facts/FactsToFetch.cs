using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;

namespace EnvPlatform.Policy.Facts;

/// <summary>
/// What is to be fetched from Scanner and Ingest: it waits in a table while they are away, each set once however often it is asked for.
/// </summary>
internal static class FactsToFetch
{
    public const string Channel = "facts_to_fetch";

    /// <summary>The facts of these sets are to be fetched.</summary>
    public static Task AddAsync(Tx tx, IReadOnlyCollection<(OrganizationId Organization, long PackageSetId)> sets) =>
        sets.Count == 0 ? Task.CompletedTask : tx.ExecuteAsync(
            """
            insert into facts_to_fetch as t (org_id, package_set_id, is_mass)
            select * from (select distinct *, false from unnest(@Orgs, @Sets)) as given(org_id, package_set_id, is_mass)
            order by org_id, package_set_id
            on conflict (org_id, package_set_id) do update set request = default, is_mass = false;
            notify facts_to_fetch
            """,
            new
            {
                Orgs = sets.Select(set => set.Organization.Value).ToArray(),
                Sets = sets.Select(set => set.PackageSetId).ToArray(),
            });

    /// <summary>What is known of these sets may have changed for whoever has them.</summary>
    /// <param name="organization">Null: for every organization.</param>
    /// <param name="sets">Null: all sets.</param>
    public static Task AddKnownAsync(Tx tx, OrganizationId? organization, IReadOnlyCollection<long>? sets) =>
        tx.ExecuteAsync(
            """
            insert into facts_to_fetch as t (org_id, package_set_id, is_mass)
            select org_id, package_set_id, @sets::bigint[] is null or cardinality(@sets) > 1 from scan_facts
            where (@organization::uuid is null or org_id = @organization)
                and (@sets::bigint[] is null or package_set_id = any(@sets))
            order by org_id, package_set_id
            on conflict (org_id, package_set_id) do update set request = default, is_mass = t.is_mass and excluded.is_mass;
            notify facts_to_fetch
            """, new { organization, sets = sets?.ToArray() });

    /// <summary>What has no facts and is not waiting for them: an older version of this service wrote it.</summary>
    /// <returns>How many sets.</returns>
    public static Task<int> AddMissingAsync(Tx tx) =>
        tx.ExecuteAsync(
            """
            insert into facts_to_fetch (org_id, package_set_id, is_mass)
            select org_id, package_set_id, true from scan_facts where facts_at is null order by org_id, package_set_id
            on conflict do nothing
            """);
}
