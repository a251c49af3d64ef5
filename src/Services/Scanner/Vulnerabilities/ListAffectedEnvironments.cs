using System.Globalization;

using EnvPlatform.Contracts;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Contracts.Ingest;
using EnvPlatform.Postgres;
using EnvPlatform.Scanner.Explanations;
using EnvPlatform.Scanner.Scans;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Scanner.Vulnerabilities;

/// <summary>
/// The environments that hold a package which a vulnerability affects: the vulnerability's packages, the sets that hold one of them, the
/// organization's environments on these sets. The numbers of the last are stored, so an exact count reads sets only.
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

    /// <summary>Maximum number of environments that are all read for a page.</summary>
    private const int Few = 2_000;

    public sealed record Machine(MachineId? Id, string? Hostname);

    public sealed record User(SubjectId? Id, string? Email, string? DisplayName);

    /// <summary>An environment, and its packages that have the vulnerability.</summary>
    /// <param name="Status">
    /// Null while Ingest, which knows it, does not answer; so are the digest, the times and the names of machine and user.
    /// </param>
    /// <param name="Kev">How many of its vulnerabilities are known to be exploited; null where that is not known.</param>
    /// <param name="Packages">Twenty at most.</param>
    /// <param name="PackageCount">How many there are.</param>
    public sealed record Item(
        EnvironmentId Id, string Name, string Prefix, string Platform, Machine Machine, User User, EnvironmentStatus? Status,
        string? Message, bool Archived, string? Digest, VulnerabilityCounts Vulnerabilities, decimal? MaxCvss, int? Kev,
        DateTimeOffset? CreatedAt, DateTimeOffset? UpdatedAt, DateTimeOffset ScannedAt, IReadOnlyList<AffectedPackage> Packages,
        int PackageCount);

    /// <summary>A page of the environments that are affected, and what is not known.</summary>
    /// <param name="NotCompared">Projects that its advisories name so that they cannot be compared with installed versions.</param>
    /// <param name="NotComparedEnvironments">How many environments hold such a project, and may be affected.</param>
    /// <param name="Vulnerability">Whose environments these are.</param>
    /// <param name="FoundBy">By which relation it was found; null where it has the id that was asked for.</param>
    public sealed record Affected(
        IReadOnlyList<Item> Items, long TotalCount, string? NextCursor, IReadOnlyList<NotCompared> NotCompared,
        long NotComparedEnvironments, string Vulnerability, FoundBy? FoundBy);

    public static void MapListAffectedEnvironments(this IEndpointRouteBuilder organization) =>
        organization.MapGet("/vulnerabilities/{id}/environments", HandleAsync).WithName(nameof(ListAffectedEnvironments))
            .WithSummary(
                "The environments that a vulnerability affects. status: only those with a package that has one of these statuses "
                + "(comma-separated, or all); by default all but not_affected.");

    /// <summary>How many of the environments that the caller may see are affected.</summary>
    public static async Task<long> CountAsync(
        NpgsqlDataSource db, string vulnerability, Caller caller, bool archived, CancellationToken ct) =>
        await CountAsync(db, await AffectedSets.ReadAsync(db, vulnerability, caller.OrgId, null, ct), caller, archived, ct);

    // The number of environments on each set is stored; a member's own environments are few.
    private static Task<long> CountAsync(NpgsqlDataSource db, AffectedSets affected, Caller caller, bool archived, CancellationToken ct) =>
        db.QuerySingleAsync<long>(
            caller.OnlyOwner is null
                ? $"select coalesce(sum(e.environments), 0) from {affected.OfOrganization("e")} and e.archived = @archived"
                : """
                  select count(*) from environments e
                  where e.org_id = @OrgId and e.owner = @OnlyOwner and e.visible and e.archived = @archived
                      and e.set_id in (select unnest(@Sets))
                  """,
            new { affected.Sets, caller.OrgId, archived, OnlyOwner = caller.OnlyOwner?.Value }, ct);

    private static async Task<Results<Ok<Affected>, ProblemHttpResult>> HandleAsync(
        string id, PageQuery page, Caller caller, NpgsqlDataSource db, EnvironmentDescriptions descriptions, CancellationToken ct,
        bool archived = false, string? status = null)
    {
        var key = page.SortBy(Sorts, "name");
        var statuses = VulnerabilityFilter.StatusesOf(status);
        if (await GetVulnerability.FindAsync(db, id, ct) is not var (vulnerability, by))
        {
            return Problems.NotFound();
        }

        var affected = await AffectedSets.ReadAsync(db, vulnerability, caller.OrgId, statuses, ct);
        var total = await CountAsync(db, affected, caller, archived, ct);
        var rows = total == 0 ? [] : await db.QueryAsync<Row>(PageSql(page, key, caller, affected, total), new
        {
            affected.Sets,
            caller.OrgId,
            archived,
            OnlyOwner = caller.OnlyOwner?.Value,
            AfterKey = page.After?[0],
            AfterId = page.After is null ? (Guid?)null : Guid.Parse(page.After[1]!),
            AfterSet = page.After is [_, _, { } set] ? long.Parse(set, CultureInfo.InvariantCulture) : 0,
            Take = page.Limit + 1,
        }, ct);
        var more = rows.Count > page.Limit;
        var shown = more ? rows[..page.Limit] : rows;
        var (packages, counts) = await affected.PackagesAsync(db, caller.OrgId, [.. shown.Select(row => row.SetId).Distinct()], ct);
        var described = await descriptions.GetAsync(caller.OrgId, [.. shown.Select(row => row.EnvironmentId)], ct);
        var notCompared = NotCompared.Read(await db.QuerySingleOrDefaultAsync<string>(
            "select not_compared::text from vulnerabilities where id = @vulnerability", new { vulnerability }, ct) ?? "[]");
        return TypedResults.Ok(new Affected(
            [.. shown.Select(row => row.ToItem(
                described.GetValueOrDefault(row.EnvironmentId), [.. packages[row.SetId]], counts.GetValueOrDefault(row.SetId)))], total,
            more ? page.Next(shown[^1].SortKey, shown[^1].EnvironmentId.ToString(), $"{shown[^1].SetId}") : null,
            notCompared, notCompared.Length == 0 ? 0 : await CountNotComparedAsync(db, notCompared, caller, archived, ct),
            vulnerability, by));
    }

    /// <summary>The environments that hold a package whose version cannot be compared with these advisories.</summary>
    private static Task<long> CountNotComparedAsync(
        NpgsqlDataSource db, NotCompared[] notCompared, Caller caller, bool archived, CancellationToken ct) =>
        db.QuerySingleAsync<long>(
            """
            with sets as materialized (
                select id from package_sets where package_ids && array(
                    select package_id from packages where reason = 'advisory_not_evaluable' and not_evaluable && @Advisories))
            select case when @OnlyOwner::uuid is null
                then (select coalesce(sum(n.environments), 0) from set_environments n
                      where n.org_id = @OrgId and n.archived = @archived and n.set_id in (select id from sets))
                else (select count(*) from environments e
                      where e.org_id = @OrgId and e.owner = @OnlyOwner and e.visible and e.archived = @archived
                          and e.set_id in (select id from sets)) end::bigint
            """, new
            {
                Advisories = notCompared.Select(one => one.Advisory).ToArray(),
                caller.OrgId,
                archived,
                OnlyOwner = caller.OnlyOwner?.Value,
            }, ct);

    /// <summary>
    /// Scan results belong to the set: sorted by them, environments are ordered by set, and only the first sets are read.
    /// </summary>
    private static string PageSql(PageQuery page, string key, Caller caller, AffectedSets affected, long total)
    {
        var (direction, beyond) = page.Descending ? ("desc", "<") : ("asc", ">");
        var type = key[(key.LastIndexOf(':') - 1)..];
        var isOfSet = !key.StartsWith("e.", StringComparison.Ordinal);
        var columns =
            $"""
            e.environment_id, e.name, e.prefix, e.platform, e.machine_id, e.owner, e.archived, e.set_id,
                {CountsInForce.Columns}, s.scanned_at
            """;
        const string found =
            """
            join set_counts s on s.set_id = e.set_id
            left join organization_set_counts o on o.org_id = @OrgId and o.set_id = e.set_id
            """;
        const string visible = "e.org_id = @OrgId and e.visible and e.archived = @archived";
        if (isOfSet && caller.OnlyOwner is null)
        {
            return $"""
                with first as materialized (
                    select set_id, sort_key
                    from (
                        select e.set_id, {key} as sort_key,
                               sum(case when e.set_id = @AfterSet then 0 else e.environments end)
                                   over (order by {key} {direction},
                                       e.set_id {direction} rows unbounded preceding) - e.environments as before
                        from (select * from {affected.OfOrganization("n")} and n.archived = @archived) as e {found}
                        where (@AfterId::uuid is null or ({key}, e.set_id) {beyond}= (@AfterKey{type}, @AfterSet))) as sets
                    where before < @Take)
                select {columns}, first.sort_key::text as sort_key
                from first join environments e on e.set_id = first.set_id {found}
                where {visible}
                    and (@AfterId::uuid is null
                        or (first.sort_key, e.set_id, e.environment_id) {beyond} (@AfterKey{type}, @AfterSet, @AfterId::uuid))
                order by first.sort_key {direction}, e.set_id {direction}, e.environment_id {direction}
                limit @Take
                """;
        }

        // For many, walk an index in order until a page is full; the condition is written so that it stays a look-up in a hash table. For
        // few, go by their sets.
        var isFew = caller.OnlyOwner is null && total <= Few;
        string[] order = isOfSet ? [key, "e.set_id", "e.environment_id"] : [key, "e.environment_id"];
        return $"""
            with shown as (
                select e.environment_id, ({key})::text as sort_key
                from {(isFew ? "unnest(@Sets) as a(set_id) join environments e using (set_id)" : "environments e")} {(isOfSet ? found : "")}
                where {visible} {(isFew ? "" : "and (e.set_id in (select unnest(@Sets))) is true")}
                    {(caller.OnlyOwner is null ? "" : "and e.owner = @OnlyOwner")}
                    and (@AfterId::uuid is null
                        or ({string.Join(", ", order)}) {beyond} (@AfterKey{type}, {(isOfSet ? "@AfterSet, " : "")}@AfterId::uuid))
                order by {string.Join(", ", order.Select(column => $"{column} {direction}"))}
                limit @Take)
            select {columns}, shown.sort_key
            from shown join environments e on e.org_id = @OrgId and e.environment_id = shown.environment_id {found}
            order by {string.Join(", ", order.Select(column => $"{column} {direction}"))}
            """;
    }

    private sealed record Row(
        EnvironmentId EnvironmentId, string Name, string Prefix, string Platform, MachineId? MachineId, SubjectId? Owner, bool Archived,
        long SetId, VulnerabilityCounts Vulnerabilities, decimal? MaxCvss, int? Kev, DateTimeOffset ScannedAt, string SortKey)
    {
        public Item ToItem(EnvironmentDescription? described, AffectedPackage[] packages, int packageCount) => new(
            EnvironmentId, Name, Prefix, Platform, new(MachineId, described is { HasHostname: true } ? described.Hostname : null),
            new(Owner, described is { HasEmail: true } ? described.Email : null,
                described is { HasDisplayName: true } ? described.DisplayName : null),
            described is null ? null : Enum.Parse<EnvironmentStatus>(described.Status, ignoreCase: true),
            described is { HasMessage: true } ? described.Message : null,
            Archived, described?.Digest, Vulnerabilities, MaxCvss, Kev, described?.CreatedAt.ToDateTimeOffset(),
            described?.UpdatedAt.ToDateTimeOffset(), ScannedAt, packages, packageCount);
    }
}
