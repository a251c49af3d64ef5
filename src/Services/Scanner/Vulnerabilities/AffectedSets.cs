using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.Scanner.Curations;

using Npgsql;

namespace EnvPlatform.Scanner.Vulnerabilities;

/// <summary>The package sets, of whichever organization, that hold a package which a vulnerability affects.</summary>
/// <param name="Packages">The packages, ascending.</param>
internal sealed record AffectedSets(string Vulnerability, int[] Packages, long[] Sets)
{
    /// <summary>Maximum number of sets that are looked up one by one.</summary>
    private const int Few = 1_000;

    /// <summary>
    /// The SQL of the organization's rows of <c>set_environments</c> on these sets (<c>@Sets</c>), to which further conditions may be
    /// added. For many sets, all rows of the organization are read and checked against a hash table: a plan made without knowing the number
    /// of sets would look each of them up.
    /// </summary>
    public string OfOrganization(string alias) => Sets.Length <= Few
        ? $"unnest(@Sets) as a(affected_id) join set_environments {alias} on {alias}.set_id = a.affected_id where {alias}.org_id = @OrgId"
        : $"set_environments {alias} where {alias}.org_id = @OrgId and ({alias}.set_id in (select unnest(@Sets))) is true";

    public static async Task<AffectedSets> ReadAsync(NpgsqlDataSource db, string vulnerability, CancellationToken ct)
    {
        int[] packages = [.. await db.QueryAsync<int>(
            "select package_id from package_findings where vulnerability_id = @vulnerability order by package_id",
            new { vulnerability }, ct)];
        var sets = packages.Length == 0 ? [] : await db.QueryAsync<long>(
            "select id from package_sets where package_ids && @packages", new { packages }, ct);
        return new(vulnerability, packages, [.. sets]);
    }

    /// <summary>
    /// The affected packages of some of the sets, as many of each as are shown, with what the organization holds of the vulnerability in
    /// them.
    /// </summary>
    /// <returns>By set; and how many there are in each.</returns>
    public async Task<(ILookup<long, AffectedPackage> Shown, IReadOnlyDictionary<long, int> Counts)> PackagesAsync(
        NpgsqlDataSource db, OrganizationId organization, long[] sets, CancellationToken ct)
    {
        var affected = (await db.QueryAsync<SetRow>("select id, package_ids from package_sets where id = any(@sets)", new { sets }, ct))
            .Select(row => (row.Id, Packages: row.PackageIds.Where(id => Array.BinarySearch(Packages, id) >= 0).ToArray())).ToArray();
        var held = affected.SelectMany(
            set => set.Packages.Take(AffectedPackage.MaxShown), (set, id) => (Set: set.Id, Package: id)).ToArray();
        var packages = (await db.QueryAsync<AffectedPackage.Row<int>>(
            $"""
            select p.package_id as of, {AffectedPackage.Columns}
            from package_findings f join packages p using (package_id)
            {CurationInForce.Of("@organization")}
            where f.vulnerability_id = @Vulnerability and f.package_id = any(@Held)
            """, new { Vulnerability, organization, Held = held.Select(pair => pair.Package).Distinct().ToArray() }, ct))
            .ToDictionary(row => row.Of, row => row.Package);
        var shown = held.Where(pair => packages.ContainsKey(pair.Package))
            .Select(pair => (pair.Set, pair.Package, Affected: packages[pair.Package]))
            .OrderBy(one => one.Affected.Name, StringComparer.Ordinal).ThenBy(one => one.Package)
            .ToLookup(one => one.Set, one => one.Affected);
        return (shown, affected.ToDictionary(set => set.Id, set => set.Packages.Length));
    }

    private sealed record SetRow(long Id, int[] PackageIds);
}
