using Dapper;

using EnvPlatform.Scanner.Curations;
using EnvPlatform.Scanner.Explanations;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Scanner.Vulnerabilities;

/// <summary>The vulnerabilities that affect the environments that the caller may see, archived ones left out.</summary>
internal static class ListVulnerabilities
{
    /// <param name="Environments">
    /// How many environments hold an affected package, those left out that the platform holds not to be affected (not_affected); in the
    /// list, one whose finding has a requested status.
    /// </param>
    /// <param name="NotCompared">Projects that its advisories name so that they cannot be compared with installed versions.</param>
    public sealed record Item(
        string Id, IReadOnlyList<string> Aliases, IReadOnlyList<string> Advisories, decimal? Cvss, string? CvssVector, string Severity,
        decimal? Epss, bool? Kev, string Status, DateTimeOffset? CuratedAt, DateTimeOffset? PublishedAt, DateTimeOffset ModifiedAt,
        string? Summary, string? Description, long Environments, IReadOnlyList<NotCompared> NotCompared)
    {
        /// <summary>By which relation it was found; null where it has the id that was asked for, and in lists.</summary>
        public FoundBy? FoundBy { get; init; }

        /// <summary>The first hundred of its relations to other vulnerabilities; null in lists.</summary>
        public IReadOnlyList<Relation>? Relations { get; init; }

        public static Item Of(VulnerabilityView view, long environments) => new(
            view.Id, view.Aliases, view.Advisories, view.Cvss, view.CvssVector, view.Severity, view.Epss, view.Kev,
            view.Status, view.CuratedAt, view.PublishedAt, view.ModifiedAt, view.Summary, view.Description, environments, view.NotCompared);
    }

    public static void MapListVulnerabilities(this IEndpointRouteBuilder organization) =>
        organization.MapGet("/vulnerabilities", HandleAsync).WithName(nameof(ListVulnerabilities))
            .WithSummary("The vulnerabilities that affect the organization's environments.");

    private const string Held =
        """
        with held as materialized (
            select set_id, environments from set_environments where org_id = @OrgId and not archived and @OnlyOwner::uuid is null
            union all
            select set_id, count(*) from environments
            where org_id = @OrgId and visible and not archived and owner = @OnlyOwner group by set_id),
        """;

    /// <summary>From findings <c>f</c> of packages <c>p</c>: in each set the requested statuses, each vulnerability once.</summary>
    private static readonly string OfFindings =
        $"""
        join package_sets s on s.package_ids @> array[p.package_id] left join set_counts n on n.set_id = s.id
            {CurationInForce.Of("@OrgId", "n.libraries")}
            where {CurationInForce.Status} = any(@Statuses)
        """;

    /// <summary>
    /// An environment has one set, and the vulnerabilities of each set are stored: so the environments of the sets can be added up. The
    /// findings must be read only for verdicts on packages rather than on a whole vulnerability.
    /// </summary>
    private static readonly string OfSets =
        $"""
        {Held}
        narrow as materialized (
            select distinct vulnerability_id from curations
            where org_id = @OrgId and ended_at is null and package is not null and vulnerability_id is not null),
        counted as (
            select found.key, sum(held.environments) filter (where found.counted)::bigint as counted,
                   sum(held.environments) filter (where not found.counted)::bigint as not_affected,
                   sum(held.environments) filter (where found.first)::bigint as all_of_them
            from held join set_counts s on s.set_id = held.set_id
            cross join lateral (
                select key, true as counted, true as first from unnest(s.vulnerability_keys) as key
                union all
                select key, false, key <> all(s.vulnerability_keys) from unnest(s.not_affected_keys) as key) found
            group by found.key),
        whole as (
            select v.id as vulnerability_id, curation.created_at as curated_at,
                   coalesce(curation.status, case
                       when 'reported' = any(@Statuses) and counted.counted is not null then 'reported'
                       else 'not_affected' end) as status,
                   case when curation.status is not null or @Statuses::text[] @> array['not_affected', 'reported'] then counted.all_of_them
                       when 'reported' = any(@Statuses) then counted.counted
                       else counted.not_affected end as environments
            from counted join vulnerabilities v on v.key = counted.key
            {CurationInForce.OfVulnerability}
            where v.id not in (select vulnerability_id from narrow)),
        hit as (
            select s.id as set_id, f.vulnerability_id, {CurationInForce.MostUrgent} as status,
                {CurationInForce.MostUrgentSince} as created_at
            from narrow join package_findings f using (vulnerability_id) join packages p on p.package_id = f.package_id
            {OfFindings}
            group by s.id, f.vulnerability_id)
        select vulnerability_id, environments, status, curated_at from whole where status = any(@Statuses) and environments > 0
        union all
        {Summed}
        """;

    private static readonly string OfPackage =
        $"""
        {Held}
        hit as (
            select s.id as set_id, f.vulnerability_id, {CurationInForce.MostUrgent} as status,
                {CurationInForce.MostUrgentSince} as created_at
            from packages p join package_findings f on f.package_id = p.package_id
            {OfFindings} and p.name = @Package
            group by s.id, f.vulnerability_id)
        {Summed}
        """;

    private static string Summed =>
        $"""
        select curation.vulnerability_id, sum(held.environments)::bigint as environments, {CurationInForce.MostUrgent} as status,
               {CurationInForce.MostUrgentSince} as curated_at
        from held join hit curation using (set_id)
        group by curation.vulnerability_id
        """;

    private static async Task<Ok<Page<Item>>> HandleAsync(
        [AsParameters] VulnerabilityFilter filter, PageQuery page, Caller caller, NpgsqlDataSource db, CancellationToken ct)
    {
        var values = filter.Parse();
        var parameters = new DynamicParameters(new { caller.OrgId, OnlyOwner = caller.OnlyOwner?.Value, values.Package });
        var (rows, total, next) = await VulnerabilityList.ReadAsync(
            db, values.Package is null ? OfSets : OfPackage, parameters, values, page, ct);
        return TypedResults.Ok(new Page<Item>([.. rows.Select(row => Item.Of(row.ToView(), row.Environments))], total, next));
    }
}
