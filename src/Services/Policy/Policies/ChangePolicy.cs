using System.ComponentModel.DataAnnotations;

using EnvPlatform.Policy.Documents;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

using Npgsql;

namespace EnvPlatform.Policy.Policies;

/// <summary>
/// Gives a policy another document: a new one, one that it had, or the same switched on or off. Each is a version of it. The clocks of
/// graces go on.
/// </summary>
internal static class ChangePolicy
{
    /// <param name="ExpectedBlocked">How many environments it is expected to block; only needed where it blocks more than a tenth.</param>
    public sealed record Confirmation([Range(0, int.MaxValue)] int? ExpectedBlocked = null);

    internal static void MapChangePolicy(this IEndpointRouteBuilder policies)
    {
        Describe(policies.MapPut("/{id}", ReplaceAsync), "ReplacePolicy", "Give a policy another document.");
        Describe(policies.MapPost("/{id}/enable", EnableAsync), "EnablePolicy", "Let a policy decide.");
        Describe(policies.MapPost("/{id}/disable", DisableAsync), "DisablePolicy", "Let a policy decide no more.");
        Describe(
            policies.MapPost("/{id}/versions/{version}/restore", RestoreAsync), "RestorePolicyVersion",
            "Give a policy a document that it had.");
    }

    private static void Describe(RouteHandlerBuilder route, string name, string summary) =>
        route.RequireAuthorization(Permission.PoliciesWrite).WithName(name).WithSummary(summary)
            .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict)
            .ProducesProblem(StatusCodes.Status412PreconditionFailed).ProducesProblem(StatusCodes.Status428PreconditionRequired);

    private static async Task<Results<Ok<PolicyView>, ProblemHttpResult>> ReplaceAsync(
        string id, CreatePolicy.Request request, IfMatch ifMatch, Caller caller, HttpResponse http, NpgsqlDataSource db, TimeProvider clock,
        CancellationToken ct, [FromQuery(Name = "take_over")] bool takeOver = false)
    {
        var (document, problem) = PolicyText.Read(request.Document, request.Text);
        if (document is null)
        {
            // Whoever may not know of a policy is not told what would be wrong with its document.
            return await StoredPolicy.FindAsync(db, caller, id, ct) is null ? Problems.NotFound() : problem!;
        }

        return await ChangeAsync(
            new(id, ifMatch, request.ExpectedBlocked, request.ManagedBy, request.Source, takeOver, null), caller, http, db, clock,
            (_, _) => Task.FromResult<PolicyDocument?>(document), ct);
    }

    private static Task<Results<Ok<PolicyView>, ProblemHttpResult>> EnableAsync(
        string id, Confirmation? request, IfMatch ifMatch, Caller caller, HttpResponse http, NpgsqlDataSource db, TimeProvider clock,
        CancellationToken ct, [FromQuery(Name = "take_over")] bool takeOver = false) => ChangeAsync(
        new(id, ifMatch, request?.ExpectedBlocked, null, null, takeOver, null), caller, http, db, clock,
        (policy, _) => Task.FromResult<PolicyDocument?>(policy.Read() with { IsEnabled = true }), ct);

    private static Task<Results<Ok<PolicyView>, ProblemHttpResult>> DisableAsync(
        string id, IfMatch ifMatch, Caller caller, HttpResponse http, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct,
        [FromQuery(Name = "take_over")] bool takeOver = false) => ChangeAsync(
        new(id, ifMatch, null, null, null, takeOver, null), caller, http, db, clock,
        (policy, _) => Task.FromResult<PolicyDocument?>(policy.Read() with { IsEnabled = false }), ct);

    private static Task<Results<Ok<PolicyView>, ProblemHttpResult>> RestoreAsync(
        string id, string version, Confirmation? request, IfMatch ifMatch, Caller caller, HttpResponse http, NpgsqlDataSource db,
        TimeProvider clock, CancellationToken ct, [FromQuery(Name = "take_over")] bool takeOver = false) => ChangeAsync(
        new(id, ifMatch, request?.ExpectedBlocked, null, null, takeOver, ReadPolicies.NumberOf(version)), caller, http, db, clock,
        async (policy, token) => ReadPolicies.NumberOf(version) is { } number && await db.QuerySingleOrDefaultAsync<string>(
            "select document from policy_versions where org_id = @OrgId and policy_id = @PolicyId and version = @number",
            new { policy.OrgId, policy.PolicyId, number }, token) is { } text ? StoredPolicy.Parse(text) : null, ct);

    private static async Task<Results<Ok<PolicyView>, ProblemHttpResult>> ChangeAsync(
        Asked asked, Caller caller, HttpResponse http, NpgsqlDataSource db, TimeProvider clock,
        Func<StoredPolicy, CancellationToken, Task<PolicyDocument?>> documentOf, CancellationToken ct)
    {
        if (await StoredPolicy.FindAsync(db, caller, asked.Id, ct) is not { } seen || await documentOf(seen, ct) is not { } document)
        {
            return Problems.NotFound();
        }

        if ((asked.IfMatch.Refuse(seen.Version, required: true) ?? seen.RefuseWrite(asked.ManagedBy, asked.TakeOver)) is { } early)
        {
            return early;
        }

        // Before the transaction: nobody waits meanwhile. What is counted is told, and checked against the version below.
        var now = clock.GetUtcNow();
        var guard = await BlockGuard.OfAsync(
            db, caller.OrgId, seen.PolicyId, document, await BlockGuard.TargetsAsync(db, seen, ct), now, ct);
        if (guard.Refuse(document, asked.ExpectedBlocked) is { } many)
        {
            return many;
        }

        await using (var tx = await db.BeginAsync(ct))
        {
            if (await StoredPolicy.LockAsync(tx, caller.OrgId, $"{seen.PolicyId}") is not { } policy)
            {
                return Problems.NotFound();
            }

            var precondition = asked.IfMatch.Refuse(policy.Version, required: true);
            if ((precondition ?? policy.RefuseWrite(asked.ManagedBy, asked.TakeOver)) is { } refusal)
            {
                return refusal;
            }

            if (policy.Version != seen.Version)
            {
                // The document was made from what is not there any more, and so were the numbers.
                return Problems.Of(
                    StatusCodes.Status412PreconditionFailed, "stale_version", "Somebody changed this meanwhile.",
                    $"It has version {policy.Version} now. Read it again, and decide whether the change still fits.");
            }

            var (changes, isNameTaken) = await PolicyChanges.ChangeAsync(
                tx, caller, policy, document, asked.ManagedBy, asked.ManagedBy is null ? null : asked.Source, asked.RestoredFrom, now);
            if (isNameTaken)
            {
                return CreatePolicy.NameTaken();
            }

            if (changes is not null)
            {
                tx.Audit(
                    caller, now, "policy_updated", policy.Target, $"{caller.DisplayName} changed the policy {document.Name}.",
                    new { changes.Before, changes.After, changes.Changed, asked.RestoredFrom, dry_run = guard.Counts });
                await tx.CommitAsync();
            }
        }

        return await ReadPolicies.ShowAsync(db, caller, $"{seen.PolicyId}", http, clock, ct);
    }

    private sealed record Asked(
        string Id, IfMatch IfMatch, int? ExpectedBlocked, string? ManagedBy, string? Source, bool TakeOver, int? RestoredFrom);
}
