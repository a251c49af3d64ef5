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

    /// <summary>
    /// SQL that holds for a set <c>s</c> unless the platform's verdict is that none of its packages is affected by the vulnerability with
    /// the key, and the organization (<c>@OrgId</c>) has given no other.
    /// </summary>
    /// <param name="vulnerability">The alias of a row of <c>vulnerabilities</c>.</param>
    public static string IsAffected(string vulnerability) =>
        $"""
        (not exists (
            select from set_counts n
            where n.set_id = s.id and {vulnerability}.key = any(n.not_affected_keys) and {vulnerability}.key <> all(n.vulnerability_keys))
         or exists (
            select from curations own
            where own.org_id = @OrgId and own.vulnerability_id = {vulnerability}.id and own.ended_at is null)
            and exists (
                select from package_findings f join packages p using (package_id)
                {CurationInForce.Of("@OrgId", "(select n.libraries from set_counts n where n.set_id = s.id)")}
                where f.vulnerability_id = {vulnerability}.id and f.package_id = any(s.package_ids)
                    and {CurationInForce.Status} <> '{CurationStatuses.NotAffected}'))
        """;

    /// <param name="statuses">
    /// One of the packages must have one of these for the organization; null for all but not_affected.
    /// </param>
    public static async Task<AffectedSets> ReadAsync(
        NpgsqlDataSource db, string vulnerability, OrganizationId organization, string[]? statuses, CancellationToken ct)
    {
        int[] packages = [.. await db.QueryAsync<int>(
            "select package_id from package_findings where vulnerability_id = @vulnerability order by package_id",
            new { vulnerability }, ct)];
        var parameters = new { packages, vulnerability, OrgId = organization, statuses };
        var sets = packages.Length == 0 ? [] : await db.QueryAsync<long>(
            statuses is null
                ? $"""
                  select s.id from package_sets s, vulnerabilities v
                  where v.id = @vulnerability and s.package_ids && @packages and {IsAffected("v")}
                  """
                : $"""
                  select s.id from package_sets s left join set_counts n on n.set_id = s.id
                  where s.package_ids && @packages and exists (
                      select from package_findings f join packages p using (package_id)
                      {CurationInForce.Of("@OrgId", "n.libraries")}
                      where f.vulnerability_id = @vulnerability and f.package_id = any(s.package_ids)
                          and {CurationInForce.Status} = any(@statuses))
                  """, parameters, ct);
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
        var packages = (await db.QueryAsync<SetPackageRow>(
            $"""
            select h.set_id, p.package_id as of, {AffectedPackage.Columns}
            from unnest(@Sets, @Packages) as h(set_id, package_id) join package_findings f using (package_id)
            join packages p using (package_id) left join set_counts n on n.set_id = h.set_id
            {CurationInForce.Of("@organization", "n.libraries")}
            where f.vulnerability_id = @Vulnerability
            """, new
            {
                Vulnerability,
                organization,
                Sets = held.Select(pair => pair.Set).ToArray(),
                Packages = held.Select(pair => pair.Package).ToArray(),
            }, ct)).ToDictionary(row => (row.SetId, row.Of), row => row.Package);
        var shown = held.Where(pair => packages.ContainsKey((pair.Set, pair.Package)))
            .Select(pair => (pair.Set, pair.Package, Affected: packages[(pair.Set, pair.Package)]))
            .OrderBy(one => one.Affected.Name, StringComparer.Ordinal).ThenBy(one => one.Package)
            .ToLookup(one => one.Set, one => one.Affected);
        return (shown, affected.ToDictionary(set => set.Id, set => set.Packages.Length));
    }

    private sealed record SetPackageRow(
        long SetId, int Of, string Manager, string Name, string Version, string Build, string Channel, string[] Advisories,
        string[] FixedIn, string Matches, string Ecosystem, string Project, string Basis, string? BasisReason, string VersionOrder,
        string Status, string? Library, string[]? ProvidedBy)
    {
        public AffectedPackage Package => new AffectedPackage.Row<int>(
            Of, Manager, Name, Version, Build, Channel, Advisories, FixedIn, Matches, Ecosystem, Project, Basis, BasisReason, VersionOrder,
            Status, Library, ProvidedBy).Package;
    }

    private sealed record SetRow(long Id, int[] PackageIds);
}
