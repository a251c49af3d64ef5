using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Callers;

using Npgsql;

namespace EnvPlatform.Scanner.Curations;

/// <summary>The status of a finding, or of a vulnerability over all findings of it, and since when a person's verdict has set it.</summary>
internal sealed record CuratedStatus(string Status, DateTimeOffset? CuratedAt)
{
    public static CuratedStatus Reported { get; } = new(CurationStatuses.Reported, null);
}

/// <summary>The organization's status of given findings, and of vulnerabilities by their ids.</summary>
internal static class FindingStatuses
{
    /// <summary>A finding of a package, which need not be stored.</summary>
    public sealed record Finding(
        int Number, string VulnerabilityId, string Manager, string Name, string Project, string? Version, string? Build);

    /// <summary>The organization's own statuses by the findings' numbers; those that it has not judged are left out.</summary>
    public static async Task<Dictionary<int, CuratedStatus>> OfFindingsAsync(
        NpgsqlDataSource db, OrganizationId organization, IReadOnlyCollection<Finding> findings, CancellationToken ct)
    {
        var curated = (await db.QueryAsync<string>(
            """
            select distinct vulnerability_id from curations
            where org_id = @organization and ended_at is null and vulnerability_id = any(@Ids)
            """,
            new { organization, Ids = findings.Select(one => one.VulnerabilityId).Distinct(StringComparer.Ordinal).ToArray() }, ct))
            .ToHashSet(StringComparer.Ordinal);
        var asked = findings.Where(one => curated.Contains(one.VulnerabilityId)).ToArray();
        if (asked.Length == 0)
        {
            return [];
        }

        return (await db.QueryAsync<FindingRow>(
            $"""
            select f.number, curation.status, curation.created_at as curated_at
            from unnest(@Numbers, @Ids) as f(number, vulnerability_id)
            join unnest(@Numbers, @Managers, @Names, @Projects, @Versions, @Builds) as p(number, manager, name, project, version, build)
                on p.number = f.number
            {CurationInForce.OfOrganization("@organization")}
            where curation.status is not null
            """, new
            {
                organization,
                Numbers = asked.Select(one => one.Number).ToArray(),
                Ids = asked.Select(one => one.VulnerabilityId).ToArray(),
                Managers = asked.Select(one => one.Manager).ToArray(),
                Names = asked.Select(one => one.Name).ToArray(),
                Projects = asked.Select(one => one.Project).ToArray(),
                Versions = asked.Select(one => one.Version ?? "").ToArray(),
                Builds = asked.Select(one => one.Build ?? "").ToArray(),
            }, ct)).ToDictionary(row => row.Number, row => new CuratedStatus(row.Status, row.CuratedAt));
    }

    /// <summary>
    /// Each vulnerability's most urgent status in the environments that the caller may see; where none has it, the verdict on it as a
    /// whole.
    /// </summary>
    public static async Task<Dictionary<string, CuratedStatus>> OfVulnerabilitiesAsync(
        NpgsqlDataSource db, Caller caller, string[] ids, CancellationToken ct) =>
        (await db.QueryAsync<VulnerabilityRow>(
            $"""
            with narrow as materialized (
                select distinct vulnerability_id from curations
                where org_id = @OrgId and ended_at is null and package is not null and vulnerability_id = any(@ids)
                union
                select vulnerability_id from findings where provided_by is not null and vulnerability_id = any(@ids)),
            found as (
                select f.vulnerability_id, {CurationInForce.MostUrgent} as status, {CurationInForce.MostUrgentSince} as curated_at
                from narrow join package_findings f using (vulnerability_id) join packages p on p.package_id = f.package_id
                cross join lateral (
                    select null::text[] as libraries where f.provided_by is null and exists ({Holding})
                    union all
                    select distinct c.libraries from set_counts c
                    where f.provided_by is not null and c.set_id in ({Holding})) sets
                {CurationInForce.Of("@OrgId", "sets.libraries")}
                group by f.vulnerability_id)
            select v.id, coalesce(found.status, {CurationInForce.Status}) as status,
                   case when found.status is null then curation.created_at else found.curated_at end as curated_at
            from vulnerabilities v left join found on found.vulnerability_id = v.id
            {CurationInForce.OfVulnerability}
            where v.id = any(@ids)
            """, new { caller.OrgId, OnlyOwner = caller.OnlyOwner?.Value, ids }, ct))
            .ToDictionary(row => row.Id, row => new CuratedStatus(row.Status, row.CuratedAt), StringComparer.Ordinal);

    private const string Holding =
        """
        select s.id from package_sets s join environments e on e.set_id = s.id
        where s.package_ids @> array[p.package_id] and e.org_id = @OrgId and e.visible and not e.archived
            and (@OnlyOwner::uuid is null or e.owner = @OnlyOwner)
        """;

    private sealed record FindingRow(int Number, string Status, DateTimeOffset CuratedAt);

    private sealed record VulnerabilityRow(string Id, string Status, DateTimeOffset? CuratedAt);
}
