using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;

namespace EnvPlatform.Policy.Facts;

/// <summary>
/// Stores what was told of sets: only what differs from what is known is written, and the sets that it concerns are to be decided anew. The
/// transaction holds the <see cref="FactsLock"/>.
/// </summary>
internal static class WriteFacts
{
    /// <param name="asked">The sets that were asked for.</param>
    /// <param name="missing">Those of them that Scanner does not know: nothing is known of them.</param>
    /// <returns>How many sets are to be decided anew.</returns>
    public static async Task<int> RunAsync(
        Tx tx, IReadOnlyCollection<WaitingSet> asked, IReadOnlyCollection<WaitingSet> missing, ToldFacts told,
        IReadOnlyCollection<ToldLicense> licenses)
    {
        await StageFacts.RunAsync(tx, asked, missing, told, licenses);
        await WritePackagesAsync(tx, told.AsOf);
        await WriteOfOrganizationsAsync(tx);
        var changed = await tx.QueryAsync<Set>(SetsSql);
        await tx.ExecuteAsync(
            """
            update scan_facts f set facts_at = @AsOf from asked a
            where f.org_id = a.org_id and f.package_set_id = a.package_set_id and not a.missing;
            delete from facts_to_fetch t using asked a
            where t.org_id = a.org_id and t.package_set_id = a.package_set_id and t.request = a.request;
            """, new { AsOf = told.AsOf.ToUniversalTime() });
        if (changed.Count > 0)
        {
            await StaleDecisions.MarkSetsAsync(tx, [.. changed.Select(set => (set.OrgId, set.PackageSetId))]);
        }

        return changed.Count;
    }

    /// <summary>
    /// What does not differ is left alone beforehand: <c>on conflict do update</c> would lock, and so write, each row of it.
    /// </summary>
    private static Task<int> WritePackagesAsync(Tx tx, DateTimeOffset asOf) => tx.ExecuteAsync(
        """
        -- A set of an organization that was erased, or dropped, meanwhile is nobody's. Locked in one order, to avoid deadlocks.
        create temporary table locked on commit drop as
        select f.org_id, f.package_set_id from scan_facts f join asked using (org_id, package_set_id)
        order by f.org_id, f.package_set_id for no key update of f;

        insert into package_sets (package_set_id, package_ids)
        select package_set_id, package_ids from told_sets on conflict do nothing;

        -- Packages that were known: only of these can a set that is not in this batch be concerned.
        create temporary table changed_packages (package_id int primary key) on commit drop;
        create temporary table fresh_packages on commit drop as
        select package_id from told_packages t where not exists (select from packages p where p.package_id = t.package_id);

        with written as (
            insert into packages (package_id, manager, channel, subdir, name, version, build, coverage)
            select package_id, manager, channel, subdir, name, version, build, coverage from told_packages t
            where not exists (select from packages p where p.package_id = t.package_id and p.coverage is not distinct from t.coverage)
            order by package_id
            on conflict (package_id) do update set coverage = excluded.coverage
            returning package_id)
        insert into changed_packages select package_id from written;

        with written as (
            insert into vulnerabilities (vulnerability_id, aliases, cvss, severity, epss, kev, published_at, changed_at)
            select vulnerability_id, aliases, cvss, severity, epss, kev, published_at, @asOf from told_vulnerabilities t
            where not exists (
                select from vulnerabilities v where v.vulnerability_id = t.vulnerability_id
                    and (v.aliases, v.cvss, v.severity, v.epss, v.kev, v.published_at)
                        is not distinct from (t.aliases, t.cvss, t.severity, t.epss, t.kev, t.published_at))
            order by vulnerability_id
            on conflict (vulnerability_id) do update set
                aliases = excluded.aliases, cvss = excluded.cvss, severity = excluded.severity, epss = excluded.epss, kev = excluded.kev,
                published_at = excluded.published_at, changed_at = excluded.changed_at
            returning vulnerability_id)
        insert into changed_packages
        select distinct f.package_id from written join package_findings f using (vulnerability_id) where f.gone_at is null
        on conflict do nothing;

        with written as (
            insert into package_findings as f (package_id, vulnerability_id, fixed_in, found_at)
            select p.package_id, t.vulnerability_id, t.fixed_in, @asOf
            from told_packages p join told_findings t using (found_id)
            where not exists (
                select from package_findings k where k.package_id = p.package_id and k.vulnerability_id = t.vulnerability_id
                    and k.gone_at is null and k.fixed_in is not distinct from t.fixed_in)
            order by p.package_id, t.vulnerability_id
            on conflict (package_id, vulnerability_id) do update set
                fixed_in = excluded.fixed_in, gone_at = null,
                found_at = case when f.gone_at <= @asOf - interval '24 hours' then @asOf else f.found_at end
            returning package_id)
        insert into changed_packages select distinct package_id from written on conflict do nothing;

        with gone as (
            update package_findings f set gone_at = @asOf
            from told_packages p
            where p.package_id = f.package_id and f.gone_at is null and not exists (
                select from told_findings t where t.found_id = p.found_id and t.vulnerability_id = f.vulnerability_id)
            returning f.package_id)
        insert into changed_packages select distinct package_id from gone on conflict do nothing;

        delete from changed_packages c using fresh_packages f where f.package_id = c.package_id;
        """, new { asOf = asOf.ToUniversalTime() });

