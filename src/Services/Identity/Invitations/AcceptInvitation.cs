using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.Tokens;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Invitations;

/// <summary>
/// The signed-in user accepts an invitation to its address. The address must have been verified: otherwise an account that somebody made
/// under another's address could join organizations that mean the other, and the invitation's token has to show that it is meant
/// (<see cref="AcceptInvitationByToken"/>).
/// </summary>
internal static class AcceptInvitation
{
    internal static void MapAcceptInvitation(this IEndpointRouteBuilder invitations) =>
        invitations.MapPost("/{id}/accept", HandleAsync).WithName(nameof(AcceptInvitation))
            .WithSummary("Accept an invitation to one's verified address; answers the new membership.")
            .ProducesProblem(StatusCodes.Status403Forbidden).ProducesProblem(StatusCodes.Status404NotFound)
            .ProducesProblem(StatusCodes.Status409Conflict);

    private static async Task<Results<Ok<Membership>, ProblemHttpResult>> HandleAsync(
        InvitationId id, Caller caller, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        if (await Credential.FindAsync(db, caller, now, ct) is not { OrgId: null })
        {
            return Credential.TooNarrow();
        }

        await using var tx = await db.BeginAsync(ct);
        var invitation = await Invitation.LockAsync(tx, id, caller.Email);
        if (invitation?.EndedAs == "accepted" && await IsMemberAsync(tx, invitation.OrgId, caller.SubjectId))
        {
            return TypedResults.Ok(invitation.Membership);
        }

        if (Invitation.Refuse(invitation, now) is { } refusal)
        {
            return refusal;
        }

        var isVerified = await tx.QuerySingleAsync<bool>(
            "select email_verified_at is not null from subjects where id = @SubjectId", new { caller.SubjectId });
        if (!isVerified)
        {
            return Problems.Of(
                StatusCodes.Status403Forbidden, "invitation_token_required", "Not allowed.",
                "Nobody has verified that the address is yours. Accept with the invitation's token, which the administrator has.");
        }

        if (await invitation!.AcceptAsync(tx, caller, now) is { } refused)
        {
            return refused;
        }

        await tx.CommitAsync();
        return TypedResults.Ok(invitation.Membership);
    }

    private static Task<bool> IsMemberAsync(Tx tx, OrganizationId organization, SubjectId subject) => tx.QuerySingleAsync<bool>(
        "select exists (select from active_memberships where org_id = @organization and subject_id = @subject)",
        new { organization, subject });
}
