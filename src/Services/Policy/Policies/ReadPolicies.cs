using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Text.Json;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Policy.Documents;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Policy.Policies;

/// <summary>The policies that the caller may see, and the documents that they had.</summary>
internal static class ReadPolicies
{
    /// <param name="Search">Part of the name, ignoring case.</param>
    /// <param name="Enabled">true or false.</param>
    public sealed record Filter([property: MaxLength(100)] string? Search = null, bool? Enabled = null);

    /// <summary>A document that the policy has or had.</summary>
    /// <param name="RestoredFrom">The version that was restored; null where it was written.</param>
    /// <param name="ChangedBy">Null: the platform.</param>
    public sealed record VersionView(
        int Version, int? RestoredFrom, DateTimeOffset ChangedAt, SubjectId? ChangedBy, string? ChangedByEmail, JsonElement Document,
        string Yaml);

    private static readonly Dictionary<string, string> Sorts = new(StringComparer.Ordinal)
    {
        ["name"] = "p.name|text",
        ["created_at"] = "p.policy_id|uuid",
    };

    internal static void MapReadPolicies(this IEndpointRouteBuilder policies)
    {
        policies.MapGet("", ListAsync).RequireAuthorization(Permission.PoliciesRead).WithName("ListPolicies")
            .WithSummary("The organization's policies; for a member those that apply to its environments.");
        policies.MapGet("/{id}", GetAsync).RequireAuthorization(Permission.PoliciesRead).WithName("GetPolicy")
            .WithSummary("A policy, by its id or its name.").ProducesProblem(StatusCodes.Status404NotFound);
        policies.MapGet("/{id}/versions", ListVersionsAsync).RequireAuthorization(Permission.PoliciesReadAll).WithName("ListPolicyVersions")
            .WithSummary("The documents that a policy has and had, the newest first.").ProducesProblem(StatusCodes.Status404NotFound);
        policies.MapGet("/{id}/versions/{version}", GetVersionAsync).RequireAuthorization(Permission.PoliciesReadAll)
            .WithName("GetPolicyVersion").WithSummary("A document that a policy has or had.")
            .ProducesProblem(StatusCodes.Status404NotFound);
    }

    /// <summary>The policy as the caller sees it, with its version as entity tag.</summary>
    internal static async Task<Results<Ok<PolicyView>, ProblemHttpResult>> ShowAsync(
        NpgsqlDataSource db, Caller caller, string id, HttpResponse http, TimeProvider clock, CancellationToken ct)
    {
        if (await ViewAsync(db, caller, id, clock, ct) is not { } view)
        {
            return Problems.NotFound();
        }

        IfMatch.Tell(http, view.Version);
        return TypedResults.Ok(view);
    }

    internal static async Task<PolicyView?> ViewAsync(
        NpgsqlDataSource db, Caller caller, string id, TimeProvider clock, CancellationToken ct)
    {
        if (await StoredPolicy.FindAsync(db, caller, id, ct) is not { } policy)
        {
            return null;
        }

        var sees = caller.Can(Permission.PoliciesReadAll);
        var assignments = await AssignmentsAsync(db, caller, [policy.PolicyId], ct);
        return PolicyView.Of(
            policy, [.. assignments[policy.PolicyId]], sees ? await PolicyView.CountAsync(db, policy, clock.GetUtcNow(), ct) : null);
    }

    /// <summary>A member sees of them only that the policy applies.</summary>
    internal static Task<ILookup<PolicyId, PolicyAssignment>> AssignmentsAsync(
        NpgsqlDataSource db, Caller caller, IReadOnlyCollection<PolicyId> policies, CancellationToken ct) =>
        caller.Can(Permission.PoliciesReadAll)
            ? PolicyAssignment.OfAsync(db, caller.OrgId, caller.Organization!.Name, policies, ct)
            : Task.FromResult(Array.Empty<PolicyAssignment>().ToLookup(_ => default(PolicyId)));

