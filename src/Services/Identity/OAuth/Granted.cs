using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.SignIn;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Callers;

namespace EnvPlatform.Identity.OAuth;

/// <summary>What somebody has granted to a client.</summary>
/// <param name="Method">code or device.</param>
/// <param name="OrgId">The organization that it is good for, otherwise the one that the person joined first: where the log has it.</param>
/// <param name="IsMember">
/// Whether the person is in the organization that the grant is good for, which takes what came by a device's code; true where it is good
/// for all.
/// </param>
internal sealed record Granted(
    Guid Id, string ClientId, string ClientName, string Method, DateTimeOffset CreatedAt, SubjectId SubjectId, string Email,
    string DisplayName, OrganizationId? OrgId, string? Slug, bool IsMember, bool NewDevice)
{
    public static Task<Granted?> FindAsync(Tx tx, Guid id) => tx.QuerySingleOrDefaultAsync<Granted>(
        """
        select g.id, g.client_id, c.name as client_name, g.method, g.created_at, s.id as subject_id, s.email, s.display_name,
            o.id as org_id, o.slug,
            g.org_id is null or exists (
                select from active_memberships m
                join organization_settings d on d.org_id = m.org_id
                where m.org_id = g.org_id and m.subject_id = g.subject_id and (g.method <> 'device' or d.device_sign_in_allowed))
                and o.deleted_at is null as is_member,
            g.new_device
        from oauth_grants g
        join oauth_clients c on c.id = g.client_id
        join subjects s on s.id = g.subject_id
        left join organizations o on o.id = coalesce(
            g.org_id, (select m.org_id from active_memberships m where m.subject_id = s.id order by m.created_at, m.org_id limit 1))
        where g.id = @id
        """, new { id });

    public Caller ToCaller(RequestOrigin origin) => Caller.Of(
        SubjectId, "user", DisplayName, origin, AuthenticationFailures.Service, Email,
        organization: OrgId is { } id ? new Membership(id, Slug!, Slug!, "") : null);
}
