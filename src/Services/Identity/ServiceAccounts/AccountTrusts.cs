using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;

using Npgsql;

namespace EnvPlatform.Identity.ServiceAccounts;

/// <summary>Which tokens of other issuers a service account trusts.</summary>
internal static class AccountTrusts
{
    private static readonly TimeSpan LastUsedStep = TimeSpan.FromMinutes(1);

    public static Task<List<Row>> OfAsync(NpgsqlDataSource db, SubjectId account, CancellationToken ct) =>
        db.QueryAsync<Row>(
            "select id, issuer, audience, subject_pattern from service_account_trusts where account_id = @account order by id",
            new { account }, ct);

    /// <summary>False when the trust was taken away; otherwise it is there until the transaction ends.</summary>
    public static async Task<bool> NoteUseAsync(Tx tx, TrustId trust, DateTimeOffset now)
    {
        if (await tx.QuerySingleOrDefaultAsync<Guid?>(
            "select id from service_account_trusts where id = @trust for share", new { trust }) is null)
        {
            return false;
        }

        await tx.ExecuteAsync(
            "update service_account_trusts set last_used_at = @now where id = @trust and (last_used_at is null or last_used_at < @Before)",
            new { trust, now, Before = now - LastUsedStep });
        return true;
    }

    internal sealed record Row(TrustId Id, string Issuer, string Audience, string SubjectPattern);
}