    private static async Task<Ok<Page<PolicyView>>> ListAsync(
        [AsParameters] Filter filter, PageQuery page, Caller caller, NpgsqlDataSource db, CancellationToken ct)
    {
        var sort = page.SortBy(Sorts, "name").Split('|');
        var (direction, beyond) = page.Descending ? ("desc", "<") : ("asc", ">");
        var parameters = new
        {
            caller.OrgId,
            Self = caller.SubjectId,
            SeesAll = caller.Can(Permission.PoliciesReadAll),
            filter.Enabled,
            Search = filter.Search is { Length: > 0 } search ? LikePattern.Containing(search.ToLowerInvariant()) : null,
            AfterKey = page.After?[0],
            AfterId = page.After is null ? (Guid?)null : Guid.Parse(page.After[1]!),
            Take = page.Limit + 1,
        };
        const string Found = "and (@Enabled::bool is null or p.enabled = @Enabled) and (@Search::text is null or p.name like @Search)";
        var total = await db.QuerySingleAsync<long>($"select count(*) {StoredPolicy.Visible} {Found}", parameters, ct);
        var rows = await db.QueryAsync<StoredPolicy>(
            $"""
            select {StoredPolicy.Columns} {StoredPolicy.Visible} {Found}
              {(page.After is null ? "" : $"and ({sort[0]}, p.policy_id) {beyond} (@AfterKey::{sort[1]}, @AfterId)")}
            order by {sort[0]} {direction}, p.policy_id {direction}
            limit @Take
            """, parameters, ct);
        var shown = rows.Take(page.Limit).ToArray();
        var assignments = await AssignmentsAsync(db, caller, [.. shown.Select(policy => policy.PolicyId)], ct);
        return TypedResults.Ok(new Page<PolicyView>(
            [.. shown.Select(policy => PolicyView.Of(policy, [.. assignments[policy.PolicyId]], null))], total,
            rows.Count > page.Limit ? page.Next(KeyOf(shown[^1], page.Sort), $"{shown[^1].PolicyId}") : null));
    }

    private static string KeyOf(StoredPolicy policy, string? sort) => sort == "created_at" ? $"{policy.PolicyId}" : policy.Name;

    private static Task<Results<Ok<PolicyView>, ProblemHttpResult>> GetAsync(
        string id, Caller caller, HttpResponse http, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct) =>
        ShowAsync(db, caller, id, http, clock, ct);

    private static async Task<Results<Ok<Page<VersionView>>, ProblemHttpResult>> ListVersionsAsync(
        string id, PageQuery page, Caller caller, NpgsqlDataSource db, CancellationToken ct)
    {
        page.SortBy(new Dictionary<string, string>(StringComparer.Ordinal) { ["version"] = "version" }, "version");
        if (await StoredPolicy.FindAsync(db, caller, id, ct) is not { } policy)
        {
            return Problems.NotFound();
        }

        // The newest first, unless somebody asks for another order.
        var ascending = page.Sort is not null && !page.Descending;
        var rows = await db.QueryAsync<Row>(
            $"""
            select version, document, restored_from, changed_at, changed_by, changed_by_email from policy_versions
            where org_id = @OrgId and policy_id = @PolicyId
                {(page.After is null ? "" : $"and version {(ascending ? ">" : "<")} @After")}
            order by version {(ascending ? "asc" : "desc")} limit @Take
            """,
            new
            {
                policy.OrgId,
                policy.PolicyId,
                After = page.After is null ? (int?)null : int.Parse(page.After[0]!, CultureInfo.InvariantCulture),
                Take = page.Limit + 1,
            }, ct);
        return TypedResults.Ok(new Page<VersionView>(
            [.. rows.Take(page.Limit).Select(row => row.ToView())], policy.Version,
            rows.Count > page.Limit ? page.Next(rows[page.Limit - 1].Version.ToString(CultureInfo.InvariantCulture)) : null));
    }

    private static async Task<Results<Ok<VersionView>, ProblemHttpResult>> GetVersionAsync(
        string id, string version, Caller caller, NpgsqlDataSource db, CancellationToken ct) =>
        await StoredPolicy.FindAsync(db, caller, id, ct) is { } policy && NumberOf(version) is { } number
        && await db.QuerySingleOrDefaultAsync<Row>(
            """
            select version, document, restored_from, changed_at, changed_by, changed_by_email from policy_versions
            where org_id = @OrgId and policy_id = @PolicyId and version = @number
            """, new { policy.OrgId, policy.PolicyId, number }, ct) is { } row
            ? TypedResults.Ok(row.ToView()) : Problems.NotFound();

    /// <summary>Null where it is none: then there is no such version.</summary>
    internal static int? NumberOf(string version) =>
        int.TryParse(version, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    private sealed record Row(
        int Version, string Document, int? RestoredFrom, DateTimeOffset ChangedAt, SubjectId? ChangedBy, string? ChangedByEmail)
    {
        public VersionView ToView()
        {
            var document = StoredPolicy.Parse(Document);
            return new(
                Version, RestoredFrom, ChangedAt, ChangedBy, ChangedByEmail, PolicyText.ToJson(document), CanonicalForm.ToYaml(document));
        }
    }
}
