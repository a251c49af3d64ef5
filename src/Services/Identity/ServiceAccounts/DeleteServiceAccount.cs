using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.Tokens;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.ServiceAccounts;

/// <summary>An administrator deletes a service account; its tokens are revoked at once.</summary>
internal static class DeleteServiceAccount
{
    internal static void MapDeleteServiceAccount(this IEndpointRouteBuilder accounts) =>
        accounts.MapDelete("/{id}", HandleAsync).RequireAuthorization(Permission.ServiceAccountsWrite)
            .WithName(nameof(DeleteServiceAccount))
            .WithSummary("Delete a service account and void its tokens.").ProducesProblem(StatusCodes.Status404NotFound)
            .ProducesProblem(StatusCodes.Status412PreconditionFailed);

    private static async Task<Results<NoContent, ProblemHttpResult>> HandleAsync(
        SubjectId id, IfMatch ifMatch, Caller caller, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        if (await UpdateServiceAccount.LockAsync(tx, caller.OrgId, id) is not { } account)
        {
            return Problems.NotFound();
        }

        if (ifMatch.Refuse(account.Version) is { } stale)
        {
            return stale;
        }

        await tx.ExecuteAsync("delete from service_accounts where org_id = @OrgId and id = @id", new { caller.OrgId, id });
        await tx.ExecuteAsync("delete from memberships where org_id = @OrgId and subject_id = @id", new { caller.OrgId, id });
        var now = clock.GetUtcNow();
        var revoked = await TokenStore.RevokeAllAsync(tx, id, null, now);
        tx.Audit(
            caller, now, "service_account_deleted", new AuditTarget(id.ToString(), null, "service_account"),
            $"The service account {account.Name} was deleted.", new { before = account.Terms, account.Name, tokens_revoked = revoked });
        await tx.CommitAsync();
        return TypedResults.NoContent();
    }
}
