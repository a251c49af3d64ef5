using System.ComponentModel.DataAnnotations;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.Invitations;
using EnvPlatform.Identity.SignIn;
using EnvPlatform.Identity.Tokens;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Members;

/// <summary>
/// An administrator gives a user another role. The organization's last administrator keeps that role, and who is no administrator any more
/// has invited nobody to more than membership.
/// </summary>
internal static class ChangeMember
{
    public sealed record Request(
        [Required, Role]
        string Role);

    internal static void MapChangeMember(this IEndpointRouteBuilder members) =>
        members.MapPatch("/{id}", HandleAsync).RequireAuthorization(Permission.MembersWrite).WithName(nameof(ChangeMember))
            .WithSummary("Give a user another role.").ProducesProblem(StatusCodes.Status403Forbidden)
            .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict);

    private static async Task<Results<Ok<MemberView>, ProblemHttpResult>> HandleAsync(
        SubjectId id, Request request, IfMatch version, Caller caller, HttpResponse http, NpgsqlDataSource db,
        TimeProvider clock, CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        if (await Member.LockAsync(tx, caller.OrgId, id, caller.SubjectId) is not { State: not Member.Removed } member)
        {
            return Problems.NotFound();
        }

        if (member.Role != request.Role && member.IsLastAdministrator)
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

        if (member.Role == request.Role)
        {
            return TypedResults.Ok(await GetMember.ReadAsync(tx, caller.OrgId, id));
        }

        var now = clock.GetUtcNow();
        if (IsGrave(member, request.Role, caller) && await StepUp.RefuseAsync(db, caller, now, ct) is { } older)
        {
            return older;
        }

        await tx.ExecuteAsync(
            "update memberships set role = @Role, version = version + 1 where org_id = @OrgId and subject_id = @id",
            new { caller.OrgId, id, request.Role });
        await TokenStore.ForgetAsync(tx, id, now);
        tx.Audit(
            caller, now, "organization_user_updated", member.Target, $"{member.DisplayName} is {request.Role} now.",
            Changes.Between(new { member.Role }, new { request.Role }));
        if (member.Role == Roles.Administrator)
        {
            await Invitation.RevokeOfAsync(tx, caller, id, now);
        }

        var changed = await GetMember.ReadAsync(tx, caller.OrgId, id);
        await tx.CommitAsync();
        IfMatch.Tell(http, changed.Version!.Value);
        return TypedResults.Ok(changed);
    }

    /// <summary>Somebody becomes an administrator, or gives up being one.</summary>
    private static bool IsGrave(Member member, string role, Caller caller) =>
        role == Roles.Administrator || (member.Id == caller.SubjectId && member.Role == Roles.Administrator);
}
