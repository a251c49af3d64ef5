using EnvPlatform.Contracts.Ids;
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

        if (await invitation.DeclineAsync(tx, caller, now) is { } refusal)
        {
            return refusal;
        }

        await tx.CommitAsync();
        return TypedResults.NoContent();
    }
}
