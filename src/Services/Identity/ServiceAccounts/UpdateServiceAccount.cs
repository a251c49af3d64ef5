using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;

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
/// An administrator changes what a service account is called and may do; what it has been given already shrinks with it at once. A member
/// that is left out stays as it is, and null takes a limit away.
/// </summary>
internal static class UpdateServiceAccount
{
    public sealed record Request
    {
        [ResourceName]
        public string? Name { get; init; }

        [MaxLength(1_000), MultiLine]
        public string? Description { get; init; }

        [Role]
        public string? Role { get; init; }

        /// <summary>Permissions that are left of the role's; null: all of them.</summary>
        [MaxLength(GrantedScopes.Most)]
        public IReadOnlyList<string>? Scopes
        {
            get;
            init
            {
                field = value;
                SaysScopes = true;
            }
        }

        /// <summary>When the account itself ends; null: never.</summary>
        public DateTimeOffset? ExpiresAt
        {
            get;
            init
            {
                field = value;
                SaysExpiresAt = true;
            }
        }

        /// <summary>Networks in CIDR from which it may act; null: everywhere.</summary>
        [MaxLength(AllowedAddresses.Most)]
        public IReadOnlyList<string>? AllowedIps
        {
            get;
            init
            {
                field = value;
                SaysAllowedIps = true;
            }
        }

        [JsonIgnore]
        internal bool SaysScopes { get; private init; }

        [JsonIgnore]
        internal bool SaysExpiresAt { get; private init; }

        [JsonIgnore]
        internal bool SaysAllowedIps { get; private init; }
    }

    internal static void MapUpdateServiceAccount(this IEndpointRouteBuilder accounts) =>
        accounts.MapPatch("/{id}", HandleAsync).RequireAuthorization(Permission.ServiceAccountsWrite, Access.Person)
            .WithName(nameof(UpdateServiceAccount)).WithSummary("Change a service account; what is left out stays.")
            .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict)
            .ProducesProblem(StatusCodes.Status412PreconditionFailed);

    private static async Task<Results<Ok<GetServiceAccount.Response>, ProblemHttpResult>> HandleAsync(
        SubjectId id, Request request, IfMatch ifMatch, Caller caller, HttpResponse http, NpgsqlDataSource db, TimeProvider clock,
        CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        if (!AllowedAddresses.TryRead(request.AllowedIps, out var networks, out var problem))
        {
            return Problems.Invalid(AllowedAddresses.Field, problem);
        }

        if (request.ExpiresAt <= now)
        {
            return Problems.Invalid("expires_at", "Must be in the future.");
        }

        await using var tx = await db.BeginAsync(ct);
        if (await LockAsync(tx, caller.OrgId, id) is not { } before)
        {
            return Problems.NotFound();
        }

        if (ifMatch.Refuse(before.Version) is { } stale)
        {
            return stale;
        }

        var after = new ServiceAccountTerms(
            request.Name is null ? before.Name : ResourceNameAttribute.Normalize(request.Name), request.Description ?? before.Description,
            request.Role ?? before.Role, request.SaysScopes ? GrantedScopes.Stored(request.Scopes) : before.Scopes,
            request.SaysExpiresAt ? request.ExpiresAt?.ToUniversalTime() : before.ExpiresAt,
            request.SaysAllowedIps ? networks : before.AllowedIps);
        if ((GrantedScopes.Refuse(request.Scopes) ?? after.Refuse(caller)) is { } refusal)
        {
            return refusal;
        }

        if (after.Role == Roles.Administrator && before.Terms.IsWidenedBy(after)
            && await StepUp.RefuseAsync(db, caller, now, ct) is { } older)
        {
            return older;
        }

        if (Changes.Between(before.Terms, after) is not { } changes)
        {
            IfMatch.Tell(http, before.Version);
            return TypedResults.Ok((await GetServiceAccount.FindAsync(tx, caller.OrgId, id, now))!);
        }

        if (!await StoreAsync(tx, caller.OrgId, id, after))
        {
            return Problems.Conflict("name_taken", "There is a service account of this name already.");
        }

        await TokenStore.ForgetAsync(tx, id, now);
        tx.Audit(
            caller, now, "service_account_updated", new AuditTarget(id.ToString(), null, "service_account"),
            $"The service account {after.Name} was changed: {string.Join(", ", changes.Changed)}.",
            new { after.Name, changes.Before, changes.After, changes.Changed });
        var answer = (await GetServiceAccount.FindAsync(tx, caller.OrgId, id, now))!;
        await tx.CommitAsync();
        IfMatch.Tell(http, answer.Version);
        return TypedResults.Ok(answer);
    }

    /// <summary>The account, locked: its secrets and trusts are added under the same lock. Null when there is none.</summary>
    internal static Task<Row?> LockAsync(Tx tx, OrganizationId organization, SubjectId id) =>
        tx.QuerySingleOrDefaultAsync<Row>(
            """
            select a.name, a.description, m.role, a.scopes, a.expires_at, a.allowed_ips, a.version
            from service_accounts a
            join active_memberships m on m.org_id = a.org_id and m.subject_id = a.id
            where a.org_id = @organization and a.id = @id
            for update of a
            """, new { organization, id });

    /// <summary>False when the name is taken, which ends the transaction.</summary>
    private static async Task<bool> StoreAsync(Tx tx, OrganizationId organization, SubjectId id, ServiceAccountTerms terms)
    {
        var parameters = new
        {
            organization,
            id,
            terms.Name,
            terms.Description,
            terms.Role,
            terms.Scopes,
            terms.ExpiresAt,
            terms.AllowedIps,
        };
        try
        {
            await tx.ExecuteAsync(
                """
                update service_accounts set name = @Name, description = @Description, scopes = @Scopes, expires_at = @ExpiresAt,
                    allowed_ips = @AllowedIps, version = version + 1
                where org_id = @organization and id = @id
                """, parameters);
        }
        catch (PostgresException exception) when (exception.SqlState == PostgresErrorCodes.UniqueViolation)
        {
            return false;
        }

        await tx.ExecuteAsync("update memberships set role = @Role where org_id = @organization and subject_id = @id", parameters);
        await tx.ExecuteAsync("update subjects set display_name = @Name where id = @id", parameters);
        return true;
    }

    internal sealed record Row(
        string Name, string Description, string Role, string[]? Scopes, DateTimeOffset? ExpiresAt, string[]? AllowedIps, long Version)
    {
        public ServiceAccountTerms Terms => new(Name, Description, Role, Scopes, ExpiresAt, AllowedIps);
    }
}
