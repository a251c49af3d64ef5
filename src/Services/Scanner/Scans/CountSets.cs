using EnvPlatform.Contracts;
using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;

namespace EnvPlatform.Scanner.Scans;

/// <summary>
/// What was found in a package set, for an organization: distinct vulnerabilities, however many of its packages have them, without those that the
/// organization holds to be mitigated, cleared or disputed.
/// </summary>
internal sealed record SetCounts(
    OrganizationId OrgId, long SetId, int Total, int Critical, int High, int Medium, int Low, int Unknown, decimal? MaxCvss, int Kev, int NotChecked, int Packages,
    DateTimeOffset ScannedAt)
{
    public VulnerabilityCounts Vulnerabilities => new(Total, Critical, High, Medium, Low, Unknown);

    public EnvironmentScanned ToEvent(IReadOnlyList<EnvironmentId> environments) =>
        new(OrgId, SetId, environments, Vulnerabilities, MaxCvss, Kev, NotChecked, ScannedAt);

    public static async Task<Dictionary<(OrganizationId OrgId, long SetId), SetCounts>> ReadAsync(
        Tx tx, IReadOnlyCollection<(OrganizationId OrgId, long SetId)> sets) =>
        (await tx.QueryAsync<SetCounts>(
            """
            select asked.org_id, s.id as set_id, coalesce(o.total, s.total) as total, coalesce(o.critical, s.critical) as critical,
                   coalesce(o.high, s.high) as high, coalesce(o.medium, s.medium) as medium, coalesce(o.low, s.low) as low,
                   coalesce(o.unknown, s.unknown) as unknown, case when o.set_id is null then s.max_cvss else o.max_cvss end as max_cvss,
                   coalesce(o.kev, s.kev) as kev, s.not_checked, cardinality(s.package_ids) as packages,
                   greatest(s.scanned_at, o.counted_at) as scanned_at
            from unnest(@Orgs, @Sets) as asked(org_id, set_id) join package_sets s on s.id = asked.set_id
            left join organization_set_counts o on o.org_id = asked.org_id and o.set_id = asked.set_id
            """, new { Orgs = sets.Select(one => one.OrgId.Value).ToArray(), Sets = sets.Select(one => one.SetId).ToArray() }))
            .ToDictionary(counts => (counts.OrgId, counts.SetId));
}

/// <summary>Counts the vulnerabilities of package sets from the findings of their packages.</summary>
internal static class CountSets
{
    /// <returns>The sets of which a count or the maximum is another now.</returns>
    public static async Task<long[]> RunAsync(Tx tx, long[] sets, long generation, DateTimeOffset now) =>
        [.. (await tx.QueryAsync<long?>(
            """
            with target as (
                select id, package_ids, total, critical, high, medium, low, unknown, max_cvss, kev, not_checked
                from package_sets where id = any(@sets) order by id for update),
            hit as (
                select distinct t.id, f.vulnerability_id
                from target t cross join unnest(t.package_ids) as p(package_id) join package_findings f on f.package_id = p.package_id),
            counted as (
                select h.id, count(*)::int as total,
                       count(*) filter (where v.severity = 'critical')::int as critical, count(*) filter (where v.severity = 'high')::int as high,
                       count(*) filter (where v.severity = 'medium')::int as medium, count(*) filter (where v.severity = 'low')::int as low,
                       count(*) filter (where v.severity = 'unknown')::int as unknown, max(v.cvss) as max_cvss,
                       count(*) filter (where v.kev)::int as kev, array_agg(v.key order by v.key) as keys
                from hit h join vulnerabilities v on v.id = h.vulnerability_id
                group by h.id),
            unchecked as (
                select t.id, count(*)::int as not_checked
                from target t cross join unnest(t.package_ids) as p(package_id) join packages k on k.package_id = p.package_id
                where k.coverage = 'not_checked'
                group by t.id)
            update package_sets s set
                total = coalesce(c.total, 0), critical = coalesce(c.critical, 0), high = coalesce(c.high, 0), medium = coalesce(c.medium, 0),
                low = coalesce(c.low, 0), unknown = coalesce(c.unknown, 0), max_cvss = c.max_cvss, kev = coalesce(c.kev, 0),
                not_checked = coalesce(u.not_checked, 0), vulnerability_keys = coalesce(c.keys, '{}'), generation = @generation, scanned_at = @now
            from target t left join counted c on c.id = t.id left join unchecked u on u.id = t.id
            where s.id = t.id
            returning case when (s.total, s.critical, s.high, s.medium, s.low, s.unknown, s.max_cvss, s.kev, s.not_checked)
                is distinct from (t.total, t.critical, t.high, t.medium, t.low, t.unknown, t.max_cvss, t.kev, t.not_checked) then s.id end
            """, new { sets, generation, now })).OfType<long>()];
}
