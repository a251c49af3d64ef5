using System.ComponentModel.DataAnnotations;

using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

using Npgsql;

namespace EnvPlatform.Policy.Policies;

/// <summary>
/// Deletes a policy; its versions are kept. One that is assigned is in use: it is refused, or with <c>cascade</c> the assignments are taken
/// away first, with an event for each.
/// </summary>
internal static class DeletePolicy
{
    private const int Shown = 20;

    internal static void MapDeletePolicy(this IEndpointRouteBuilder policies) =>
        policies.MapDelete("/{id}", HandleAsync).RequireAuthorization(Permission.PoliciesWrite).WithName(nameof(DeletePolicy))
            .WithSummary("Delete a policy; cascade=true takes its assignments away first.")
            .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict)
            .ProducesProblem(StatusCodes.Status412PreconditionFailed).ProducesProblem(StatusCodes.Status428PreconditionRequired);

    private static async Task<Results<NoContent, ProblemHttpResult>> HandleAsync(
        string id, IfMatch ifMatch, Caller caller, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct, bool cascade = false,
        [FromQuery(Name = "managed_by"), AllowedValues(null, "config", ErrorMessage = "Must be config.")] string? managedBy = null,
        [FromQuery(Name = "take_over")] bool takeOver = false)
    {
        await using var tx = await db.BeginAsync(ct);
        if (await StoredPolicy.LockAsync(tx, caller.OrgId, id) is not { } policy)
        {
            return Problems.NotFound();
        }

        if ((ifMatch.Refuse(policy.Version, required: true) ?? policy.RefuseWrite(managedBy, takeOver)) is { } refusal)
        {
            return refusal;
        }

        var assignments = await AssignPolicy.OfAsync(tx, caller, policy);
        if (assignments.Count > 0 && !cascade)
        {
            return Problems.Conflict(
                "in_use", "The policy is assigned. Take that away first, or delete with cascade=true.", ("count", assignments.Count),
                ("used_by", assignments.Take(Shown)
                    .Select(one => new { type = one.TargetType, id = one.TargetId, name = one.TargetName }).ToArray()));
        }

        var now = clock.GetUtcNow();
        foreach (var assignment in assignments)
        {
            await AssignPolicy.RemoveAsync(tx, caller, policy, assignment, now);
        }

        await tx.ExecuteAsync(
            """
            update policies set deleted_at = @now, updated_at = @now, updated_by = @SubjectId
            where org_id = @OrgId and policy_id = @PolicyId
            """, new { policy.OrgId, policy.PolicyId, caller.SubjectId, now });
        await StaleDecisions.MarkPolicyAsync(tx, caller, policy.PolicyId);
        tx.Audit(
            caller, now, "policy_deleted", policy.Target, $"{caller.DisplayName} deleted the policy {policy.Name}.",
            new { before = PolicyChanges.ShownOf(policy.Read(), policy.ManagedBy, policy.Source), assignments = assignments.Count });
        await tx.CommitAsync();
        return TypedResults.NoContent();
    }
}
