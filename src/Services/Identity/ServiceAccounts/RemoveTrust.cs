using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.Tokens;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

using Npgsql;

namespace EnvPlatform.Identity.ServiceAccounts;

/// <summary>An administrator takes a trust away; the access tokens that were made by it end at once.</summary>
internal static class RemoveTrust
{
    internal static void MapRemoveTrust(this IEndpointRouteBuilder accounts) =>
        accounts.MapDelete("/{id}/trusts/{trust_id}", HandleAsync).RequireAuthorization(Permission.ServiceAccountsWrite)
            .WithName(nameof(RemoveTrust)).WithSummary("Take a trust away, and void what was made by it.")
            .ProducesProblem(StatusCodes.Status404NotFound);

    private static async Task<Results<NoContent, ProblemHttpResult>> HandleAsync(
        SubjectId id, [FromRoute(Name = "trust_id")] TrustId trustId, Caller caller, NpgsqlDataSource db, TimeProvider clock,
        CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        await using var tx = await db.BeginAsync(ct);
        if (await UpdateServiceAccount.LockAsync(tx, caller.OrgId, id) is not { } account)
        {
            return Problems.NotFound();
        }

        var trust = await tx.QuerySingleOrDefaultAsync<Row>(
            """
            delete from service_account_trusts where account_id = @id and id = @trustId
            returning issuer, audience, subject_pattern
            """, new { id, trustId });
        if (trust is null)
        {
            return Problems.NotFound();
        }

        var revoked = await tx.QueryAsync<TokenId>(
            "update tokens set revoked_at = @now where subject_id = @id and trust_id = @trustId and revoked_at is null returning id",
            new { id, trustId, now });
        TokenStore.Publish(tx, revoked, now);
        tx.Audit(
            caller, now, "service_account_trust_removed", new AuditTarget(id.ToString(), null, "service_account"),
            $"The service account {account.Name} trusts {trust.SubjectPattern} of {trust.Issuer} no more.",
            new { account.Name, trustId, trust.Issuer, trust.Audience, trust.SubjectPattern, tokens_revoked = revoked.Count });
        await tx.CommitAsync();
        return TypedResults.NoContent();
    }

    private sealed record Row(string Issuer, string Audience, string SubjectPattern);
}
