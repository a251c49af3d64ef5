using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.Tokens;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Callers;

namespace EnvPlatform.Identity.Organizations;

/// <summary>An organization that the operator, or the platform itself, does something to.</summary>
internal sealed record OrganizationRow(OrganizationId Id, string Slug, string Name)
{
    /// <summary>The id in a path that holds a slug or an id; null for a slug.</summary>
    public static OrganizationId? IdOf(string org) => OrganizationId.TryParse(org, out var id) ? id : null;

    /// <summary>Who acts, for the audit log of the organization; the operator need not be a member.</summary>
    public Caller Seen(Caller caller) => caller with { Organization = new Membership(Id, Slug, Name, "") };

    /// <summary>Lets the gateways forget what they know of every member.</summary>
    public async Task ForgetAsync(Tx tx, DateTimeOffset now) => TokenStore.Publish(tx, await tx.QueryAsync<TokenId>(
        """
        select t.id
        from active_memberships m
        join tokens t on t.subject_id = m.subject_id
        where m.org_id = @Id and t.revoked_at is null and (t.expires_at is null or t.expires_at > @now)
        """, new { Id, now }), now);
}
