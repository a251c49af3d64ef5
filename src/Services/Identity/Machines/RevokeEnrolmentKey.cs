using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Machines;

/// <summary>An administrator ends an enrolment key. Machines that it has registered stay, and so do their tokens.</summary>
internal static class RevokeEnrolmentKey
{
    internal static void MapRevokeEnrolmentKey(this IEndpointRouteBuilder keys) =>
        keys.MapDelete("/{id}", HandleAsync).RequireAuthorization(Permission.EnrolmentKeysWrite).WithName(nameof(RevokeEnrolmentKey))
            .WithSummary("End an enrolment key; machines that it has registered stay.").ProducesProblem(StatusCodes.Status404NotFound);

    private static async Task<Results<NoContent, ProblemHttpResult>> HandleAsync(
        EnrolmentKeyId id, Caller caller, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        await using var tx = await db.BeginAsync(ct);
        var row = await tx.QuerySingleOrDefaultAsync<Row>(
            """
            update enrolment_keys set revoked_at = @now where org_id = @OrgId and id = @id and revoked_at is null
            returning name, uses
            """, new { caller.OrgId, id, now });
        if (row is null)
        {
            return Problems.NotFound();
        }

        tx.Audit(
            caller, now, "enrolment_key_revoked", new AuditTarget(id.ToString(), null, "enrolment_key"),
            $"{caller.DisplayName} revoked the enrolment key '{row.Name}'.", new { row.Name, row.Uses });
        await tx.CommitAsync();
        return TypedResults.NoContent();
    }

    private sealed record Row(string Name, int Uses);
}
