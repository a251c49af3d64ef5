using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;

using Npgsql;

namespace EnvPlatform.Identity.OAuth;

/// <summary>An organization that a person can let a client act in.</summary>
/// <param name="DeviceSignInAllowed">Whether a code from another device may sign in to it.</param>
public sealed record Choice(OrganizationId Id, string Slug, string Name, bool DeviceSignInAllowed)
{
    /// <summary>The value of a form that means all of the person's organizations, also those that it joins later.</summary>
    public const string All = "*";

    private const string Select =
        """
        select o.id, o.slug, o.name, g.device_sign_in_allowed
        from active_memberships m
        join organizations o on o.id = m.org_id and o.deleted_at is null
        join organization_settings g on g.org_id = m.org_id
        where m.subject_id = @subject
        order by m.created_at, m.org_id
        """;

    public static Task<List<Choice>> ListAsync(NpgsqlDataSource db, SubjectId subject, CancellationToken ct) =>
        db.QueryAsync<Choice>(Select, new { subject }, ct);

    public static Task<List<Choice>> ListAsync(Tx tx, SubjectId subject) => tx.QueryAsync<Choice>(Select, new { subject });
}
