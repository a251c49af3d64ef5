using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Tokens;

/// <summary>The token that a request came with. What its bearer may do with other credentials, and where, depends on it.</summary>
/// <param name="OrgId">Null: good for all organizations of its bearer.</param>
/// <param name="Kind">bootstrap, initial, personal, session, access or machine.</param>
/// <param name="AllowedIps">From where it is good; null: from everywhere.</param>
/// <param name="MachineId">The only machine that it is good for; null: any.</param>
internal sealed record Credential(
    OrganizationId? OrgId, string Kind, DateTimeOffset? ExpiresAt, string[]? AllowedIps, MachineId? MachineId)
{
    /// <summary>
    /// Whose bootstrap token its bearer manages with it: with the bootstrap token itself, which a narrower token or a session must not end.
    /// </summary>
    public SubjectId? Manages(Caller caller) => Kind == "bootstrap" ? caller.SubjectId : null;

    /// <summary>
    /// Until when a token that is made with this one may be good. Signing in, or coming by an invitation, is what tokens are made after, so
    /// those may outlive it by as long as anybody's; a token that was given an end does not get past it by another.
    /// </summary>
    public DateTimeOffset LatestExpiry(DateTimeOffset now, int maxDays)
    {
        var latest = now.AddDays(maxDays);
        return Kind is not ("session" or "initial") && ExpiresAt < latest ? ExpiresAt.Value : latest;
    }

    /// <summary>Null when the token is void by now.</summary>
    public static Task<Credential?> FindAsync(NpgsqlDataSource db, Caller caller, DateTimeOffset now, CancellationToken ct) =>
        db.QuerySingleOrDefaultAsync<Credential>(
            """
            select org_id, kind, expires_at, allowed_ips, machine_id from tokens
            where id = @TokenId and subject_id = @SubjectId and revoked_at is null and (expires_at is null or expires_at > @now)
            """, new { TokenId = caller.TokenId?.Value, caller.SubjectId, now }, ct);

    /// <summary>The answer to whom a token that is good for less than all of its bearer's organizations is not enough.</summary>
    public static ProblemHttpResult TooNarrow() => Problems.Of(
        StatusCodes.Status403Forbidden, "token_too_narrow", "Not allowed.",
        "The token is not good for all of the account. Sign in by password.");

    /// <summary>The answer to whom <see cref="FindAsync"/> finds nothing for.</summary>
    public static ProblemHttpResult Void() =>
        Problems.Of(StatusCodes.Status401Unauthorized, "unauthorized", "Sign in first.", "The request carries no good token.");
}
