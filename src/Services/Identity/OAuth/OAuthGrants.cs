using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.Tokens;
using EnvPlatform.Postgres;

namespace EnvPlatform.Identity.OAuth;

/// <summary>The statements about grants that more than one slice needs.</summary>
internal static class OAuthGrants
{
    /// <summary>Whether a program can do anything yet under the grant <c>g</c> at the time <c>@Now</c>.</summary>
    public const string Live =
        """
        g.status = 'valid' and (
            exists (select from oauth_tokens l where l.grant_id = g.id and l.status = 'valid' and l.expires_at > @Now)
            or exists (select from tokens l where l.grant_id = g.id and l.revoked_at is null and l.expires_at > @Now))
        """;

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

    /// <summary>The same for what opens the organization to a subject's programs: granted for it, or for all of the subject's.</summary>
    public static async Task<List<EndedGrant>> RevokeOpeningAsync(Tx tx, SubjectId subject, OrganizationId organization, DateTimeOffset now)
    {
        var ended = await tx.QueryAsync<EndedGrant>(
            $"""
            with good as (
                select g.id from oauth_grants g
                where g.subject_id = @subject and (g.org_id is null or g.org_id = @organization) and {Live}
                order by g.id for update of g)
            update oauth_grants g set status = 'revoked' from good, oauth_clients c where g.id = good.id and c.id = g.client_id
            returning g.id, g.subject_id, c.id as client_id, c.name as client_name
            """, new { subject, organization, Now = now });
        await EndAsync(tx, [.. ended.Select(grant => grant.Id)], now);
        return ended;
    }

    /// <summary>The same for what was granted for the organization only, so many at most.</summary>
    /// <param name="subject">Whose; null: anybody's.</param>
    /// <param name="unusedSince">Used before that only; null: whenever.</param>
    /// <param name="current">The token that asks: its grant stays.</param>
    public static async Task<List<EndedGrant>> RevokeOfOrganizationAsync(
        Tx tx, OrganizationId organization, SubjectId? subject, DateTimeOffset? unusedSince, TokenId? current, int most, DateTimeOffset now)
    {
        var ended = await tx.QueryAsync<EndedGrant>(
            $"""
            with good as (
                select g.id from oauth_grants g
                where g.org_id = @organization and g.subject_id is not null and {Live}
                  and (@subject::uuid is null or g.subject_id = @subject)
                  and (@unusedSince::timestamptz is null or greatest(
                      g.created_at, (select max(c.created_at) from oauth_tokens c where c.grant_id = g.id),
                      (select max(t.last_used_at) from tokens t where t.grant_id = g.id)) < @unusedSince)
                  and not exists (select from tokens t where t.grant_id = g.id and t.id = @current::uuid)
                order by g.id limit @most for update of g)
            update oauth_grants g set status = 'revoked' from good, oauth_clients c where g.id = good.id and c.id = g.client_id
            returning g.id, g.subject_id, c.id as client_id, c.name as client_name
            """, new { organization, subject, unusedSince, current = current?.Value, most, Now = now });
        await EndAsync(tx, [.. ended.Select(grant => grant.Id)], now);
        return ended;
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

/// <summary>A grant that was ended.</summary>
internal sealed record EndedGrant(Guid Id, SubjectId SubjectId, string ClientId, string ClientName)
{
    public AuditTarget Target => new(Id.ToString(), null, "grant");
}
