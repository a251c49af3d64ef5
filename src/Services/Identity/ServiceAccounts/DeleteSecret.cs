using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

using Npgsql;

namespace EnvPlatform.Identity.ServiceAccounts;

/// <summary>An administrator deletes a secret of a service account; the access tokens that were made with it end at once.</summary>
internal static class DeleteSecret
{
    internal static void MapDeleteSecret(this IEndpointRouteBuilder accounts) =>
        accounts.MapDelete("/{id}/secrets/{secret_id}", HandleAsync).RequireAuthorization(Permission.ServiceAccountsWrite)
            .WithName(nameof(DeleteSecret)).WithSummary("Delete a secret of a service account, and void what was made with it.")
            .ProducesProblem(StatusCodes.Status404NotFound);

    private static async Task<Results<NoContent, ProblemHttpResult>> HandleAsync(
        SubjectId id, [FromRoute(Name = "secret_id")] SecretId secretId, Caller caller, NpgsqlDataSource db, TimeProvider clock,
        CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        await using var tx = await db.BeginAsync(ct);
        if (await UpdateServiceAccount.LockAsync(tx, caller.OrgId, id) is not { } account
            || await AccountSecrets.DeleteAsync(tx, id, secretId, now) is not { } revoked)
        {
            return Problems.NotFound();
        }

        tx.Audit(
            caller, now, "service_account_secret_deleted", new AuditTarget(id.ToString(), null, "service_account"),
            $"A secret of the service account {account.Name} was deleted.", new { account.Name, secretId, tokens_revoked = revoked });
        await tx.CommitAsync();
        return TypedResults.NoContent();
    }
}
