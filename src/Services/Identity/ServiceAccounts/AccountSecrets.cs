using System.Security.Cryptography;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.Tokens;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Callers;

using Npgsql;

namespace EnvPlatform.Identity.ServiceAccounts;

/// <summary>
/// The client secrets of service accounts. Two are good at a time at most: rotation adds the second, deploys it, sees that the first is not
/// used any more, and deletes it.
/// </summary>
internal static class AccountSecrets
{
    public const int MostGood = 2;
    private static readonly TimeSpan LastUsedStep = TimeSpan.FromMinutes(1);

    /// <returns>The id and the secret itself, which is stored nowhere.</returns>
    public static async Task<(SecretId Id, string Secret)> IssueAsync(
        Tx tx, SubjectId account, SubjectId by, DateTimeOffset? expiresAt, DateTimeOffset now)
    {
        var (id, secret) = (SecretId.New(now), SecretFormat.New(SecretFormat.ClientSecretPrefix));
        await tx.ExecuteAsync(
            """
            insert into service_account_secrets (id, account_id, sha256, created_by, created_at, expires_at)
            values (@id, @account, @Sha256, @by, @now, @expiresAt)
            """, new { id, account, Sha256 = SecretFormat.Sha256(secret), by, now, expiresAt });
        return (id, secret);
    }

    /// <summary>Which of the account's good secrets this is, compared in constant time; null when it is none.</summary>
    public static async Task<SecretId?> FindAsync(
        NpgsqlDataSource db, SubjectId account, string secret, DateTimeOffset now, CancellationToken ct)
    {
        var good = await db.QueryAsync<Row>(
            "select id, sha256 from service_account_secrets where account_id = @account and (expires_at is null or expires_at > @now)",
            new { account, now }, ct);
        var sha256 = SecretFormat.Sha256(secret);
        SecretId? found = null;
        foreach (var row in good)
        {
            found = CryptographicOperations.FixedTimeEquals(sha256, row.Sha256) ? row.Id : found;
        }

        return SecretFormat.IsWellFormed(secret, SecretFormat.ClientSecretPrefix) ? found : null;
    }

    /// <summary>False when the secret was deleted; otherwise it is there until the transaction ends.</summary>
    public static async Task<bool> NoteUseAsync(Tx tx, SecretId secret, DateTimeOffset now)
    {
        if (await tx.QuerySingleOrDefaultAsync<Guid?>(
            "select id from service_account_secrets where id = @secret for share", new { secret }) is null)
        {
            return false;
        }

        await tx.ExecuteAsync(
            """
            update service_account_secrets set last_used_at = @now
            where id = @secret and (last_used_at is null or last_used_at < @Before)
            """,
            new { secret, now, Before = now - LastUsedStep });
        return true;
    }

    /// <summary>Deletes a secret and voids the access tokens that were made with it.</summary>
    /// <returns>How many tokens; null when the account has no such secret.</returns>
    public static async Task<int?> DeleteAsync(Tx tx, SubjectId account, SecretId secret, DateTimeOffset now)
    {
        var sha256 = await tx.QuerySingleOrDefaultAsync<byte[]>(
            "delete from service_account_secrets where account_id = @account and id = @secret returning sha256", new { account, secret });
        if (sha256 is null)
        {
            return null;
        }

        // A previous version that still runs would let it in.
        await tx.ExecuteAsync(
            "update service_accounts set secret_sha256 = null where id = @account and secret_sha256 = @sha256", new { account, sha256 });
        var revoked = await tx.QueryAsync<TokenId>(
            "update tokens set revoked_at = @now where subject_id = @account and secret_id = @secret and revoked_at is null returning id",
            new { account, secret, now });
        TokenStore.Publish(tx, revoked, now);
        return revoked.Count;
    }

    private sealed record Row(SecretId Id, byte[] Sha256);
}
