using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.SignIn;
using EnvPlatform.Identity.Tokens;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Invitations;

/// <summary>
/// The signed-in user declines an invitation to its address. The organization learns that, and nothing of the account; who declined from
/// where stands in the operator's log.
/// </summary>
internal static class DeclineInvitation
{
    internal static void MapDeclineInvitation(this IEndpointRouteBuilder invitations) =>
        invitations.MapPost("/{id}/decline", HandleAsync).WithName(nameof(DeclineInvitation))
            .WithSummary("Decline an invitation to one's address.")
            .ProducesProblem(StatusCodes.Status403Forbidden).ProducesProblem(StatusCodes.Status404NotFound);

    private static async Task<Results<NoContent, ProblemHttpResult>> HandleAsync(
        InvitationId id, Caller caller, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        if (await Credential.FindAsync(db, caller, now, ct) is not { OrgId: null })
        {
            return Credential.TooNarrow();
        }

        await using var tx = await db.BeginAsync(ct);
        if (await Invitation.LockAsync(tx, id, caller.Email) is not { EndedAs: null } invitation)
        {
            return Problems.NotFound();
        }

        await DeclineAsync(tx, invitation, caller, now);
        await tx.CommitAsync();
        return TypedResults.NoContent();
    }

    /// <summary>For the API and the page; the caller commits.</summary>
    internal static async Task DeclineAsync(Tx tx, Invitation invitation, Caller caller, DateTimeOffset now)
    {
        await invitation.EndAsync(tx, "declined", now);
        var target = new AuditTarget(invitation.Id.ToString(), invitation.Email, "invitation");
        var message = $"The invitation of {invitation.Email} to {invitation.Slug} was declined.";
        tx.Audit(
            Caller.OfSystem(AuthenticationFailures.Service, invitation.OrgId), now, "invitation_declined", target, message,
            new { invitation.Role });
        tx.Audit(
            caller with { Organization = null }, now, "invitation_declined", target, message,
            new { organization = invitation.Slug, invitation.Role });
    }
}
