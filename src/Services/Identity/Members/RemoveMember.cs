using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.Groups;
using EnvPlatform.Identity.Invitations;
using EnvPlatform.Identity.Products;
using EnvPlatform.Identity.Tokens;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Members;

/// <summary>
/// An administrator removes a user from the organization; the user's tokens for it are revoked at once. Its environments, their blocks and
/// its machines stay, and the membership is remembered for <see cref="ReinstateMember"/>.
/// </summary>
internal static class RemoveMember
{
    internal static void MapRemoveMember(this IEndpointRouteBuilder members) =>
        members.MapDelete("/{id}", HandleAsync).RequireAuthorization(Permission.MembersWrite).WithName(nameof(RemoveMember))
            .WithSummary("Remove a user from the organization.").ProducesProblem(StatusCodes.Status403Forbidden)
            .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict);

    /// <summary>Ends a membership, by somebody else or by the member itself, and says so under the action.</summary>
    internal static async Task EndAsync(Tx tx, Caller caller, Member member, string action, string message, DateTimeOffset now)
    {
        var products = await tx.QueryAsync<string>(
            "select product from seats where org_id = @OrgId and subject_id = @Id and granted order by product",
            new { caller.OrgId, member.Id });
        await Seats.LeaveAsync(tx, caller, member.Id, now);
        var groups = await GroupMembers.LeaveAsync(tx, caller.OrgId, member.Id);
        await tx.ExecuteAsync(
            """
            update memberships set removed_at = @now, left_groups = @Groups, left_products = @Products, version = version + 1
            where org_id = @OrgId and subject_id = @Id
            """,
            new { caller.OrgId, member.Id, now, Groups = groups.Select(group => group.Id.Value).ToArray(), Products = products.ToArray() });
        var revoked = await TokenStore.RevokeAllAsync(tx, member.Id, caller.OrgId, now);
        await TokenStore.ForgetAsync(tx, member.Id, now);
        var changes = Changes.Between(new { member.State }, new { State = Member.Removed })!;
        tx.Audit(
            caller, now, action, member.Target, message,
            new { changes.Before, changes.After, changes.Changed, member.Role, tokens_revoked = revoked, groups, products });
        await Invitation.RevokeOfAsync(tx, caller, member.Id, now);
    }

    private static async Task<Results<NoContent, ProblemHttpResult>> HandleAsync(
        SubjectId id, IfMatch version, Caller caller, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        if (await Member.LockAsync(tx, caller.OrgId, id, caller.SubjectId) is not { State: not Member.Removed } member)
        {
            return Problems.NotFound();
        }

        if (member.IsLastAdministrator)
        {
            return Member.LastAdministrator();
        }

        if (!member.IsManaged)
        {
            return Member.NotAllowed();
        }

        if (version.Refuse(member.Version) is { } stale)
        {
            return stale;
        }

        await EndAsync(tx, caller, member, "organization_user_removed", $"{member.DisplayName} was removed.", clock.GetUtcNow());
        await tx.CommitAsync();
        return TypedResults.NoContent();
    }
}
