using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Callers;

using Npgsql;

namespace EnvPlatform.Identity.Invitations;

/// <summary>
/// What whoever holds an invitation's token sees of it before it answers. Looking changes nothing: scanners of mail open every link.
/// </summary>
/// <param name="Email">Whom it is for, shown masked; null for a link, which several people may follow.</param>
/// <param name="EmailDomain">Of whoever follows the link; null: any.</param>
/// <param name="DisplayName">What the administrator called the person.</param>
internal sealed record InvitationPreview(
    string Organization, string InvitedBy, string? Email, string? EmailDomain, string DisplayName, DateTimeOffset ExpiresAt,
    string? EndedAs)
{
    /// <summary>The first letter and the domain: enough to know one's own address by.</summary>
    public string? MaskedEmail => Email is null ? null : Email[..1] + "•••" + Email[Email.LastIndexOf('@')..];

    /// <summary>Whether it is meant for this address, as <see cref="Invitation.IsFor"/> says.</summary>
    public bool IsFor(string? email) => email is not null && (Email is null
        ? EmailDomain is null || email.EndsWith("@" + EmailDomain, StringComparison.Ordinal)
        : email == Email);

    public bool IsOpen(DateTimeOffset now) => EndedAs is null && ExpiresAt > now;

    public static Task<InvitationPreview?> FindAsync(NpgsqlDataSource db, string token, CancellationToken ct) =>
        db.QuerySingleOrDefaultAsync<InvitationPreview>(
            """
            select o.name as organization, s.display_name as invited_by, i.email, i.email_domain, i.display_name, i.expires_at, i.ended_as
            from invitations i
            join organizations o on o.id = i.org_id and o.deleted_at is null
            join subjects s on s.id = i.invited_by
            where i.sha256 = @Sha256
            """, new { Sha256 = SecretFormat.Sha256(token) }, ct);
}
