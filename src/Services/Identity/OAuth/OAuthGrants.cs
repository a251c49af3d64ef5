using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.Tokens;
using EnvPlatform.Postgres;

namespace EnvPlatform.Identity.OAuth;

/// <summary>The statements about grants that more than one slice needs.</summary>
internal static class OAuthGrants
{
    /// <summary>
    /// Ends grants with all that was issued under them: codes and refresh tokens are refused from the commit on, access tokens by every
    /// gateway at once. The number of grants that were still good.
    /// </summary>
    public static async Task<int> RevokeAsync(Tx tx, IReadOnlyCollection<Guid> grants, DateTimeOffset now)
    {
        var ids = grants.ToArray();
        var ended = await tx.QueryAsync<Guid>(
            """
            with good as (select id from oauth_grants where id = any(@ids) and status = 'valid' order by id for update)
            update oauth_grants g set status = 'revoked' from good where g.id = good.id returning g.id
            """, new { ids });
        await EndAsync(tx, [.. ended], now);
        return ended.Count;
    }

    /// <summary>The same for what a subject has granted: for one organization only, or for any.</summary>
    public static async Task<int> RevokeAllAsync(Tx tx, SubjectId subject, OrganizationId? organization, DateTimeOffset now)
    {
        var ended = await tx.QueryAsync<Guid>(
            """
            with good as (
                select id from oauth_grants
                where subject_id = @subject and status = 'valid' and (@organization::uuid is null or org_id = @organization)
                order by id for update)
            update oauth_grants g set status = 'revoked' from good where g.id = good.id returning g.id
            """, new { subject, organization });
        await EndAsync(tx, [.. ended], now);
        return ended.Count;
    }

    private static async Task EndAsync(Tx tx, Guid[] grants, DateTimeOffset now)
    {
        if (grants.Length == 0)
        {
            return;
        }

        await tx.ExecuteAsync(
            "update oauth_tokens set status = 'revoked', version = version + 1 where grant_id = any(@grants) and status = 'valid'",
            new { grants });
        TokenStore.Publish(
            tx,
            await tx.QueryAsync<TokenId>(
                "update tokens set revoked_at = @now where grant_id = any(@grants) and revoked_at is null returning id",
                new { grants, now }),
            now);
    }
}
