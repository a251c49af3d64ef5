using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.ServiceAccounts;

/// <summary>One service account with its secrets (never themselves) and its trusts.</summary>
internal static class GetServiceAccount
{
    /// <param name="Scopes">Permissions that are left of the role's; null: all of them.</param>
    /// <param name="State">active, or expired.</param>
    /// <param name="LastUsedAt">When it last signed in, to the minute.</param>
    public sealed record Response(
        SubjectId ClientId, string Name, string Description, string Role, IReadOnlyList<string>? Scopes, DateTimeOffset? ExpiresAt,
        IReadOnlyList<string>? AllowedIps, string State, SubjectId CreatedById, string CreatedByName, DateTimeOffset CreatedAt,
        DateTimeOffset? LastUsedAt, long Version, IReadOnlyList<Secret> Secrets, IReadOnlyList<Trust> Trusts);

    /// <param name="State">active, or expired.</param>
    /// <param name="LastUsedAt">To the minute.</param>
    public sealed record Secret(SecretId Id, string State, DateTimeOffset CreatedAt, DateTimeOffset? ExpiresAt, DateTimeOffset? LastUsedAt);

    /// <param name="LastUsedAt">To the minute.</param>
    public sealed record Trust(
        TrustId Id, string Issuer, string Audience, string SubjectPattern, DateTimeOffset CreatedAt, DateTimeOffset? LastUsedAt);

    internal static void MapGetServiceAccount(this IEndpointRouteBuilder accounts) =>
        accounts.MapGet("/{id}", HandleAsync).RequireAuthorization(Permission.ServiceAccountsRead).WithName(nameof(GetServiceAccount))
            .WithSummary("A service account, its secrets (never themselves) and its trusts.")
            .ProducesProblem(StatusCodes.Status404NotFound);

    private static async Task<Results<Ok<Response>, ProblemHttpResult>> HandleAsync(
        SubjectId id, Caller caller, HttpResponse http, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        // Account, secrets and trusts as they are at one moment.
        await using var tx = await db.BeginAsync(ct);
        if (await FindAsync(tx, caller.OrgId, id, clock.GetUtcNow()) is not { } found)
        {
            return Problems.NotFound();
        }

        IfMatch.Tell(http, found.Version);
        return TypedResults.Ok(found);
    }

    internal static async Task<Response?> FindAsync(Tx tx, OrganizationId organization, SubjectId id, DateTimeOffset now)
    {
        var parameters = new { organization, id, now };
        if (await tx.QuerySingleOrDefaultAsync<Row>(
            """
            select a.id, a.name, a.description, m.role, a.scopes, a.expires_at, a.allowed_ips,
                case when a.expires_at <= @now then 'expired' else 'active' end as state, a.created_by,
                c.display_name as creator, a.created_at, a.version
            from service_accounts a
            join active_memberships m on m.org_id = a.org_id and m.subject_id = a.id
            join subjects c on c.id = a.created_by
            where a.org_id = @organization and a.id = @id
            """, parameters) is not { } row)
        {
            return null;
        }

        var secrets = await tx.QueryAsync<Secret>(
            """
            select id, case when expires_at <= @now then 'expired' else 'active' end as state, created_at, expires_at, last_used_at
            from service_account_secrets where account_id = @id
            order by created_at, id
            """, parameters);
        var trusts = await tx.QueryAsync<Trust>(
            """
            select id, issuer, audience, subject_pattern, created_at, last_used_at
            from service_account_trusts where account_id = @id
            order by id
            """, parameters);
        var used = secrets.Select(secret => secret.LastUsedAt).Concat(trusts.Select(trust => trust.LastUsedAt)).Max();
        return new(
            row.Id, row.Name, row.Description, row.Role, row.Scopes, row.ExpiresAt, row.AllowedIps, row.State, row.CreatedBy, row.Creator,
            row.CreatedAt, used, row.Version, secrets, trusts);
    }

    private sealed record Row(
        SubjectId Id, string Name, string Description, string Role, string[]? Scopes, DateTimeOffset? ExpiresAt, string[]? AllowedIps,
        string State, SubjectId CreatedBy, string Creator, DateTimeOffset CreatedAt, long Version);
}
