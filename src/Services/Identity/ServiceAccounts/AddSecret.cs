using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.SignIn;
using EnvPlatform.Identity.Tokens;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.ServiceAccounts;

/// <summary>An administrator gives a service account another secret, beside the one in use. The answer shows it once.</summary>
internal static class AddSecret
{
    /// <param name="ExpiresAt">Left out: good until it is deleted.</param>
    public sealed record Request(DateTimeOffset? ExpiresAt = null);

    public sealed record Response(SecretId Id, string ClientSecret, DateTimeOffset CreatedAt, DateTimeOffset? ExpiresAt);

    internal static void MapAddSecret(this IEndpointRouteBuilder accounts) =>
        accounts.MapPost("/{id}/secrets", HandleAsync).RequireAuthorization(Permission.ServiceAccountsWrite, Access.Person)
            .WithName(nameof(AddSecret)).WithSummary("Add a secret to a service account; it is shown once.")
            .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict);

    private static async Task<Results<Created<Response>, ProblemHttpResult>> HandleAsync(
        SubjectId id, Request request, Caller caller, HttpResponse http, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        if (request.ExpiresAt <= now)
        {
            return Problems.Invalid("expires_at", "Must be in the future.");
        }

        await using var tx = await db.BeginAsync(ct);
        if (await UpdateServiceAccount.LockAsync(tx, caller.OrgId, id) is not { } account)
        {
            return Problems.NotFound();
        }

        if (GrantedScopes.RefuseBeyond(caller, account.Role, account.Scopes) is { } refusal)
        {
            return refusal;
        }

        if (account.Role == Roles.Administrator && await StepUp.RefuseAsync(db, caller, now, ct) is { } older)
        {
            return older;
        }

        var good = await tx.QuerySingleAsync<long>(
            "select count(*) from service_account_secrets where account_id = @id and (expires_at is null or expires_at > @now)",
            new { id, now });
        if (good >= AccountSecrets.MostGood)
        {
            return Problems.Conflict("secret_limit", "The service account has two secrets: delete the one that is not used any more.");
        }

        var expiresAt = request.ExpiresAt?.ToUniversalTime();
        var (secretId, secret) = await AccountSecrets.IssueAsync(tx, id, caller.SubjectId, expiresAt, now);
        tx.Audit(
            caller, now, "service_account_secret_created", new AuditTarget(id.ToString(), null, "service_account"),
            $"The service account {account.Name} was given another secret.", new { account.Name, secretId, expiresAt });
        await tx.CommitAsync();
        http.Headers.CacheControl = "no-store";
        return TypedResults.Created(
            $"/api/v1/orgs/{caller.Organization!.Slug}/service-accounts/{id}", new Response(secretId, secret, now, expiresAt));
    }
}
