using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Identity;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Tokens;

/// <summary>Somebody voids one of its own tokens; every gateway forgets it at once.</summary>
public static class RevokeToken
{
    internal static void MapRevokeToken(this IEndpointRouteBuilder tokens) =>
        tokens.MapDelete("/{id}", HandleAsync).RequireAuthorization(Policies.AnyRole).WithName(nameof(RevokeToken))
            .WithSummary("Void one of one's own tokens.").ProducesProblem(StatusCodes.Status404NotFound);

    private static async Task<Results<NoContent, ProblemHttpResult>> HandleAsync(
        TokenId id, Caller caller, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        var now = clock.GetUtcNow();
        var name = await tx.QuerySingleOrDefaultAsync<string>(
            """
            update tokens set revoked_at = @now
            where id = @id and subject_id = @Owner and org_id = @Org and revoked_at is null
            returning name
            """, new { id, Owner = caller.SubjectId, Org = caller.OrgId, now });
        if (name is null)
        {
            return Problems.NotFound();
        }

        TokenStore.Publish(tx, [id], now);
        tx.Audit(caller, "token_revoked", new AuditTarget(id.ToString(), null, "token"), $"{caller.DisplayName} revoked the token '{name}'.", new { name });
        await tx.CommitAsync();
        return TypedResults.NoContent();
    }
}
