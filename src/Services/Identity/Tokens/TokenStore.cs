using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.OAuth;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Callers;

namespace EnvPlatform.Identity.Tokens;

/// <summary>A new token; <paramref name="Token"/> itself is stored nowhere.</summary>
internal sealed record IssuedToken(TokenId Id, string Token, DateTimeOffset? ExpiresAt);

/// <summary>What a token is narrowed to.</summary>
/// <param name="Scopes">Permissions that are left of its bearer's; null: all.</param>
/// <param name="AllowedIps">See <see cref="AllowedAddresses"/>.</param>
/// <param name="MachineId">The only machine that it is good for; null: any.</param>
internal sealed record TokenLimits(string[]? Scopes = null, string[]? AllowedIps = null, MachineId? MachineId = null);

/// <summary>The statements about tokens that more than one slice needs.</summary>
internal static class TokenStore
{
    /// <summary>
    /// So much of a token is shown again: with it, one that was found somewhere is told from others, and 23 of its 30 random characters
    /// (137 bits) are not known.
    /// </summary>
    public const int PrefixLength = 12;

    /// <param name="organization">The token is valid for this organization only; null: for all of the subject's.</param>
    /// <param name="kind">bootstrap, initial, personal, session, access or machine.</param>
    /// <param name="power">Whether the token carries the subject's operator rights.</param>
    /// <param name="limits">What the token is narrowed to; null: nothing.</param>
    /// <param name="grant">Under which the token is issued, and with which it ends; null for none.</param>
    public static async Task<IssuedToken> IssueAsync(
        Tx tx, SubjectId subject, OrganizationId? organization, string kind, bool power, string name,
        DateTimeOffset? expiresAt, DateTimeOffset now, TokenLimits? limits = null, Guid? grant = null)
    {
        var issued = new IssuedToken(TokenId.New(now), SecretFormat.New(SecretFormat.TokenPrefix), expiresAt);
        await tx.ExecuteAsync(
            """
            insert into tokens (
                id, sha256, prefix, subject_id, org_id, kind, operator, name, created_at, expires_at, scopes, allowed_ips, machine_id,
                authenticated_at, grant_id)
            values (
                @Id, @Sha256, @Prefix, @subject, @organization, @kind, @power, @name, @now, @expiresAt, @Scopes, @AllowedIps, @MachineId,
                case when @kind = 'session' then @now end, @grant)
            """,
            new
            {
                issued.Id,
                Sha256 = SecretFormat.Sha256(issued.Token),
                Prefix = issued.Token[..PrefixLength],
                subject,
                organization,
                kind,
                power,
                name,
                now,
                expiresAt,
                limits?.Scopes,
                limits?.AllowedIps,
                limits?.MachineId,
                grant,
            });
        return issued;
    }

    /// <summary>
    /// Revokes the subject's tokens, and what it has granted to clients: all, or those that are valid for one organization only; the
    /// gateways drop them at once.
    /// </summary>
    public static async Task<int> RevokeAllAsync(Tx tx, SubjectId subject, OrganizationId? organization, DateTimeOffset now)
    {
        var granted = await OAuthGrants.RevokeAllAsync(tx, subject, organization, now);
        var revoked = await tx.QueryAsync<TokenId>(
            """
            update tokens set revoked_at = @now
            where subject_id = @subject and revoked_at is null and (@organization::uuid is null or org_id = @organization)
            returning id
            """, new { subject, organization, now });
        Publish(tx, revoked, now);
        return revoked.Count + granted;
    }

    /// <summary>
    /// Ends everything that the subject's password once opened: the sessions, wherever it is signed in, and what programs were let do.
    /// Sessions first: one in which something is granted at that moment is locked by it, and what it granted ends too.
    /// </summary>
    public static async Task<(int Sessions, int Grants)> RevokeSignInsAsync(Tx tx, SubjectId subject, DateTimeOffset now)
    {
        var revoked = await tx.QueryAsync<TokenId>(
            """
            update tokens set revoked_at = @now
            where subject_id = @subject and kind = 'session' and revoked_at is null
            returning id
            """, new { subject, now });
        Publish(tx, revoked, now);
        return (revoked.Count, await OAuthGrants.RevokeAllAsync(tx, subject, null, now));
    }

    /// <summary>Makes the gateways drop their answers about the subject, because its permissions changed.</summary>
    public static async Task ForgetAsync(Tx tx, SubjectId subject, DateTimeOffset now) =>
        Publish(tx, await tx.QueryAsync<TokenId>(
            "select id from tokens where subject_id = @subject and revoked_at is null and (expires_at is null or expires_at > @now)",
            new { subject, now }), now);

    public static void Publish(Tx tx, IReadOnlyList<TokenId> tokens, DateTimeOffset now)
    {
        foreach (var some in tokens.Chunk(500))
        {
            tx.Publish(new TokenRevoked(some, now));
        }
    }
}
