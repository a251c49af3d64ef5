using System.ComponentModel.DataAnnotations;

using EnvPlatform.Contracts;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Ingest.Environments;

/// <summary>The packages of an environment, and how each was checked.</summary>
internal static class ListPackages
{
    private static readonly Dictionary<string, string> Sorts = new(StringComparer.Ordinal) { ["name"] = "name" };

    /// <param name="Requested">The user asked for it by name; null when the log did not say.</param>
    /// <param name="Coverage">pending, checked, not_checked or not_applicable.</param>
    /// <param name="CoverageReason">The code of the reason why it was not checked.</param>
    /// <param name="CoverageExplanation">How it was checked, or why not, as text; null while pending.</param>
    /// <param name="Mapping">The project that it was mapped to; null while pending, and where there is nothing to check.</param>
    /// <param name="Vulnerabilities">Null while pending.</param>
    /// <param name="NotEvaluable">The advisories that cannot be compared with its version, where that is the reason.</param>
    internal sealed record Item(
        string Manager, string Name, string Version, string Build, string Channel, string Subdir, string? License,
        string? Sha256, bool? Requested, string Coverage, string? CoverageReason, string? CoverageExplanation, MappedProject? Mapping,
        VulnerabilityCounts? Vulnerabilities, IReadOnlyList<string> NotEvaluable);

    public static void MapListPackages(this IEndpointRouteBuilder environments) =>
        environments.MapGet("/{id}/packages", HandleAsync).WithName(nameof(ListPackages)).WithSummary("List the packages of an environment")
            .ProducesProblem(StatusCodes.Status400BadRequest).ProducesProblem(StatusCodes.Status404NotFound);

    private static async Task<Results<Ok<Page<Item>>, ProblemHttpResult>> HandleAsync(
        EnvironmentId id, [MaxLength(255)] string? search, PageQuery page, Caller caller, NpgsqlDataSource db,
        FindingsSource scanner, CancellationToken ct)
    {
        _ = page.SortBy(Sorts, "name");
        var environment = await db.QuerySingleOrDefaultAsync<EnvironmentOf>(
            "select owner_id, package_set_id from environments where org_id = @OrgId and environment_id = @id and removed_at is null",
            new { caller.OrgId, id }, ct);
        if (environment is null || !caller.MaySee(environment.OwnerId))
        {
            return Problems.NotFound();
        }

        var parameters = new
        {
            caller.OrgId,
            id,
            environment.PackageSetId,
            Search = string.IsNullOrEmpty(search) ? null : LikePattern.Containing(search),
            AfterName = page.After?[0],
            AfterId = page.After is null ? (int?)null : int.Parse(page.After[1]!),
            Take = page.Limit + 1,
        };
        var rows = await db.QueryAsync<Row>(page.Descending ? PageSql + DescendingSql : PageSql + AscendingSql, parameters, ct);
        var total = await db.QuerySingleAsync<long>($"select count(*) {FromSql}", parameters, ct);
        var findings = await scanner.GetAsync(caller.OrgId, environment.PackageSetId, ct);
        var items = rows.Take(page.Limit).ToArray();
        var next = rows.Count > page.Limit ? page.Next(items[^1].Name, $"{items[^1].PackageId}") : null;
        return TypedResults.Ok(new Page<Item>([.. items.Select(row => ItemOf(row, findings))], total, next));
    }

    private static Item ItemOf(Row row, IReadOnlyDictionary<int, PackageScan> findings)
    {
        var finding = findings.GetValueOrDefault(row.PackageId);
        return new(
            row.Manager, row.Name, row.Version, row.Build, row.Channel, row.Subdir, row.License, row.Sha256, row.Requested,
            finding?.Coverage ?? "pending", finding?.Reason, finding?.Explanation, finding?.Mapping, finding?.Vulnerabilities,
            finding?.NotEvaluable ?? []);
    }

    private static readonly string FromSql =
        $"""
        from package_sets s
        cross join unnest(s.package_ids) as held (package_id)
        join packages p on p.package_id = held.package_id
        where s.package_set_id = @PackageSetId and (@Search::text is null or {Folded.Of("p.name")} like {Folded.Of("@Search")})
        """;

    private static readonly string PageSql =
        $"""
        select p.package_id, p.manager, p.name, p.version, p.build, p.channel, p.subdir,
            (select o.license from organization_packages o where o.org_id = @OrgId and o.package_id = p.package_id) as license,
            (select o.sha256 from organization_packages o where o.org_id = @OrgId and o.package_id = p.package_id) as sha256,
            (select p.package_id = any(e.requested_ids) from environments e where e.org_id = @OrgId and e.environment_id = @id) as requested
        {FromSql}
        """;

    private const string AscendingSql =
        " and (@AfterName::text is null or (p.name, p.package_id) > (@AfterName, @AfterId)) order by p.name, p.package_id limit @Take";

    private const string DescendingSql =
        " and (@AfterName::text is null or (p.name, p.package_id) < (@AfterName, @AfterId)) order by p.name desc, "
        + "p.package_id desc limit @Take";

    private sealed record EnvironmentOf(SubjectId OwnerId, long PackageSetId);

    private sealed record Row(
        int PackageId, string Manager, string Name, string Version, string Build, string Channel, string Subdir, string? License,
        string? Sha256, bool? Requested);
}
