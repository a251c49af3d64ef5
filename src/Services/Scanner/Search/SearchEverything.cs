using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.Scanner.Curations;
using EnvPlatform.Scanner.Explanations;
using EnvPlatform.Scanner.Vulnerabilities;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Scanner.Search;

/// <summary>
/// One search box: environments by name or prefix, packages by name, vulnerabilities by CVE id or any alias. The first few of each.
/// </summary>
internal static class SearchEverything
{
    private const int DefaultLimit = 10;
    private const int MaxLimit = 100;
    private const int MaxLength = 500;

    public sealed record FoundEnvironment(EnvironmentId Id, string Name, string Prefix, string Platform, bool Archived);

    /// <param name="Environments">How many environments hold it, in any version.</param>
    public sealed record FoundPackage(string Manager, string Name, IReadOnlyList<string> Versions, long Environments);

    /// <param name="Relation">
    /// upstream or related where its advisories name what was searched for as that; null where it is an id of its own.
    /// </param>
    public sealed record FoundVulnerability(
        string Id, IReadOnlyList<string> Aliases, decimal? Cvss, string Severity, bool? Kev, string Status,
        string? Summary, long Environments, IReadOnlyList<NotCompared> NotCompared, string? Relation);

    public sealed record Result(
        IReadOnlyList<FoundEnvironment> Environments, IReadOnlyList<FoundPackage> Packages,
        IReadOnlyList<FoundVulnerability> Vulnerabilities);

    public static void MapSearch(this IEndpointRouteBuilder app) =>
        app.MapGet("/api/v1/orgs/{org}/search", HandleAsync).RequireAuthorization(Permission.EnvironmentsRead).WithTags("Search")
            .WithName(nameof(SearchEverything)).WithSummary("Search environments, packages and vulnerabilities.");

    private static async Task<Results<Ok<Result>, ProblemHttpResult>> HandleAsync(
        string? q, Caller caller, NpgsqlDataSource db, CancellationToken ct, int limit = DefaultLimit)
    {
        var text = q?.Trim() ?? "";
        if (text.Length is 0 or > MaxLength)
        {
            return Problems.Invalid("q", $"Must have 1 to {MaxLength} characters.");
        }

        if (limit is < 1 or > MaxLimit)
        {
            return Problems.Invalid("limit", $"Must be a whole number from 1 to {MaxLimit}.");
        }

        var asked = new Asked(
            caller.OrgId, caller.OnlyOwner?.Value, text, LikePattern.Containing(text),
            LikePattern.BeginningWith(text.ToLowerInvariant()), text.ToLowerInvariant(), limit);
        return TypedResults.Ok(new Result(
            await EnvironmentsAsync(db, asked, ct), await PackagesAsync(db, asked, ct), await VulnerabilitiesAsync(db, asked, caller, ct)));
    }

    // Exact matches and prefixes come before matches elsewhere in the text.
    private static Task<List<FoundEnvironment>> EnvironmentsAsync(NpgsqlDataSource db, Asked asked, CancellationToken ct) =>
        db.QueryAsync<FoundEnvironment>(
            $"""
            select environment_id as id, name, prefix, platform, archived from environments
            where org_id = @OrgId and visible and (@OnlyOwner::uuid is null or owner = @OnlyOwner)
                and ({Folded.Of("name")} like {Folded.Of("@Within")} or {Folded.Of("prefix")} like {Folded.Of("@Within")})
            order by {Folded.Of("name")} <> {Folded.Of("@Text")}, archived, name, environment_id limit @Limit
            """, asked, ct);

