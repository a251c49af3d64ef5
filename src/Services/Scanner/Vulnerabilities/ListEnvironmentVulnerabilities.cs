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
        string? CvssVector, string Severity, decimal? Epss, bool Kev, string Status, DateTimeOffset? CuratedAt,
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
            select f.vulnerability_id, 1::bigint as environments, {CurationInForce.MostUrgent} as status,
                {CurationInForce.MostUrgentSince} as curated_at
            from package_sets s cross join unnest(s.package_ids) as held(package_id)
            join package_findings f on f.package_id = held.package_id join packages p on p.package_id = held.package_id
            {CurationInForce.Of("@OrgId")}
            where s.id = @Set and (@Package::text is null or p.name = @Package) and {CurationInForce.Status} = any(@Statuses)
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
        var numbers = (await db.QueryAsync<NumberRow>(
            $"select f.vulnerability_id as id, count(*)::int as packages {ShownSql} group by f.vulnerability_id", shown, ct))
            .ToDictionary(row => row.Id, row => row.Packages, StringComparer.Ordinal);
        var packages = (await db.QueryAsync<AffectedPackage.Row<string>>(
            $"""
            select of, {AffectedPackage.Names}
            from (
                select f.vulnerability_id as of, {AffectedPackage.Columns},
                    row_number() over (partition by f.vulnerability_id order by p.name, p.version, p.package_id) as place
                {ShownSql}) as ranked
            where place <= @MaxShown
            order by of, place
            """, shown, ct)).ToLookup(row => row.Of);
        return TypedResults.Ok(new Page<Item>(
            [.. rows.Select(row => Item.Of(row.ToView(), [.. packages[row.Id]], numbers.GetValueOrDefault(row.Id)))], total, next));
    }

    /// <summary>The findings of a page.</summary>
    private static readonly string ShownSql =
        $"""
        from package_sets s cross join unnest(s.package_ids) as held(package_id)
        join package_findings f on f.package_id = held.package_id join packages p on p.package_id = held.package_id
        {CurationInForce.Of("@OrgId")}
        where s.id = @Set and f.vulnerability_id = any(@Ids) and (@Package::text is null or p.name = @Package)
            and {CurationInForce.Status} = any(@Statuses)
        """;

    private sealed record NumberRow(string Id, int Packages);
}
