using Dapper;

using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Identity;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Scanner.Vulnerabilities;

/// <summary>The vulnerabilities that affect the environments that the caller may see, archived ones left out.</summary>
internal static class ListVulnerabilities
{
    /// <param name="Environments">How many environments hold an affected package.</param>
    public sealed record Item(
        string Id, IReadOnlyList<string> Aliases, IReadOnlyList<string> Advisories, decimal? Cvss, string? CvssVector, string Severity, decimal? Epss,
        bool Kev, string Status, DateTimeOffset? CuratedAt, DateTimeOffset? PublishedAt, DateTimeOffset ModifiedAt, string? Summary, string? Description,
        long Environments)
    {
        public static Item Of(VulnerabilityView view, long environments) => new(
            view.Id, view.Aliases, view.Advisories, view.Cvss, view.CvssVector, view.Severity, view.Epss, view.Kev, view.Status, view.CuratedAt,
            view.PublishedAt, view.ModifiedAt, view.Summary, view.Description, environments);
    }

    public static void MapListVulnerabilities(this IEndpointRouteBuilder organization) =>
        organization.MapGet("/vulnerabilities", HandleAsync).WithName(nameof(ListVulnerabilities))
            .WithSummary("The vulnerabilities that affect the organization's environments.");

    private const string Held =
        """
        select set_id, count(*) as environments from environments
        where org_id = @OrgId and visible and not archived and (@OnlyOwner::uuid is null or owner = @OnlyOwner)
        group by set_id
        """;

    /// <summary>An environment has one set, and a set has each of its vulnerabilities once: so the environments of the sets can be added up.</summary>
    private const string OfSets =
        $"""
        select v.id as vulnerability_id, counted.environments
        from (
            select found.key, sum(held.environments)::bigint as environments
            from ({Held}) held join package_sets s on s.id = held.set_id cross join unnest(s.vulnerability_keys) as found(key)
            group by found.key) counted
        join vulnerabilities v on v.key = counted.key
        """;

    private const string OfPackage =
        $"""
        select hit.vulnerability_id, sum(held.environments)::bigint as environments
        from ({Held}) held
        join (
            select distinct s.id as set_id, f.vulnerability_id
            from packages p join package_findings f using (package_id) join package_sets s on s.package_ids @> array[p.package_id]
            where p.name = @Package) hit using (set_id)
        group by hit.vulnerability_id
        """;

    private static async Task<Ok<Page<Item>>> HandleAsync(
        [AsParameters] VulnerabilityFilter filter, PageQuery page, Caller caller, NpgsqlDataSource db, CancellationToken ct)
    {
        var values = filter.Parse();
        var parameters = new DynamicParameters(new { caller.OrgId, OnlyOwner = caller.OnlyOwner?.Value, values.Package });
        var (rows, total, next) = await VulnerabilityList.ReadAsync(db, values.Package is null ? OfSets : OfPackage, parameters, values, page, ct);
        return TypedResults.Ok(new Page<Item>([.. rows.Select(row => Item.Of(row.ToView(), row.Environments))], total, next));
    }
}
