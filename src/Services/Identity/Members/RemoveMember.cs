using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.Groups;
using EnvPlatform.Identity.Products;
using EnvPlatform.Identity.Tokens;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Members;

/// <summary>An administrator removes a user from the organization; the user's tokens for it are revoked at once.</summary>
internal static class RemoveMember
{
    internal static void MapRemoveMember(this IEndpointRouteBuilder members) =>
        members.MapDelete("/{id}", HandleAsync).WithName(nameof(RemoveMember)).WithSummary("Remove a user from the organization.")
            .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict);

    private static async Task<Results<NoContent, ProblemHttpResult>> HandleAsync(
        SubjectId id, Caller caller, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        if (await SetRole.LockAsync(tx, caller.OrgId, id) is not { } member)
        {
            return Problems.NotFound();
        }

        if (member.IsLastAdministrator)
        {
            return Problems.Conflict("last_administrator", "The organization would have no administrator.");
        }

        var now = clock.GetUtcNow();
        await Seats.LeaveAsync(tx, caller, id, now);
        var groups = await GroupMembers.LeaveAsync(tx, caller.OrgId, id);
        await tx.ExecuteAsync("delete from memberships where org_id = @OrgId and subject_id = @id", new { caller.OrgId, id });
        var revoked = await TokenStore.RevokeAllAsync(tx, id, caller.OrgId, now);
        await TokenStore.ForgetAsync(tx, id, now);
        tx.Audit(
            caller, now, "organization_user_removed", new AuditTarget(id.ToString(), member.Email, "user"),
            $"{member.DisplayName} was removed.", new { before = new { member.Role }, tokens_revoked = revoked, groups });
        await tx.CommitAsync();
        return TypedResults.NoContent();
    }
}
