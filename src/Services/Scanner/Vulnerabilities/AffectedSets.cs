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

    /// <summary>The affected packages of some of the sets, with the organization's verdicts on the vulnerability in them.</summary>
    public async Task<ILookup<long, AffectedPackage>> PackagesAsync(
        NpgsqlDataSource db, OrganizationId organization, long[] sets, CancellationToken ct)
    {
        var held = (await db.QueryAsync<SetRow>("select id, package_ids from package_sets where id = any(@sets)", new { sets }, ct))
            .SelectMany(row => row.PackageIds.Where(id => Array.BinarySearch(Packages, id) >= 0), (row, id) => (Set: row.Id, Package: id))
            .ToArray();
        var packages = (await db.QueryAsync<AffectedPackage.Row<int>>(
            $"""
            select p.package_id as of, {AffectedPackage.Columns}
            from package_findings f join packages p using (package_id)
            {CurationInForce.Of("@organization")}
            where f.vulnerability_id = @Vulnerability and f.package_id = any(@Held)
            """, new { Vulnerability, organization, Held = held.Select(pair => pair.Package).Distinct().ToArray() }, ct))
            .ToDictionary(row => row.Of, row => row.Package);
        return held.Where(pair => packages.ContainsKey(pair.Package))
            .Select(pair => (pair.Set, pair.Package, Affected: packages[pair.Package]))
            .OrderBy(one => one.Affected.Name, StringComparer.Ordinal).ThenBy(one => one.Package)
            .ToLookup(one => one.Set, one => one.Affected);
    }

    private sealed record SetRow(long Id, int[] PackageIds);
}
