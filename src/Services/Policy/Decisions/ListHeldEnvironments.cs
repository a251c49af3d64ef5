using EnvPlatform.Contracts;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Policy.Decisions.Fleet;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Policy.Decisions;

/// <summary>
/// The environments that a policy warns about or blocks at this moment; a member sees its own. A policy that only observes has them too.
/// </summary>
internal static class ListHeldEnvironments
{
    /// <param name="Status">warn or block.</param>
    public sealed record Filter(string? Status = null);

    /// <param name="Status">What the policy by itself says.</param>
    /// <param name="Rule">The strictest of its rules.</param>
    /// <param name="Deadline">From when on it blocks, where it warns for the time being.</param>
    /// <param name="IsUnknown">Whether something is not known, wherefore it does not decide all.</param>
    /// <param name="IsManual">Whether a person set the status of the environment, which comes before the policy.</param>
    public sealed record Held(
        EnvironmentId EnvironmentId, string? Name, string? Platform, SubjectId? OwnerId, string? Owner, string? Machine,
        EnvironmentStatus Status, string Rule, string Message, DateTimeOffset? Deadline, bool IsUnknown, bool IsManual);

    public static void MapListHeldEnvironments(this IEndpointRouteBuilder policies) =>
        policies.MapGet("/{id}/environments", HandleAsync).RequireAuthorization(Permission.PoliciesRead)
            .WithName(nameof(ListHeldEnvironments)).WithSummary("The environments that a policy warns about or blocks, and by which rule.")
            .ProducesProblem(StatusCodes.Status400BadRequest);

    /// <param name="id">Or its name.</param>
    private static async Task<Results<Ok<Page<Held>>, ProblemHttpResult>> HandleAsync(
        string id, [AsParameters] Filter filter, PageQuery page, Caller caller, NpgsqlDataSource db, TimeProvider clock,
        CancellationToken ct)
    {
        EnvironmentStatus? status = filter.Status switch
        {
            null => null,
            "warn" => EnvironmentStatus.Warn,
            "block" => EnvironmentStatus.Block,
            _ => throw new InvalidInputException("status", "Must be warn or block."),
        };
        page.SortBy(new Dictionary<string, string>(StringComparer.Ordinal) { ["environment_id"] = "" }, "environment_id");
        var known = await db.QuerySingleOrDefaultAsync<Guid?>(
            """
            select policy_id from policies
            where org_id = @OrgId and deleted_at is null and (name = @id or policy_id = @ById)
            """, new { caller.OrgId, id, ById = Guid.TryParse(id, out var parsed) ? parsed : (Guid?)null }, ct);
        if (known is null)
        {
            return Problems.NotFound();
        }

        var policy = (await FleetReader.PoliciesAsync(db, caller.OrgId, ct)).Where(policy => policy.Id == known).ToArray();
        var held = policy.Length == 0 ? [] : await HeldByAsync(db, caller, policy, clock.GetUtcNow(), ct);
        var all = held.Where(one => status is null || one.Status == status)
            .OrderBy(one => one.EnvironmentId.Value).ToList();
        if (page.Descending)
        {
            all.Reverse();
        }

        var rest = page.After is [{ } after, ..]
            ? all.SkipWhile(one => (page.Descending ? -1 : 1) * one.EnvironmentId.Value.CompareTo(Guid.Parse(after)) <= 0)
            : all;
        var items = rest.Take(page.Limit + 1).ToList();
        return TypedResults.Ok(new Page<Held>(
            [.. items.Take(page.Limit)], all.Count,
            items.Count > page.Limit ? page.Next(items[page.Limit - 1].EnvironmentId.ToString()) : null));
    }

    private static async Task<List<Held>> HeldByAsync(
        NpgsqlDataSource db, Caller caller, FleetPolicy[] policy, DateTimeOffset now, CancellationToken ct)
    {
        var scope = caller.OnlyOwner is { } owner ? new FleetScope(false, [], [], [owner.Value]) : FleetScope.Everything;
        var facts = await FleetReader.ReadAsync(db, caller.OrgId, scope, policy, now, ct);
        var engine = new FleetEngine(facts, now);
        var held = new List<Held>();
        foreach (var environment in facts.Environments)
        {
            if (engine.Decide(environment).Strictest() is { Status: { } status } top)
            {
                held.Add(new(
                    environment.Id, environment.Name, environment.Platform,
                    environment.Owner.Id is { } id ? new(id) : null, environment.Owner.DisplayName, environment.Machine?[^1], status,
                    top.Rule.Rule.Name, top.MessageFor(environment), top.Deadline, top.IsUnknown, environment.Manual is not null));
            }
        }

        return held;
    }
}
