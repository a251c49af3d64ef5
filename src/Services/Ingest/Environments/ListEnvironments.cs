using System.ComponentModel.DataAnnotations;
using System.Text;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Ingest.Environments;

/// <summary>The environments that the caller may see, filtered, sorted, page by page, with an exact count.</summary>
internal static class ListEnvironments
{
    private static readonly string[] Statuses = ["ok", "warn", "block"];

    /// <summary>A severity and the condition that an environment has a vulnerability of that severity.</summary>
    private static readonly Dictionary<string, string> Severities = new(StringComparer.Ordinal)
    {
        ["critical"] = "c.critical > 0",
        ["high"] = "c.high > 0",
        ["medium"] = "c.medium > 0",
        ["low"] = "c.low > 0",
        ["unknown"] = "c.unknown > 0",
        ["none"] = "c.total > c.critical + c.high + c.medium + c.low + c.unknown",
    };

    /// <summary>
    /// A sort field, its expression (never null, and the same as in its index) and the type of its value in a cursor. Scan results (c)
    /// belong to the set: environments are then ordered by set.
    /// </summary>
    private static readonly Dictionary<string, string> Sorts = new(StringComparer.Ordinal)
    {
        ["name"] = "e.name text",
        ["platform"] = "e.platform text",
        ["packages"] = "e.package_count int",
        ["vulnerabilities"] = "c.total int",
        ["max_cvss"] = "coalesce(c.max_cvss,-1) numeric",
        ["created_at"] = "e.created_at timestamptz",
        ["updated_at"] = "e.updated_at timestamptz",
        ["scanned_at"] = "coalesce(c.scanned_at,'-infinity'::timestamptz) timestamptz",
    };

    /// <param name="Search">Part of the name or of the prefix, ignoring case.</param>
    /// <param name="Platform">
    /// One platform or several, separated by commas; likewise <paramref name="Status"/> and <paramref name="Severity"/>.
    /// </param>
    /// <param name="User">Id or e-mail address of the subject that logged it first.</param>
    /// <param name="Machine">Id or host name.</param>
    /// <param name="Severity">Has a vulnerability of one of these severities.</param>
    /// <param name="Archived">false (default), true or all.</param>
    /// <param name="Scanned">true: only those whose package set has been scanned; false: only those that are pending.</param>
    /// <param name="Incomplete">
    /// true: only those that the agent could not read in full; false: only those that it did, by its word.
    /// </param>
    /// <param name="Package">Holds a package of this name; <c>name==version</c> for one version.</param>
    public sealed record Filter(
        [property: MaxLength(255)] string? Search = null, [property: MaxLength(255)] string? Platform = null,
        [property: MaxLength(320)] string? User = null,
        [property: MaxLength(255)] string? Machine = null, [property: MaxLength(255)] string? Status = null,
        [property: MaxLength(255)] string? Severity = null,
        [property: MaxLength(10)] string? Archived = null, [property: MaxLength(512)] string? Package = null,
        bool? Scanned = null, bool? Incomplete = null);

    public static void MapListEnvironments(this IEndpointRouteBuilder environments) =>
        environments.MapGet("", HandleAsync).WithName(nameof(ListEnvironments)).WithSummary("List environments")
            .ProducesProblem(StatusCodes.Status400BadRequest);

    private static async Task<Results<Ok<Page<EnvironmentView>>, ProblemHttpResult>> HandleAsync(
        [AsParameters] Filter filter, PageQuery page, Caller caller, NpgsqlDataSource db, CancellationToken ct)
    {
        var sort = page.SortBy(Sorts, "name").Split(' ');
        if (Refuse(filter) is { } refusal)
        {
            return refusal;
        }

        var where = Where(filter, caller);
        var parameters = new
        {
            caller.OrgId,
            OnlyOwner = caller.OnlyOwner?.Value,
            Search = LikePattern.Containing(filter.Search ?? ""),
            Platforms = List(filter.Platform),
            UserId = SubjectId.TryParse(filter.User, out var user) ? user.Value : (Guid?)null,
            filter.User,
            MachineId = MachineId.TryParse(filter.Machine, out var machine) ? machine.Value : (Guid?)null,
            filter.Machine,
            Statuses = List(filter.Status),
            Archived = filter.Archived is "true",
            PackageName = filter.Package?.Split("==")[0],
            PackageVersion = filter.Package?.Split("==") is [_, var version] ? version : null,
            AfterKey = page.After?[0],
            AfterId = page.After is null ? (Guid?)null : Guid.Parse(page.After[1]!),
            AfterSet = page.After is [_, _, { } set] ? long.Parse(set) : 0,
            Take = page.Limit + 1,
        };
        var rows = await db.QueryAsync<EnvironmentRow>(PageSql(page, where, sort[0], sort[1]), parameters, ct);
        var total = await db.QuerySingleAsync<long>(CountSql(filter, caller, where), parameters, ct);
        var items = rows.Take(page.Limit).ToArray();
        var next =
            rows.Count > page.Limit ? page.Next(items[^1].SortKey, items[^1].EnvironmentId.ToString(), $"{items[^1].PackageSetId}") : null;
        return TypedResults.Ok(new Page<EnvironmentView>([.. items.Select(row => row.ToView())], total, next));
    }