    private static async Task<List<FoundPackage>> PackagesAsync(NpgsqlDataSource db, Asked asked, CancellationToken ct) =>
        [.. (await db.QueryAsync<PackageRow>(
            $"""
            with named as materialized (
                select package_id, manager, name, version from packages where {Folded.Of("name")} like {Folded.Of("@Within")}),
            sets as materialized (
                select s.id, s.package_ids from package_sets s
                where s.package_ids && array(select package_id from named)
                    and exists (select from set_environments n where n.org_id = @OrgId and n.set_id = s.id and not n.archived)
                    and (@OnlyOwner::uuid is null or exists (
                        select from environments e
                        where e.org_id = @OrgId and e.set_id = s.id and e.visible and not e.archived and e.owner = @OnlyOwner))),
            held as (
                select distinct s.id, n.manager, n.name, n.version
                from sets s cross join unnest(s.package_ids) as of_set(package_id) join named n using (package_id)),
            on_sets as (select distinct id, manager, name from held)
            select o.manager, o.name,
                   (select array_agg(distinct h.version) from held h where h.manager = o.manager and h.name = o.name) as versions,
                   sum(case when @OnlyOwner::uuid is null
                       then (select n.environments from set_environments n where n.org_id = @OrgId and n.set_id = o.id and not n.archived)
                       else (select count(*) from environments e
                             where e.org_id = @OrgId and e.set_id = o.id and e.visible and not e.archived
                                 and e.owner = @OnlyOwner) end)::bigint as environments
            from on_sets o
            group by o.manager, o.name
            order by {Folded.Of("o.name")} <> {Folded.Of("@Text")}, o.name, o.manager limit @Limit
            """, asked, ct)).Select(row => new FoundPackage(row.Manager, row.Name, row.Versions, row.Environments))];

    private static async Task<List<FoundVulnerability>> VulnerabilitiesAsync(
        NpgsqlDataSource db, Asked asked, Caller caller, CancellationToken ct)
    {
        var rows = await db.QueryAsync<VulnerabilityRow>(
            $"""
            with named as materialized (
                select vulnerability_id, bool_or(name = @Lower) as exact, min(place) as place
                from (select name, vulnerability_id, 0 as place from vulnerability_names where name like @Beginning
                      union all
                      select name, vulnerability_id, case relation when 'upstream' then 1 else 2 end
                      from vulnerability_relations where name like @Beginning) as n
                group by vulnerability_id order by exact desc, place, vulnerability_id desc limit @Limit)
            select v.id, case named.place when 0 then null when 1 then 'upstream' else 'related' end as relation,
                   v.aliases[1:100] as aliases, v.cvss, v.severity, {VulnerabilityView.KevSql} as kev,
                   v.summary, v.not_compared::text as not_compared,
                   case when @OnlyOwner::uuid is null
                       then (select coalesce(sum(n.environments), 0) from set_environments n
                             where n.org_id = @OrgId and not n.archived and n.set_id in (select unnest(affected.sets)))
                       else (select count(*) from environments e
                             where e.org_id = @OrgId and e.visible and not e.archived and e.owner = @OnlyOwner
                                 and e.set_id in (select unnest(affected.sets)))
                   end::bigint as environments
            from named join vulnerabilities v on v.id = named.vulnerability_id
            cross join lateral (
                select array(
                    select s.id from package_sets s
                    where s.package_ids && array(select package_id from package_findings f
                        where f.vulnerability_id = v.id)
                        and {AffectedSets.IsAffected("v")}) as sets) as affected
            order by named.exact desc, named.place, v.id desc
            """, asked, ct);
        var statuses = await FindingStatuses.OfVulnerabilitiesAsync(db, caller, [.. rows.Select(row => row.Id)], ct);
        return [.. rows.Select(row => new FoundVulnerability(
            row.Id, row.Aliases, row.Cvss, row.Severity, row.Kev, statuses.GetValueOrDefault(row.Id, CuratedStatus.Reported).Status,
            row.Summary, row.Environments, NotCompared.Read(row.NotCompared), row.Relation))];
    }

    private sealed record Asked(
        OrganizationId OrgId, Guid? OnlyOwner, string Text, string Within, string Beginning, string Lower, int Limit);

    private sealed record PackageRow(string Manager, string Name, string[] Versions, long Environments);

    private sealed record VulnerabilityRow(
        string Id, string? Relation, string[] Aliases, decimal? Cvss, string Severity, bool? Kev, string? Summary, string NotCompared,
        long Environments);
}
