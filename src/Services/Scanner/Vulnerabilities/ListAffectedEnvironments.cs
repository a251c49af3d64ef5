using EnvPlatform.Contracts;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Contracts.Ingest;
using EnvPlatform.Postgres;
using EnvPlatform.Scanner.Curations;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Identity;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Scanner.Vulnerabilities;

/// <summary>
/// The environments that hold a package which a vulnerability affects. An intersection of indexes: the vulnerability's packages, the sets that hold one of
/// them, the organization's environments on these sets.
/// </summary>
internal static class ListAffectedEnvironments
{
    private static readonly Dictionary<string, string> Sorts = new(StringComparer.Ordinal)
    {
        ["name"] = "e.name::text",
        ["prefix"] = "e.prefix::text",
        ["platform"] = "e.platform::text",
        ["max_cvss"] = "coalesce(case when o.set_id is null then s.max_cvss else o.max_cvss end, -1)::numeric",
        ["vulnerabilities"] = "coalesce(o.total, s.total)::int",
        ["scanned_at"] = "s.scanned_at::timestamptz",
    };

    public sealed record Machine(MachineId? Id, string? Hostname);

    public sealed record User(SubjectId? Id, string? Email, string? DisplayName);

    /// <summary>An environment, and its packages that have the vulnerability.</summary>
    /// <param name="Status">Null, as the digest, the times and the names of machine and user, while Ingest, which knows them, does not answer.</param>
    public sealed record Item(
        EnvironmentId Id, string Name, string Prefix, string Platform, Machine Machine, User User, EnvironmentStatus? Status, string? Message, bool Archived,
        string? Digest, VulnerabilityCounts Vulnerabilities, decimal? MaxCvss, int Kev, DateTimeOffset? CreatedAt, DateTimeOffset? UpdatedAt,
        DateTimeOffset ScannedAt, IReadOnlyList<AffectedPackage> Packages);

    public sealed record AffectedPackage(string Manager, string Name, string Version, string? Build, string? Channel, IReadOnlyList<string> FixedIn, string Status);

    public static void MapListAffectedEnvironments(this IEndpointRouteBuilder organization) =>
        organization.MapGet("/vulnerabilities/{id}/environments", HandleAsync).WithName(nameof(ListAffectedEnvironments))
            .WithSummary("The environments that a vulnerability affects.");

    // The sets come first, as an array, so that the planner cannot turn the intersection round and look at every environment.
    private const string AffectedSets =
        """
        with affected as materialized (
            select s.id from package_sets s
            where s.package_ids && array(select package_id from package_findings where vulnerability_id = @Vulnerability))
        """;

    private const string Visible =
        """
        where e.org_id = @OrgId and e.set_id = any(array(select id from affected)) and e.visible and e.archived = @archived
            and (@OnlyOwner::uuid is null or e.owner = @OnlyOwner)
        """;

    /// <summary>How many environments that the caller may see are affected.</summary>
    public static Task<long> CountAsync(NpgsqlDataSource db, string vulnerability, Caller caller, bool archived, CancellationToken ct) =>
        db.QuerySingleAsync<long>(
            AffectedSets + " select count(*) from environments e " + Visible,
            new { Vulnerability = vulnerability, caller.OrgId, archived, OnlyOwner = caller.OnlyOwner?.Value }, ct);