    private static string PageSql(PageQuery page, string where, string key, string type)
    {
        var (direction, beyond) = page.Descending ? ("desc", "<") : ("asc", ">");
        var isOfSet = key.Contains("c.", StringComparison.Ordinal);
        var (by, after) = isOfSet
            ? ($"{key} {direction}, c.package_set_id {direction}, e.environment_id {direction}",
               // The first condition is weaker than the second, and an index supports it.
               $"and ({key}, c.package_set_id) {beyond}= (@AfterKey::{type}, @AfterSet) and ({key}, c.package_set_id, e.environment_id) "
               + $"{beyond} (@AfterKey::{type}, @AfterSet, @AfterId)")
            : ($"{key} {direction}, e.environment_id {direction}", $"and ({key}, e.environment_id) {beyond} (@AfterKey::{type}, @AfterId)");
        return $"""
            {EnvironmentRow.Select}, {key}::text as sort_key
            {EnvironmentRow.From}
            where {where} {(isOfSet ? "and c.living" : "")} {(page.After is null ? "" : after)}
            order by {by}
            limit @Take
            """;
    }

    /// <summary>The total of the organization's environments is stored and need not be counted.</summary>
    private static string CountSql(Filter filter, Caller caller, string where) =>
        caller.OnlyOwner is null && filter with { Archived = null } == new Filter()
            ? $"""
                select coalesce(sum(environments), 0) from environment_counts
                where org_id = @OrgId {(filter.Archived is "all" ? "" : "and archived = @Archived")}
                """
            : $"""
            select count(*)
            from environments e join organization_package_sets c on c.org_id = e.org_id and c.package_set_id = e.package_set_id
            where {where}
            """;

    /// <summary>Only the conditions that the filter needs, so that each query gets its own plan. All text here is constant.</summary>
    private static string Where(Filter filter, Caller caller)
    {
        var where = new StringBuilder("e.org_id = @OrgId and c.org_id = @OrgId and e.removed_at is null");
        Add(caller.OnlyOwner is not null, "e.owner_id = @OnlyOwner");
        Add(filter.Archived is not "all", "e.archived = @Archived");
        Add(
            !string.IsNullOrEmpty(filter.Search),
            $"({Folded.Of("e.name")} like {Folded.Of("@Search")} or {Folded.Of("e.prefix")} like {Folded.Of("@Search")})");
        Add(!string.IsNullOrEmpty(filter.Platform), "e.platform = any(@Platforms)");
        Add(!string.IsNullOrEmpty(filter.Status), "e.status = any(@Statuses)");
        Add(filter.Scanned is not null, filter.Scanned == true ? "c.scanned_at is not null" : "c.scanned_at is null");
        Add(filter.Incomplete is not null, filter.Incomplete == true ? "e.incomplete <> '[]'" : "e.incomplete = '[]'");
        Add(!string.IsNullOrEmpty(filter.Severity),
            $"({string.Join(" or ", List(filter.Severity).Distinct().Select(severity => Severities[severity]))})");
        if (!string.IsNullOrEmpty(filter.User))
        {
            Add(true, SubjectId.TryParse(filter.User, out _)
                ? "e.owner_id = @UserId"
                : $"""
                    e.owner_id = any(array(
                        select subject_id from owners where org_id = @OrgId and {Folded.Of("email")} = {Folded.Of("@User")}))
                    """);
        }

        if (!string.IsNullOrEmpty(filter.Machine))
        {
            Add(true, MachineId.TryParse(filter.Machine, out _)
                ? "e.machine_id = @MachineId"
                : $"""
                    e.machine_id = any(array(
                        select machine_id from machines where org_id = @OrgId and {Folded.Of("hostname")} = {Folded.Of("@Machine")}))
                    """);
        }

        Add(
            !string.IsNullOrEmpty(filter.Package),
            """
            e.package_set_id = any(array(
                select package_set_id from package_sets join organization_package_sets using (package_set_id)
                where org_id = @OrgId and package_ids && array(
                    select package_id from packages
                    where name = @PackageName and (@PackageVersion::text is null or version = @PackageVersion))))
            """);
        return where.ToString();

        void Add(bool wanted, string condition) => _ = wanted ? where.Append(" and ").Append(condition) : where;
    }

    private static ProblemHttpResult? Refuse(Filter filter)
    {
        if (List(filter.Severity).Any(severity => !Severities.ContainsKey(severity)))
        {
            return Problems.Invalid("severity", $"Must be of {string.Join(", ", Severities.Keys)}.");
        }

        if (List(filter.Status).Except(Statuses).Any())
        {
            return Problems.Invalid("status", $"Must be of {string.Join(", ", Statuses)}.");
        }

        return filter.Archived is null or "false" or "true" or "all" ? null : Problems.Invalid("archived", "Must be false, true or all.");
    }

    private static string[] List(string? text) =>
        (text ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}
