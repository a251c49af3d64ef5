using System.ComponentModel.DataAnnotations;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Policy.Decisions.Fleet;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

using Npgsql;

namespace EnvPlatform.Policy.Policies;

/// <summary>Says to whose environments a policy applies: all of the organization, those of a group's members, those of a user.</summary>
internal static class AssignPolicy
{
    /// <param name="ExpectedBlocked">How many environments it is expected to block; only needed where it blocks more than a tenth.</param>
    /// <param name="ManagedBy">config: as the policy itself comes from files.</param>
    public sealed record Request(
        [Range(0, int.MaxValue)] int? ExpectedBlocked = null,
        [AllowedValues(null, "config", ErrorMessage = "Must be config.")] string? ManagedBy = null);

    internal static void MapAssignPolicy(this IEndpointRouteBuilder policies)
    {
        policies.MapGet("/{id}/assignments", ListAsync).RequireAuthorization(Permission.PoliciesReadAll).WithName("ListPolicyAssignments")
            .WithSummary("To whose environments a policy applies.").ProducesProblem(StatusCodes.Status404NotFound);
        policies.MapPut("/{id}/assignments/{type}/{target_id}", PutAsync).RequireAuthorization(Permission.PoliciesWrite)
            .WithName(nameof(AssignPolicy)).WithSummary("Let a policy apply to environments: of the organization, a group, a user.")
            .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict);
        policies.MapDelete("/{id}/assignments/{type}/{target_id}", DeleteAsync).RequireAuthorization(Permission.PoliciesWrite)
            .WithName("UnassignPolicy").WithSummary("Let a policy apply no more to environments of the organization, a group, a user.")
            .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict);
    }

    internal static async Task<List<PolicyAssignment>> OfAsync(Tx tx, Caller caller, StoredPolicy policy) =>
    [
        .. (await tx.QueryAsync<PolicyAssignment.Row>(
            $"""
            select {PolicyAssignment.Columns} from policy_assignments a where a.org_id = @OrgId and a.policy_id = @PolicyId
            order by a.target_type, a.target_id
            """, new { policy.OrgId, policy.PolicyId, OrgName = caller.Organization!.Name }))
            .Select(row => new PolicyAssignment(row.TargetType, row.TargetId, row.TargetName, row.AssignedAt)),
    ];

    internal static async Task RemoveAsync(Tx tx, Caller caller, StoredPolicy policy, PolicyAssignment assignment, DateTimeOffset now)
    {
        await tx.ExecuteAsync(
            """
            delete from policy_assignments
            where org_id = @OrgId and policy_id = @PolicyId and target_type = @TargetType and target_id = @TargetId
            """, new { policy.OrgId, policy.PolicyId, assignment.TargetType, assignment.TargetId });
        tx.Audit(
            caller, now, "policy_unassigned", policy.Target,
            $"{caller.DisplayName} took the policy {policy.Name} from {Named(assignment.TargetType, assignment.TargetName)}.",
            new { policy = policy.Name, assignment.TargetType, assignment.TargetId, assignment.TargetName });
    }

    private static async Task<Results<Ok<Page<PolicyAssignment>>, ProblemHttpResult>> ListAsync(
        string id, Caller caller, NpgsqlDataSource db, CancellationToken ct)
    {
        if (await StoredPolicy.FindAsync(db, caller, id, ct) is not { } policy)
        {
            return Problems.NotFound();
        }

        var assignments = (await ReadPolicies.AssignmentsAsync(db, caller, [policy.PolicyId], ct))[policy.PolicyId].ToArray();
        return TypedResults.Ok(new Page<PolicyAssignment>(assignments, assignments.Length, null));
    }

    private static async Task<Results<Ok<PolicyView>, ProblemHttpResult>> PutAsync(
        string id, string type, [FromRoute(Name = "target_id")] string targetId, Request? request, Caller caller,
        HttpResponse http, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        if (await StoredPolicy.FindAsync(db, caller, id, ct) is not { } seen
            || await TargetAsync(db, caller, type, targetId, mustExist: true, ct) is not { } target)
        {
            return Problems.NotFound("There is no such policy, organization, group or user here.");
        }

        if (seen.RefuseWrite(request?.ManagedBy, takeOver: false) is { } kept)
        {
            return kept;
        }

        var now = clock.GetUtcNow();
        var (document, targets) = (seen.Read(), await BlockGuard.TargetsAsync(db, seen, ct));
        var isNew = !targets.Contains(target.Target);
        var guard = await BlockGuard.OfAsync(
            db, caller.OrgId, seen.PolicyId, document, isNew ? [.. targets, target.Target] : [], now, ct);
        if (guard.Refuse(document, request?.ExpectedBlocked) is { } many)
        {
            return many;
        }

        await using (var tx = await db.BeginAsync(ct))
        {
            if (await StoredPolicy.LockAsync(tx, caller.OrgId, $"{seen.PolicyId}") is not { } policy)
            {
                return Problems.NotFound();
            }

            if (policy.RefuseWrite(request?.ManagedBy, takeOver: false) is { } refusal)
            {
                return refusal;
            }

            var added = await tx.ExecuteAsync(
                """
                insert into policy_assignments (org_id, policy_id, target_type, target_id, assigned_at, assigned_by)
                values (@OrgId, @PolicyId, @Type, @Id, @now, @SubjectId) on conflict do nothing
                """, new { policy.OrgId, policy.PolicyId, target.Target.Type, target.Target.Id, now, caller.SubjectId });
            if (added > 0)
            {
                await StaleDecisions.MarkPolicyAsync(tx, caller, policy.PolicyId);
                tx.Audit(
                    caller, now, "policy_assigned", policy.Target,
                    $"{caller.DisplayName} assigned the policy {policy.Name} to {Named(type, target.Name)}.",
                    new
                    {
                        policy = policy.Name,
                        target_type = type,
                        target_id = target.Target.Id,
                        target_name = target.Name,
                        dry_run = guard.Counts,
                    });
                await tx.CommitAsync();
            }
        }

        return await ReadPolicies.ShowAsync(db, caller, $"{seen.PolicyId}", http, clock, ct);
    }

    private static async Task<Results<NoContent, ProblemHttpResult>> DeleteAsync(
        string id, string type, [FromRoute(Name = "target_id")] string targetId, Caller caller, NpgsqlDataSource db, TimeProvider clock,
        CancellationToken ct,
        [FromQuery(Name = "managed_by"), AllowedValues(null, "config", ErrorMessage = "Must be config.")] string? managedBy = null)
    {
        if (await TargetAsync(db, caller, type, targetId, mustExist: false, ct) is not { } target)
        {
            return Problems.NotFound();
        }

        await using var tx = await db.BeginAsync(ct);
        if (await StoredPolicy.LockAsync(tx, caller.OrgId, id) is not { } policy
            || (await OfAsync(tx, caller, policy)).Find(one => one.TargetType == type && one.TargetId == target.Target.Id) is not { } there)
        {
            return Problems.NotFound();
        }

        if (policy.RefuseWrite(managedBy, takeOver: false) is { } refusal)
        {
            return refusal;
        }

        await RemoveAsync(tx, caller, policy, there, clock.GetUtcNow());
        await StaleDecisions.MarkPolicyAsync(tx, caller, policy.PolicyId);
        await tx.CommitAsync();
        return TypedResults.NoContent();
    }

    /// <summary>Null where there is no such thing; one that is gone may still be taken away.</summary>
    private static async Task<(PolicyTarget Target, string? Name)?> TargetAsync(
        NpgsqlDataSource db, Caller caller, string type, string targetId, bool mustExist, CancellationToken ct)
    {
        var organization = caller.Organization!;
        if (type == PolicyTarget.Organization)
        {
            return targetId == organization.Slug || (OrganizationId.TryParse(targetId, out var own) && own == organization.Id)
                ? (new PolicyTarget(type, organization.Id.Value), organization.Name) : null;
        }

        if (!Guid.TryParse(targetId, out var id) || type is not (PolicyTarget.Group or PolicyTarget.User))
        {
            return null;
        }

        var name = await db.QuerySingleOrDefaultAsync<string>(
            type == PolicyTarget.Group
                ? "select name from groups where org_id = @OrgId and group_id = @id and not deleted"
                : "select coalesce(email, display_name) from subjects where org_id = @OrgId and subject_id = @id and not deleted",
            new { caller.OrgId, id }, ct);
        return name is null && mustExist ? null : (new PolicyTarget(type, id), name);
    }

    private static string Named(string type, string? name) => type switch
    {
        PolicyTarget.Organization => "the organization",
        PolicyTarget.Group => $"the group {name ?? "that is gone"}",
        _ => name ?? "somebody who is gone",
    };
}
