using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
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

    private static async Task<Results<NoContent, ProblemHttpResult>> HandleAsync(
        InvitationId id, Caller caller, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        var now = clock.GetUtcNow();
        var row = await tx.QuerySingleOrDefaultAsync<Row>(
            """
            update invitations set ended_at = @now, ended_as = 'revoked'
            where id = @id and org_id = @OrgId and ended_at is null
            returning email, role
            """, new { id, caller.OrgId, now });
        if (row is null)
        {
            return Problems.NotFound();
        }

        tx.Audit(
            caller, now, "invitation_revoked", new AuditTarget(id.ToString(), row.Email, "invitation"),
            $"{caller.DisplayName} withdrew the invitation of {row.Email}.", new { row.Role });
        await tx.CommitAsync();
        return TypedResults.NoContent();
    }

    private sealed record Row(string Email, string Role);
}
