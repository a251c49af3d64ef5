using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Tokens;

/// <summary>
/// Somebody voids one of its own tokens for this organization, or an administrator anybody's; every gateway forgets it at once.
/// </summary>
internal static class RevokeToken
{
    internal static void MapRevokeToken(this IEndpointRouteBuilder tokens) =>
        tokens.MapDelete("/{id}", HandleAsync).RequireAuthorization(Permission.TokensOwn).WithName(nameof(RevokeToken))
            .WithSummary("Void one of one's own tokens for the organization; an administrator, any of them.")
            .ProducesProblem(StatusCodes.Status404NotFound);

    private static async Task<Results<NoContent, ProblemHttpResult>> HandleAsync(
        TokenId id, Caller caller, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        if (await Credential.FindAsync(db, caller, now, ct) is not { } credential)
        {
            return Credential.Void();
        }

        await using var tx = await db.BeginAsync(ct);
        var row = await tx.QuerySingleOrDefaultAsync<Row>(
            $"update tokens t set revoked_at = @now where t.id = @id and {ListTokens.Managed} returning t.name, t.subject_id",
            new
            {
                id,
                Owner = caller.OnlyOwnWithout(Permission.TokensRevokeAll),
                Self = credential.Manages(caller),
                Org = caller.OrgId,
                now,
            });
        if (row is null)
        {
            return Problems.NotFound();
        }

        TokenStore.Publish(tx, [id], now);
        tx.Audit(caller, now, "token_revoked", new AuditTarget(id.ToString(), null, "token"),
            $"{caller.DisplayName} revoked the token '{row.Name}'.", new { row.Name, Owner = row.SubjectId });
        await tx.CommitAsync();
        return TypedResults.NoContent();
    }

    private sealed record Row(string Name, SubjectId SubjectId);
}
