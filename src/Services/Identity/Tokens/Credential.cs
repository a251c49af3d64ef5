using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Tokens;

/// <summary>The token that a request came with. What its bearer may do with other credentials, and where, depends on it.</summary>
/// <param name="OrgId">Null: good for all organizations of its bearer.</param>
/// <param name="Kind">bootstrap, initial, personal, session or access.</param>
internal sealed record Credential(OrganizationId? OrgId, string Kind, DateTimeOffset? ExpiresAt)
{
    /// <summary>Null when the token is void by now.</summary>
    public static Task<Credential?> FindAsync(NpgsqlDataSource db, Caller caller, DateTimeOffset now, CancellationToken ct) =>
        db.QuerySingleOrDefaultAsync<Credential>(
            """
            select org_id, kind, expires_at from tokens
            where id = @TokenId and subject_id = @SubjectId and revoked_at is null and (expires_at is null or expires_at > @now)
            """, new { TokenId = caller.TokenId?.Value, caller.SubjectId, now }, ct);

    /// <summary>The answer to whom <see cref="FindAsync"/> finds nothing for.</summary>
    public static ProblemHttpResult Void() =>
        Problems.Of(StatusCodes.Status401Unauthorized, "unauthorized", "Sign in first.", "The request carries no good token.");
}
