using System.ComponentModel.DataAnnotations;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.Members;
using EnvPlatform.Identity.SignIn;
using EnvPlatform.Identity.Tokens;
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
    /// <param name="Scopes">Permissions that are left of the role's; left out: all of them.</param>
    /// <param name="ExpiresAt">When the account itself ends; left out: never.</param>
    /// <param name="AllowedIps">Networks in CIDR from which it may act; left out: everywhere.</param>
    /// <param name="SecretExpiresAt">When its first secret ends; left out: when it is deleted.</param>
    public sealed record Request(
        [Required, ResourceName] string Name,
        [Required, Role]
        string Role,
        [MaxLength(1_000), MultiLine] string? Description = null,
        [MaxLength(GrantedScopes.Most)] IReadOnlyList<string>? Scopes = null,
        DateTimeOffset? ExpiresAt = null,
        [MaxLength(AllowedAddresses.Most)] IReadOnlyList<string>? AllowedIps = null,
        DateTimeOffset? SecretExpiresAt = null);

    public sealed record Response(
        SubjectId ClientId, string Name, string Description, string Role, IReadOnlyList<string>? Scopes, DateTimeOffset? ExpiresAt,
        IReadOnlyList<string>? AllowedIps, DateTimeOffset CreatedAt, long Version, SecretId SecretId, string ClientSecret,
        DateTimeOffset? SecretExpiresAt);

    internal static void MapCreateServiceAccount(this IEndpointRouteBuilder accounts) =>
        accounts.MapPost("", HandleAsync).RequireAuthorization(Permission.ServiceAccountsWrite, Access.Person)
            .WithName(nameof(CreateServiceAccount)).WithSummary("Make a service account; its secret is shown once.")
            .ProducesProblem(StatusCodes.Status409Conflict);

    private static async Task<Results<Created<Response>, ProblemHttpResult>> HandleAsync(
        Request request, Caller caller, HttpResponse http, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        if (!AllowedAddresses.TryRead(request.AllowedIps, out var networks, out var problem))
        {
            return Problems.Invalid(AllowedAddresses.Field, problem);
        }

        var terms = new ServiceAccountTerms(
            ResourceNameAttribute.Normalize(request.Name), request.Description ?? "", request.Role, GrantedScopes.Stored(request.Scopes),
            request.ExpiresAt?.ToUniversalTime(), networks);
        if ((GrantedScopes.Refuse(request.Scopes) ?? terms.Refuse(caller) ?? RefusePast(request, now)) is { } refusal)
        {
            return refusal;
        }

        if (request.Role == Roles.Administrator && await StepUp.RefuseAsync(db, caller, now, ct) is { } older)
        {
            return older;
        }

        var id = SubjectId.New(now);
        await using var tx = await db.BeginAsync(ct);
        await tx.ExecuteAsync(
            "insert into subjects (id, type, display_name, created_at) values (@id, 'service_account', @Name, @now)",
            new { id, terms.Name, now });
        var created = await tx.ExecuteAsync(
            """
            insert into service_accounts (org_id, id, name, description, scopes, expires_at, allowed_ips, created_by, created_at)
            values (@OrgId, @id, @Name, @Description, @Scopes, @ExpiresAt, @AllowedIps, @SubjectId, @now)
            on conflict do nothing
            """,
            new
            {
                caller.OrgId,
                id,
                terms.Name,
                terms.Description,
                terms.Scopes,
                terms.ExpiresAt,
                terms.AllowedIps,
                caller.SubjectId,
                now,
            });
        if (created == 0)
        {
            return Problems.Conflict("name_taken", "There is a service account of this name already.");
        }

        await tx.ExecuteAsync(
            "insert into memberships (org_id, subject_id, role, created_at) values (@OrgId, @id, @Role, @now)",
            new { caller.OrgId, id, terms.Role, now });
        var (secretId, secret) = await AccountSecrets.IssueAsync(
            tx, id, caller.SubjectId, request.SecretExpiresAt?.ToUniversalTime(), now);
        tx.Audit(
            caller, now, "service_account_created", new AuditTarget(id.ToString(), null, "service_account"),
            $"The service account {terms.Name} was created as {terms.Role}.",
            new
            {
                after = terms,
                terms.Name,
                terms.Role,
                secretId,
                request.SecretExpiresAt,
            });
        await tx.CommitAsync();
        http.Headers.CacheControl = "no-store";
        return TypedResults.Created(
            $"/api/v1/orgs/{caller.Organization!.Slug}/service-accounts/{id}",
            new Response(
                id, terms.Name, terms.Description, terms.Role, terms.Scopes, terms.ExpiresAt, terms.AllowedIps, now, 1, secretId, secret,
                request.SecretExpiresAt));
    }

    private static ProblemHttpResult? RefusePast(Request request, DateTimeOffset now) =>
        request.ExpiresAt <= now ? Problems.Invalid("expires_at", "Must be in the future.")
        : request.SecretExpiresAt <= now ? Problems.Invalid("secret_expires_at", "Must be in the future.")
        : null;
}
