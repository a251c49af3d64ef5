using Dapper;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.Scanner.Curations;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Scanner.Vulnerabilities;

/// <summary>The vulnerabilities of an environment, or of one package in it.</summary>
internal static class ListEnvironmentVulnerabilities
{
    /// <summary>A vulnerability of an environment, with the packages that have it and that have one of the statuses asked for.</summary>
    /// <param name="Advisories">Those that affect the packages shown, as <c>fixed_in</c>.</param>
    /// <param name="Packages">The first 20 by name.</param>
    /// <param name="PackageCount">How many there are.</param>
    public sealed record Item(
        string Id, IReadOnlyList<string> Aliases, IReadOnlyList<string> Advisories, IReadOnlyList<AffectedPackage> Packages, decimal? Cvss,
        string? CvssVector, string Severity, decimal? Epss, bool? Kev, string Status, DateTimeOffset? CuratedAt,
        IReadOnlyList<string> FixedIn, DateTimeOffset? PublishedAt, DateTimeOffset ModifiedAt, string? Summary, string? Description,
        int PackageCount)
    {
        public static Item Of(VulnerabilityView view, IReadOnlyList<AffectedPackage.Row<string>> rows, int packageCount) => new(
            view.Id, view.Aliases,
            [.. rows.SelectMany(row => row.Advisories).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)],
            [.. rows.Select(row => row.Package)], view.Cvss, view.CvssVector, view.Severity, view.Epss, view.Kev,
            view.Status, view.CuratedAt,
            [.. rows.SelectMany(row => row.FixedIn).Distinct(StringComparer.Ordinal)], view.PublishedAt, view.ModifiedAt,
            view.Summary, view.Description, packageCount);
    }

    public static void MapListEnvironmentVulnerabilities(this IEndpointRouteBuilder organization)
    {
        organization.MapGet("/environments/{id}/vulnerabilities", HandleAsync).WithName(nameof(ListEnvironmentVulnerabilities))
            .WithSummary("The vulnerabilities of an environment.");
        organization.MapGet("/environments/{id}/packages/{name}/vulnerabilities", HandlePackageAsync).WithName("ListPackageVulnerabilities")
            .WithSummary("The vulnerabilities of one package of an environment.");
    }

    private static Task<Results<Ok<Page<Item>>, ProblemHttpResult>> HandlePackageAsync(
        EnvironmentId id, string name, [AsParameters] VulnerabilityFilter filter, PageQuery page, Caller caller, NpgsqlDataSource db,
        CancellationToken ct) =>
        HandleAsync(id, filter with { Package = name }, page, caller, db, ct);

    private static async Task<Results<Ok<Page<Item>>, ProblemHttpResult>> HandleAsync(
        EnvironmentId id, [AsParameters] VulnerabilityFilter filter, PageQuery page, Caller caller,
        NpgsqlDataSource db, CancellationToken ct)
    {
        var values = filter.Parse();
        var set = await db.QuerySingleOrDefaultAsync<long?>(
            """
            select set_id from environments
            where org_id = @OrgId and environment_id = @id and visible and (@OnlyOwner::uuid is null or owner = @OnlyOwner)
            """, new { caller.OrgId, id, OnlyOwner = caller.OnlyOwner?.Value }, ct);
        if (set is null)
        {
            return Problems.NotFound();
        }

        var parameters = new DynamicParameters(new { Set = set, values.Package, caller.OrgId });
        var (rows, total, next) = await VulnerabilityList.ReadAsync(
            db,
            $"""
            with {HeldPackages.OfSet},
            {CurationInForce.Curated("@OrgId")}
            select f.vulnerability_id, 1::bigint as environments, 'reported' as status, null::timestamptz as curated_at
            from (select distinct found_id from held) h join findings f using (found_id)
            where 'reported' = any(@Statuses) and f.vulnerability_id not in (select vulnerability_id from curated)
            group by f.vulnerability_id
            union all
            select f.vulnerability_id, 1, {CurationInForce.MostUrgent}, {CurationInForce.MostUrgentSince}
            from held p join findings f on f.found_id = p.found_id join curated c on c.vulnerability_id = f.vulnerability_id
            {CurationInForce.Of("@OrgId", HeldPackages.Libraries)}
            where {CurationInForce.Status} = any(@Statuses)
            group by f.vulnerability_id
            """, parameters, values, page, ct);
        var shown = new
        {
            Set = set,
            Ids = rows.Select(row => row.Id).ToArray(),
            values.Package,
            caller.OrgId,
            values.Statuses,
            AffectedPackage.MaxShown,
        };
        var numbers = (await db.QueryAsync<NumberRow>(NumbersSql, shown, ct)).ToDictionary(
            row => row.Id, row => row.Packages, StringComparer.Ordinal);
        var packages = (await db.QueryAsync<AffectedPackage.Row<string>>(PackagesSql, shown, ct)).ToLookup(row => row.Of);
        return TypedResults.Ok(new Page<Item>(
            [.. rows.Select(row => Item.Of(row.ToView(), [.. packages[row.Id]], numbers.GetValueOrDefault(row.Id)))], total, next));
    }

    private static readonly string NumbersSql =
        $"""
        with {HeldPackages.OfSet},
        {CurationInForce.Curated("@OrgId")}
        select f.vulnerability_id as id, sum(h.packages)::int as packages
        from (select found_id, count(*) as packages from held group by found_id) h join findings f using (found_id)
        where f.vulnerability_id = any(@Ids) and f.vulnerability_id not in (select vulnerability_id from curated)
        group by f.vulnerability_id
        union all
        select f.vulnerability_id, count(*)::int {JudgedSql} group by f.vulnerability_id
        """;

    /// <summary>Of what was found alike in many packages, the first of them are enough.</summary>
    private static readonly string PackagesSql =
        $"""
        with {HeldPackages.OfSet},
        {CurationInForce.Curated("@OrgId")},
        first as (
            select * from (
                select p.*, row_number() over (partition by p.found_id order by p.name, p.version, p.package_id) as place from held p) as r
            where place <= @MaxShown),
        shown as (
            select f.vulnerability_id as of, {AffectedPackage.Columns}, p.package_id
            from first p join findings f on f.found_id = p.found_id cross join {CurationInForce.None}
            where f.vulnerability_id = any(@Ids) and f.vulnerability_id not in (select vulnerability_id from curated)
            union all
            select f.vulnerability_id as of, {AffectedPackage.Columns}, p.package_id {JudgedSql})
        select of, {AffectedPackage.Names}
        from (select *, row_number() over (partition by of order by name, version, package_id) as place from shown) as ranked
        where place <= @MaxShown
        order by of, place
        """;

    /// <summary>The findings of a page that the organization has judged somewhere; those that nobody has are reported.</summary>
    private static string JudgedSql =>
        $"""
        from held p join findings f on f.found_id = p.found_id join curated c on c.vulnerability_id = f.vulnerability_id
        {CurationInForce.Of("@OrgId", HeldPackages.Libraries)}
        where f.vulnerability_id = any(@Ids) and {CurationInForce.Status} = any(@Statuses)
        """;

    private sealed record NumberRow(string Id, int Packages);
}
