using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.Members;
using EnvPlatform.Identity.Products;
using EnvPlatform.Identity.SignIn;
using EnvPlatform.Identity.Tokens;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

namespace EnvPlatform.Identity.Invitations;

/// <summary>An invitation that somebody answers, locked until the transaction ends.</summary>
/// <param name="IsVouchedFor">Whoever invites to more than membership must be an administrator still.</param>
internal sealed record Invitation(
    InvitationId Id, OrganizationId OrgId, string Slug, string Organization, string Email, string DisplayName, string Role,
    DateTimeOffset CreatedAt, DateTimeOffset ExpiresAt, string? EndedAs, bool IsVouchedFor)
{
    private const string Select =
        """
        select i.id, i.org_id, o.slug, o.name as organization, i.email, i.display_name, i.role, i.created_at, i.expires_at,
            i.ended_as,
            i.role = 'member' or exists (
                select from active_memberships m
                where m.org_id = i.org_id and m.subject_id = i.invited_by and m.role = 'administrator') as is_vouched_for
        from invitations i
        join organizations o on o.id = i.org_id and o.deleted_at is null
        """;

    public Membership Membership => new(OrgId, Slug, Organization, Role);

    public static Task<Invitation?> LockAsync(Tx tx, string token) => tx.QuerySingleOrDefaultAsync<Invitation>(
        $"{Select} where i.sha256 = @Sha256 for update of i", new { Sha256 = SecretFormat.Sha256(token) });

    /// <param name="email">Whom it must be for.</param>
    public static Task<Invitation?> LockAsync(Tx tx, InvitationId id, string? email) => tx.QuerySingleOrDefaultAsync<Invitation>(
        $"{Select} where i.id = @id and i.email = @email for update of i", new { id, email });

    /// <summary>Why the invitation cannot be accepted; null when it can.</summary>
    public static ProblemHttpResult? Refuse(Invitation? invitation, DateTimeOffset now) => invitation switch
    {
        null or { EndedAs: "accepted" or "declined" } => Problems.NotFound("There is no such invitation, or it has ended."),
        { EndedAs: "revoked" } => Problems.Conflict("invitation_revoked", "The invitation was withdrawn. Ask for another."),
        { EndedAs: not null } => Expired(),
        _ when invitation.ExpiresAt <= now => Expired(),
        { IsVouchedFor: false } => Problems.Conflict(
            "invitation_revoked", "Whoever invited is no administrator of the organization any more. Ask for another invitation."),
        _ => null,
    };

    public Task EndAsync(Tx tx, string how, DateTimeOffset now) => tx.ExecuteAsync(
        "update invitations set ended_at = @now, ended_as = @how where id = @Id", new { Id, how, now });

    /// <summary>
    /// Makes the person a member. Who is one stays as it is, and who was removed after it had been invited, or is suspended, stays out.
    /// </summary>
    /// <returns>Why not; null for success.</returns>
    public async Task<ProblemHttpResult?> AcceptAsync(Tx tx, Caller person, DateTimeOffset now)
    {
        var there = person with { Organization = Membership };
        var before = await Member.LockOneAsync(tx, OrgId, person.SubjectId);
        if (before?.State == Member.Suspended)
        {
            return Problems.Conflict("member_suspended", "The membership is suspended. Ask an administrator of the organization.");
        }

        if (before is { State: Member.Removed } && before.RemovedAt >= CreatedAt)
        {
            return Problems.Conflict("invitation_revoked", "The user was removed from the organization. Ask for another invitation.");
        }

        await EndAsync(tx, "accepted", now);
        tx.Audit(
            there, now, "invitation_accepted", new AuditTarget(Id.ToString(), Email, "invitation"),
            $"{person.DisplayName} accepted the invitation to {Slug}.", new { Role });
        var added = await tx.ExecuteAsync(
            """
            insert into memberships as m (org_id, subject_id, role, source, created_at)
            values (@OrgId, @SubjectId, @Role, 'invitation', @now)
            on conflict (org_id, subject_id) do update set
                role = excluded.role, source = excluded.source, created_at = excluded.created_at, removed_at = null, suspended_at = null,
                version = m.version + 1
            where m.removed_at is not null
            """, new { OrgId, person.SubjectId, Role, now });
        if (added == 1)
        {
            await Seats.JoinAsync(tx, there, person.SubjectId, now);
            await TokenStore.ForgetAsync(tx, person.SubjectId, now);
            tx.Audit(
                there, now, "organization_user_added", new AuditTarget(person.SubjectId.ToString(), person.Email, "user"),
                $"{person.DisplayName} was added as {Role}.", new { Role });
        }

        return null;
    }

    /// <summary>Withdraws the open invitations to more than membership of somebody who may not give that any more.</summary>
    public static async Task RevokeOfAsync(Tx tx, Caller caller, SubjectId inviter, DateTimeOffset now)
    {
        var revoked = await tx.QueryAsync<EndedRow>(
            """
            update invitations set ended_at = @now, ended_as = 'revoked'
            where org_id = @OrgId and invited_by = @inviter and role <> 'member' and ended_at is null
            returning id, org_id, email, role
            """, new { caller.OrgId, inviter, now });
        foreach (var row in revoked)
        {
            tx.Audit(
                caller, now, "invitation_revoked", new AuditTarget(row.Id.ToString(), row.Email, "invitation"),
                $"The invitation of {row.Email} was withdrawn: whoever invited is no administrator any more.",
                new { row.Role, reason = "inviter" });
        }
    }

    /// <summary>A token for the person to begin with, good for some days and for this organization only.</summary>
    public async Task<IssuedToken> IssueAsync(Tx tx, Caller person, DateTimeOffset expiresAt, DateTimeOffset now)
    {
        var issued = await TokenStore.IssueAsync(tx, person.SubjectId, OrgId, "initial", power: false, "initial token", expiresAt, now);
        tx.Audit(
            person with { Organization = Membership }, now, "token_created", new AuditTarget(issued.Id.ToString(), Email, "token"),
            $"An initial token was made for {person.DisplayName}.", new { name = "initial token", expires_at = expiresAt });
        return issued;
    }

    /// <summary>Notes which invitations have expired, a few hundred at a time: all, or that of an address in an organization.</summary>
    /// <returns>How many.</returns>
    public static async Task<int> ExpireAsync(Tx tx, DateTimeOffset now, OrganizationId? organization = null, string? email = null)
    {
        var expired = await tx.QueryAsync<EndedRow>(
            """
            update invitations set ended_at = expires_at, ended_as = 'expired'
            where id in (
                select id from invitations
                where ended_at is null and expires_at <= @now
                  and (@organization::uuid is null or org_id = @organization) and (@email::text is null or email = @email)
                order by expires_at limit 500 for update skip locked)
            returning id, org_id, email, role
            """, new { now, organization, email });
        foreach (var row in expired)
        {
            tx.Audit(
                Caller.OfSystem(AuthenticationFailures.Service, row.OrgId), now, "invitation_expired",
                new AuditTarget(row.Id.ToString(), row.Email, "invitation"), $"The invitation of {row.Email} expired.", new { row.Role });
        }

        return expired.Count;
    }

    private static ProblemHttpResult Expired() =>
        Problems.Conflict("invitation_expired", "The invitation has expired. Ask for another.");

    private sealed record EndedRow(InvitationId Id, OrganizationId OrgId, string Email, string Role);
}
