using System.ComponentModel.DataAnnotations;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.Members;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.ServiceAccounts;

/// <summary>
/// An administrator creates a service account, for a program to sign in by <c>client_credentials</c>. The answer shows the secret once.
/// </summary>
internal static class CreateServiceAccount
{
    public sealed record Request(
        [Required, MinLength(1), MaxLength(100)] string Name,
        [Required, Role]
        string Role);

    public sealed record Response(SubjectId ClientId, string Name, string Role, DateTimeOffset CreatedAt, string ClientSecret);

    internal static void MapCreateServiceAccount(this IEndpointRouteBuilder accounts) =>
        accounts.MapPost("", HandleAsync).RequireAuthorization(Permission.ServiceAccountsWrite).WithName(nameof(CreateServiceAccount))
            .WithSummary("Make a service account; its secret is shown once.").ProducesProblem(StatusCodes.Status409Conflict);

    private static async Task<Results<Created<Response>, ProblemHttpResult>> HandleAsync(
        Request request, Caller caller, HttpResponse http, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var id = SubjectId.New(now);
        var secret = SecretFormat.New(SecretFormat.ClientSecretPrefix);
        await using var tx = await db.BeginAsync(ct);
        await tx.ExecuteAsync(
            "insert into subjects (id, type, display_name, created_at) values (@id, 'service_account', @Name, @now)",
            new { id, request.Name, now });
        var created = await tx.ExecuteAsync(
            """
            insert into service_accounts (org_id, id, name, secret_sha256, created_by, created_at)
            values (@OrgId, @id, @Name, @Sha256, @SubjectId, @now)
            on conflict (org_id, name) do nothing
            """, new { caller.OrgId, id, request.Name, Sha256 = SecretFormat.Sha256(secret), caller.SubjectId, now });
        if (created == 0)
        {
            return Problems.Conflict("name_taken", "There is a service account of this name already.");
        }

        await tx.ExecuteAsync(
            "insert into memberships (org_id, subject_id, role, created_at) values (@OrgId, @id, @Role, @now)",
            new { caller.OrgId, id, request.Role, now });
        tx.Audit(
            caller, now, "service_account_created", new AuditTarget(id.ToString(), null, "service_account"),
            $"The service account {request.Name} was created as {request.Role}.", new { request.Name, request.Role });
        await tx.CommitAsync();
        http.Headers.CacheControl = "no-store";
        return TypedResults.Created(
            $"/api/v1/orgs/{caller.Organization!.Slug}/service-accounts/{id}", new Response(id, request.Name, request.Role, now, secret));
    }
}
