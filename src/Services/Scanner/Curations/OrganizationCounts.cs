using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;

namespace EnvPlatform.Scanner.Curations;

/// <summary>A set whose counts for an organization changed, and the time to publish: later than all published before.</summary>
internal sealed record RecountedSet(OrganizationId OrgId, long SetId, DateTimeOffset ToldAt);

/// <summary>
/// The counts of an organization's package sets under its verdicts: the set's own counts without the vulnerabilities that are mitigated,
/// cleared or disputed in every package of the set that has them, and with those that the organization holds to affect it although the
/// platform does not. Stored only where they differ.
/// </summary>
internal static class OrganizationCounts
{
    /// <summary>
    /// Recomputes the counts of these sets. The sets' own counts are up to date, and the organizations' <see cref="CurationsLock"/> is
    /// held.
    /// </summary>
    /// <param name="organizations">Null for all.</param>
    public static async Task<List<RecountedSet>> RefreshAsync(Tx tx, OrganizationId[]? organizations, long[] sets, DateTimeOffset now) =>
        await HasAnyAsync(tx, organizations) ? await WorkOutAsync(tx, organizations, sets, now) : [];

    /// <summary>Most organizations have no verdicts and can be skipped.</summary>
    private static Task<bool> HasAnyAsync(Tx tx, OrganizationId[]? organizations) => tx.QuerySingleAsync<bool>(
        """
        select exists (select from curations where ended_at is null and (@Orgs::uuid[] is null or org_id = any(@Orgs)))
            or exists (select from organization_set_counts where @Orgs::uuid[] is null or org_id = any(@Orgs))
        """, new { Orgs = organizations?.Select(id => id.Value).ToArray() });

    private static Task<List<RecountedSet>> WorkOutAsync(Tx tx, OrganizationId[]? organizations, long[] sets, DateTimeOffset now) =>
        tx.QueryAsync<RecountedSet>(
            $"""
            with target as materialized (
                select e.org_id, e.set_id from set_environments e
                where e.set_id = any(@sets) and (@Orgs::uuid[] is null or e.org_id = any(@Orgs))
                    and exists (select from curations c where c.org_id = e.org_id and c.ended_at is null)
                union
                select o.org_id, o.set_id from organization_set_counts o
                where o.set_id = any(@sets) and (@Orgs::uuid[] is null or o.org_id = any(@Orgs))),
            curated as materialized (
                select distinct org_id, vulnerability_id from curations where ended_at is null and org_id in (select org_id from target)),
            judged as (
                select t.org_id, t.set_id, f.vulnerability_id, bool_or({CurationInForce.Status} in {CurationInForce.Open}) as open
                from target t join package_sets s on s.id = t.set_id join set_counts c on c.set_id = t.set_id
                cross join unnest(s.package_ids) as held(package_id)
                join package_findings f on f.package_id = held.package_id
                join curated on curated.org_id = t.org_id and curated.vulnerability_id = f.vulnerability_id
                join packages p on p.package_id = f.package_id
                {CurationInForce.Of("t.org_id", "c.libraries")}
                group by t.org_id, t.set_id, f.vulnerability_id),
            changed as (
                select j.org_id, j.set_id, v.id, v.key, v.kev, v.severity, j.open
                from judged j join vulnerabilities v on v.id = j.vulnerability_id join set_counts c on c.set_id = j.set_id
                where j.open <> (v.key = any(c.vulnerability_keys))),
            left_out as (
                select n.org_id, n.set_id, {CountColumns.CountRowsOf("n")}, count(*) filter (where n.kev)::int as kev,
                    array_agg(n.key) as keys
                from changed n where not n.open group by n.org_id, n.set_id),
            added as (
                select n.org_id, n.set_id, {CountColumns.CountRowsOf("n")}, count(*) filter (where n.kev)::int as kev,
                    array_agg(n.key) as keys
                from changed n where n.open group by n.org_id, n.set_id),
            fresh as (
                select org_id, set_id, {Difference("total")}, {Difference("critical")}, {Difference("high")}, {Difference("medium")},
                       {Difference("low")}, {Difference("unknown")},
                       case when (select kev_imported_at from advisory_state) is not null or {Sum("kev")} > 0
                           then {Sum("kev")} end as kev, s.scanned_at,
                       (select max(v.cvss) from vulnerabilities v
                           where v.key = any(s.vulnerability_keys || coalesce(a.keys, array[]::int[]))
                               and v.key <> all(coalesce(l.keys, array[]::int[]))) as max_cvss
                from left_out l full join added a using (org_id, set_id) join set_counts s using (set_id)),
            written as (
                insert into organization_set_counts as o (org_id, set_id, {CountColumns.Names}, counted_at)
                select org_id, set_id, {CountColumns.Names}, greatest(@now, scanned_at + interval '1 microsecond')
                from fresh order by org_id, set_id
                on conflict (org_id, set_id) do update set
                    {CountColumns.AssignFrom("excluded")},
                    counted_at = greatest(excluded.counted_at, o.counted_at + interval '1 microsecond')
                where ({CountColumns.Of("o")}) is distinct from ({CountColumns.Of("excluded")})
                returning o.org_id, o.set_id, o.counted_at),
            dropped as (
                delete from organization_set_counts o using target t
                where o.org_id = t.org_id and o.set_id = t.set_id
                    and not exists (select from fresh f where f.org_id = o.org_id and f.set_id = o.set_id)
                returning o.org_id, o.set_id, greatest(@now, o.counted_at + interval '1 microsecond') as counted_at)
            select org_id, set_id, counted_at as told_at from written
            union all
            select org_id, set_id, counted_at from dropped
            """, new { Orgs = organizations?.Select(id => id.Value).ToArray(), sets, now });

    private static string Difference(string column) => $"{Sum(column)} as {column}";

    private static string Sum(string column) => $"coalesce(s.{column}, 0) - coalesce(l.{column}, 0) + coalesce(a.{column}, 0)";

    /// <summary>The sets that hold a package with one of these vulnerabilities, whoever has logged them.</summary>
    public static async Task<long[]> SetsOfAsync(Tx tx, string[] vulnerabilities) =>
        [.. await tx.QueryAsync<long>(
            """
            select s.id from package_sets s
            where s.package_ids && array(select package_id from package_findings where vulnerability_id = any(@vulnerabilities))
            """, new { vulnerabilities })];

    /// <summary>The organization's sets that hold a package with one of these vulnerabilities.</summary>
    public static async Task<long[]> SetsOfAsync(Tx tx, OrganizationId organization, string[] vulnerabilities) =>
        [.. await tx.QueryAsync<long>(
            """
            with affected as materialized (
                select s.id from package_sets s
                where s.package_ids && array(select package_id from package_findings where vulnerability_id = any(@vulnerabilities)))
            select set_id from set_environments where org_id = @organization and set_id = any(array(select id from affected))
            union
            select set_id from organization_set_counts where org_id = @organization and set_id = any(array(select id from affected))
            """, new { organization, vulnerabilities })];
}
