using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.Products;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Invitations;

/// <summary>An administrator withdraws an open invitation; its token is void at once.</summary>
internal static class RevokeInvitation
{
    internal static void MapRevokeInvitation(this IEndpointRouteBuilder invitations) =>
        invitations.MapDelete("/{id}", HandleAsync).WithName(nameof(RevokeInvitation)).WithSummary("Withdraw an open invitation.")
            .ProducesProblem(StatusCodes.Status404NotFound);

    /// <returns>False when there is no such open invitation.</returns>
    internal static async Task<bool> RevokeAsync(Tx tx, Caller caller, InvitationId id, DateTimeOffset now)
    {
        var row = await tx.QuerySingleOrDefaultAsync<Row>(
            """
            update invitations set ended_at = @now, ended_as = 'revoked'
            where id = @id and org_id = @OrgId and ended_at is null
            returning email, role
            """, new { id, caller.OrgId, now });
        if (row is null)
        {
            return false;
        }

        await Seats.ReleaseAsync(tx, caller.OrgId, id);
        tx.Audit(
            caller, now, "invitation_revoked", Invitation.TargetOf(id, row.Email),
            $"{caller.DisplayName} withdrew the {Invitation.NameOf(row.Email)}.", new { row.Role });
        return true;
    }

    private static async Task<Results<NoContent, ProblemHttpResult>> HandleAsync(
        InvitationId id, Caller caller, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        if (!await RevokeAsync(tx, caller, id, clock.GetUtcNow()))
        {
            return Problems.NotFound();
        }

        await tx.CommitAsync();
        return TypedResults.NoContent();
    }

    private sealed record Row(string? Email, string Role);
}