    private static async Task<Results<Ok<Page<Item>>, ProblemHttpResult>> HandleAsync(
        string id, PageQuery page, Caller caller, NpgsqlDataSource db, EnvironmentDescriptions descriptions, CancellationToken ct, bool archived = false)
    {
        var key = page.SortBy(Sorts, "name");
        if (await GetVulnerability.ResolveAsync(db, id, ct) is not { } vulnerability)
        {
            return Problems.NotFound();
        }

        var (direction, beyond) = page.Descending ? ("desc", "<") : ("asc", ">");
        var total = await CountAsync(db, vulnerability, caller, archived, ct);
        var rows = await db.QueryAsync<Row>(
            AffectedSets +
            $"""

            select e.environment_id, e.name, e.prefix, e.platform, e.machine_id, e.owner, e.archived, e.set_id,
                   coalesce(o.total, s.total) as total, coalesce(o.critical, s.critical) as critical, coalesce(o.high, s.high) as high,
                   coalesce(o.medium, s.medium) as medium, coalesce(o.low, s.low) as low, coalesce(o.unknown, s.unknown) as unknown,
                   case when o.set_id is null then s.max_cvss else o.max_cvss end as max_cvss, coalesce(o.kev, s.kev) as kev, s.scanned_at,
                   ({key})::text as sort_key
            from environments e join package_sets s on s.id = e.set_id
            left join organization_set_counts o on o.org_id = e.org_id and o.set_id = e.set_id
            {Visible}
                and (@AfterId::uuid is null or ({key}, e.environment_id) {beyond} (@AfterKey{key[(key.LastIndexOf(':') - 1)..]}, @AfterId::uuid))
            order by {key} {direction}, e.environment_id {direction}
            limit @Take
            """, new
            {
                Vulnerability = vulnerability,
                caller.OrgId,
                archived,
                OnlyOwner = caller.OnlyOwner?.Value,
                AfterKey = page.After?[0],
                AfterId = page.After?[1],
                Take = page.Limit + 1,
            }, ct);
        var more = rows.Count > page.Limit;
        var shown = more ? rows[..page.Limit] : rows;
        var packages = await PackagesAsync(db, vulnerability, caller.OrgId, [.. shown.Select(row => row.SetId).Distinct()], ct);
        var described = await descriptions.GetAsync(caller.OrgId, [.. shown.Select(row => row.EnvironmentId)], ct);
        return TypedResults.Ok(new Page<Item>(
            [.. shown.Select(row => row.ToItem(described.GetValueOrDefault(row.EnvironmentId), [.. packages[row.SetId].Select(package => package.Package)]))], total,
            more ? page.Next(shown[^1].SortKey, shown[^1].EnvironmentId.ToString()) : null));
    }

    private static async Task<ILookup<long, PackageRow>> PackagesAsync(
        NpgsqlDataSource db, string vulnerability, OrganizationId organization, long[] sets, CancellationToken ct) =>
        (await db.QueryAsync<PackageRow>(
            $"""
            select s.id as set_id, p.manager, p.name, p.version, p.build, p.channel, f.fixed_in, {CurationInForce.Status} as status
            from package_findings f join packages p using (package_id) join package_sets s on s.id = any(@sets) and s.package_ids @> array[p.package_id]
            {CurationInForce.Of("@organization")}
            where f.vulnerability_id = @vulnerability
            order by p.name, p.package_id
            """, new { vulnerability, organization, sets }, ct)).ToLookup(row => row.SetId);

    private sealed record Row(
        EnvironmentId EnvironmentId, string Name, string Prefix, string Platform, MachineId? MachineId, SubjectId? Owner, bool Archived, long SetId, int Total,
        int Critical, int High, int Medium, int Low, int Unknown, decimal? MaxCvss, int Kev, DateTimeOffset ScannedAt, string SortKey)
    {
        public Item ToItem(EnvironmentDescription? described, AffectedPackage[] packages) => new(
            EnvironmentId, Name, Prefix, Platform, new(MachineId, described is { HasHostname: true } ? described.Hostname : null),
            new(Owner, described is { HasEmail: true } ? described.Email : null, described is { HasDisplayName: true } ? described.DisplayName : null),
            described is null ? null : Enum.Parse<EnvironmentStatus>(described.Status, ignoreCase: true), described is { HasMessage: true } ? described.Message : null,
            Archived, described?.Digest, new(Total, Critical, High, Medium, Low, Unknown), MaxCvss, Kev, described?.CreatedAt.ToDateTimeOffset(),
            described?.UpdatedAt.ToDateTimeOffset(), ScannedAt, packages);
    }

    private sealed record PackageRow(long SetId, string Manager, string Name, string Version, string Build, string Channel, string[] FixedIn, string Status)
    {
        public AffectedPackage Package => new(Manager, Name, Version, Build.Length == 0 ? null : Build, Channel.Length == 0 ? null : Channel, FixedIn, Status);
    }
}