    private static Task<int> WriteOfOrganizationsAsync(Tx tx) => tx.ExecuteAsync(
        """
        create temporary table changed_sets (org_id uuid, package_set_id bigint) on commit drop;
        insert into changed_sets select a.org_id, a.package_set_id from asked a join locked using (org_id, package_set_id)
        where a.is_new and not a.missing;

        with gone as (
            delete from finding_statuses f using asked a
            where f.org_id = a.org_id and f.package_set_id = a.package_set_id and not exists (
                select from told_statuses t where t.org_id = f.org_id and t.package_set_id = f.package_set_id
                    and t.package_id = f.package_id and t.vulnerability_id = f.vulnerability_id)
            returning f.org_id, f.package_set_id)
        insert into changed_sets select distinct org_id, package_set_id from gone;

        with written as (
            insert into finding_statuses (org_id, package_set_id, package_id, vulnerability_id, status)
            select t.org_id, t.package_set_id, t.package_id, t.vulnerability_id, t.status
            from told_statuses t join locked using (org_id, package_set_id)
            where not exists (
                select from finding_statuses f where f.org_id = t.org_id and f.package_set_id = t.package_set_id
                    and f.package_id = t.package_id and f.vulnerability_id = t.vulnerability_id and f.status = t.status)
            order by t.org_id, t.package_set_id, t.package_id, t.vulnerability_id
            on conflict (org_id, package_set_id, package_id, vulnerability_id) do update set status = excluded.status
            returning org_id, package_set_id)
        insert into changed_sets select distinct org_id, package_set_id from written;

        create temporary table changed_licenses (org_id uuid, package_id int) on commit drop;
        with written as (
            insert into organization_packages as o (org_id, package_id, declared, license)
            select t.org_id, t.package_id, t.declared, t.license from told_licenses t
            where t.org_id in (select org_id from locked) and not exists (
                select from organization_packages k where k.org_id = t.org_id and k.package_id = t.package_id
                    and k.declared = t.declared and k.license is not distinct from t.license)
            order by t.org_id, t.package_id
            on conflict (org_id, package_id) do update set declared = excluded.declared, license = excluded.license
            returning org_id, package_id)
        insert into changed_licenses select org_id, package_id from written;
        """);

    /// <summary>An index finds the sets of few packages; with many, most sets are concerned, and it would not help.</summary>
    private const string SetsSql =
        """
        with concerned as (
            select s.package_set_id from package_sets s
            where (select count(*) from changed_packages) between 1 and 200
                and s.package_ids && array(select package_id from changed_packages limit 201)
            union
            select s.package_set_id from package_sets s cross join unnest(s.package_ids) as one(package_id)
            join changed_packages c on c.package_id = one.package_id
            where (select count(*) from changed_packages) > 200),
        relicensed as (
            select f.org_id, f.package_set_id
            from changed_licenses c join scan_facts f on f.org_id = c.org_id and f.facts_at is not null
            join package_sets s on s.package_set_id = f.package_set_id and s.package_ids @> array[c.package_id]
            where c.package_id not in (select package_id from fresh_packages))
        select f.org_id, f.package_set_id from concerned join scan_facts f using (package_set_id) where f.facts_at is not null
        union
        select org_id, package_set_id from changed_sets
        union
        select org_id, package_set_id from relicensed
        """;

    private sealed record Set(OrganizationId OrgId, long PackageSetId);
}
