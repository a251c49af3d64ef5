using EnvPlatform.Contracts;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;

namespace EnvPlatform.Scanner.Scans;

/// <summary>
/// What was found in a package set, for an organization: distinct vulnerabilities, however many of its packages have them, without those
/// that are mitigated, cleared or disputed for the organization.
/// </summary>
internal sealed record SetCounts(
    OrganizationId OrgId, long SetId, VulnerabilityCounts Vulnerabilities, decimal? MaxCvss, int? Kev, int NotChecked, int Packages,
    DateTimeOffset ScannedAt)
{
    /// <summary>What is published to the environments on the set.</summary>
    public ScannedSet For(IReadOnlyList<EnvironmentId> environments) =>
        new(SetId, environments, Vulnerabilities, MaxCvss, Kev ?? 0, NotChecked, ScannedAt, Kev is not null);

    public static async Task<Dictionary<(OrganizationId OrgId, long SetId), SetCounts>> ReadAsync(
        Tx tx, IReadOnlyCollection<(OrganizationId OrgId, long SetId)> sets) =>
        (await tx.QueryAsync<SetCounts>(
            $"""
            select asked.org_id, s.set_id, {CountsInForce.Columns}, s.not_checked, cardinality(p.package_ids) as packages,
                   greatest(s.scanned_at, o.counted_at) as scanned_at
            from unnest(@Orgs, @Sets) as asked(org_id, set_id) join set_counts s on s.set_id = asked.set_id
            join package_sets p on p.id = asked.set_id
            left join organization_set_counts o on o.org_id = asked.org_id and o.set_id = asked.set_id
            """, new { Orgs = sets.Select(one => one.OrgId.Value).ToArray(), Sets = sets.Select(one => one.SetId).ToArray() }))
            .ToDictionary(counts => (counts.OrgId, counts.SetId));
}

/// <summary>Counts the vulnerabilities of package sets from the findings of their packages.</summary>
internal static class CountSets
{
    /// <returns>The sets of which a count or the maximum changed.</returns>
    public static async Task<long[]> RunAsync(Tx tx, long[] sets, long generation, DateTimeOffset now)
    {
        var held = await tx.QueryAsync<PackageSet>(
            "select id, package_ids from package_sets where id = any(@sets) order by id", new { sets });
        var findings = await SetFindings.ReadAsync(tx, [.. held.SelectMany(set => set.PackageIds).Distinct()]);
        return await RunAsync(tx, held, findings, generation, now);
    }

    /// <summary>The same, from findings that were already read.</summary>
    public static async Task<long[]> RunAsync(
        Tx tx, IReadOnlyCollection<PackageSet> sets, SetFindings findings, long generation, DateTimeOffset now)
    {
        // Locked in a fixed order, to avoid deadlocks between transactions that count the same sets.
        var before = (await tx.QueryAsync<Stored>(
            $"""
            select s.set_id, {CountColumns.ValueOf("s")} as vulnerabilities, s.max_cvss, s.kev, s.not_checked from set_counts s
            where set_id = any(@Ids) order by set_id for update
            """, new { Ids = sets.Select(set => set.Id).ToArray() })).ToDictionary(row => row.SetId);
        var counted = sets.Select(set => (set.Id, Found: findings.CountIn(set.PackageIds))).OrderBy(pair => pair.Id).ToArray();
        await tx.ExecuteAsync(
            $"""
            insert into set_counts as s (
                set_id, {CountColumns.Names}, not_checked, vulnerability_keys, not_affected_keys, libraries, generation, scanned_at)
            select id, {CountColumns.Names}, not_checked, keys::int[], not_affected::int[], libraries::text[], @generation, @now
            from unnest(@Ids, {CountColumns.Values}, @NotChecked, @Keys, @NotAffected, @Libraries)
                as given(id, {CountColumns.Names}, not_checked, keys, not_affected, libraries)
            on conflict (set_id) do update set
                {CountColumns.AssignFrom("excluded")}, not_checked = excluded.not_checked,
                vulnerability_keys = excluded.vulnerability_keys, not_affected_keys = excluded.not_affected_keys,
                libraries = excluded.libraries, generation = excluded.generation, scanned_at = excluded.scanned_at
            """, CountColumns.Parameters(new
            {
                Ids = counted.Select(pair => pair.Id).ToArray(),
                NotChecked = counted.Select(pair => pair.Found.NotChecked).ToArray(),
                // An array of arrays must be rectangular.
                Keys = counted.Select(pair => $"{{{string.Join(',', pair.Found.Keys)}}}").ToArray(),
                NotAffected = counted.Select(pair => $"{{{string.Join(',', pair.Found.NotAffected)}}}").ToArray(),
                Libraries = counted.Select(pair => $"{{{string.Join(',', pair.Found.Libraries)}}}").ToArray(),
                generation,
                now,
            }, counted, pair => pair.Found.Vulnerabilities, pair => pair.Found.MaxCvss, pair => pair.Found.Kev));
        return [.. counted.Where(pair => before.GetValueOrDefault(pair.Id)?.Says(pair.Found) != true).Select(pair => pair.Id)];
    }

    /// <summary>A set's packages, ascending.</summary>
    internal sealed record PackageSet(long Id, int[] PackageIds);

    private sealed record Stored(long SetId, VulnerabilityCounts Vulnerabilities, decimal? MaxCvss, int? Kev, int NotChecked)
    {
        public bool Says(FoundInSet found) =>
            Vulnerabilities == found.Vulnerabilities && MaxCvss == found.MaxCvss && Kev == found.Kev && NotChecked == found.NotChecked;
    }
}
