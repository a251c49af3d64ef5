using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.Groups;
using EnvPlatform.Identity.Members;
using EnvPlatform.Identity.Products;
using EnvPlatform.Identity.SignIn;
using EnvPlatform.Identity.Tokens;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Invitations;

/// <summary>An invitation that somebody answers, locked until the transaction ends.</summary>
/// <param name="Email">Whom it is for, in lower case; null for a link, which several people may follow.</param>
/// <param name="EmailDomain">Of whoever follows the link, in lower case; null: any.</param>
/// <param name="IsMailed">Whether its token is known to nobody but who reads the mail to <paramref name="Email"/>.</param>
/// <param name="InvitedBy">The name of who did.</param>
/// <param name="IsVouchedFor">Whoever invites to more than membership must be an administrator still.</param>
internal sealed record Invitation(
    InvitationId Id, OrganizationId OrgId, string Slug, string Organization, string? Email, string DisplayName, string Role,
    string? EmailDomain, bool IsMailed, SubjectId InvitedById, string InvitedBy, DateTimeOffset CreatedAt, DateTimeOffset ExpiresAt,
    string? EndedAs, Guid[] GroupIds, string[] Products, bool IsVouchedFor)
{
    private const string Select =
        """
        select i.id, i.org_id, o.slug, o.name as organization, i.email, i.display_name, i.role, i.email_domain,
            i.mail_state is not null as is_mailed, i.invited_by as invited_by_id, s.display_name as invited_by,
            i.created_at, i.expires_at, i.ended_as, i.group_ids, i.products,
            i.role = 'member' or exists (
                select from active_memberships m
                where m.org_id = i.org_id and m.subject_id = i.invited_by and m.role = 'administrator') as is_vouched_for
        from invitations i
        join organizations o on o.id = i.org_id and o.deleted_at is null
        join subjects s on s.id = i.invited_by
        """;

    /// <summary>The role of somebody who was a member already; null for others.</summary>
    private string? _present;

    /// <summary>Whether accepting found a member that stayed as it was.</summary>
    public bool WasMember => _present is not null;

    public Membership Membership => new(OrgId, Slug, Organization, _present ?? Role);

    /// <summary>As the audit log names it: the address, or what the link is.</summary>
    public AuditTarget Target => TargetOf(Id, Email);

    public static AuditTarget TargetOf(InvitationId id, string? email) => new(id.ToString(), email, "invitation");

    /// <summary>The invitation in a sentence.</summary>
    public static string NameOf(string? email) => email is null ? "invitation link" : $"invitation of {email}";

    /// <summary>What the token's bearer may know. Null when there is no such token.</summary>
    public static Task<Invitation?> FindAsync(NpgsqlDataSource db, string token, CancellationToken ct) =>
        db.QuerySingleOrDefaultAsync<Invitation>($"{Select} where i.sha256 = @Sha256", new { Sha256 = SecretFormat.Sha256(token) }, ct);

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

    /// <summary>
    /// Whether the invitation is meant for this address. Addresses are compared as they are, but for case: dots and plus signs count.
    /// </summary>
    public bool IsFor(string? email) => email is not null && (Email is null
        ? EmailDomain is null || email.EndsWith("@" + EmailDomain, StringComparison.Ordinal)
        : email == Email);

    public static ProblemHttpResult EmailMismatch() => Problems.Of(
        StatusCodes.Status403Forbidden, "email_mismatch", "Not allowed.",
        "The invitation is for another address. Sign in to the account of that address.");

    /// <summary>Somebody declines. The organization learns that, and nothing of who did.</summary>
    /// <param name="person">Who has an account, or the platform for who has only the token: known to the operator's log.</param>
    /// <returns>Why not; null for success.</returns>
    public async Task<ProblemHttpResult?> DeclineAsync(Tx tx, Caller person, DateTimeOffset now)
    {
        if (Email is null)
        {
            return Problems.Conflict("invitation_link", "A link is for several people, and nobody declines it for the others.");
        }

        await tx.ExecuteAsync("update invitations set ended_at = @now, ended_as = 'declined' where id = @Id", new { Id, now });
        await Seats.ReleaseAsync(tx, OrgId, Id);
        var message = $"The invitation of {Email} to {Slug} was declined.";
        tx.Audit(Caller.OfSystem(AuthenticationFailures.Service, OrgId), now, "invitation_declined", Target, message, new { Role });
        tx.Audit(
            person with { Organization = null }, now, "invitation_declined", Target, message, new { organization = Slug, Role });
        return null;
    }

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

        _present = before is { State: Member.Active } ? before.Role : null;
        if (_present is not null && Email is null)
        {
            return null;
        }

        if (!await UseAsync(tx, now))
        {
            return Problems.NotFound("There is no such invitation, or it has ended.");
        }

        if (IsMailed && Email == person.Email)
        {
            await tx.ExecuteAsync(
                "update subjects set email_verified_at = @now where id = @SubjectId and email_verified_at is null",
                new { person.SubjectId, now });
        }

        tx.Audit(
            there, now, "invitation_accepted", Target, $"{person.DisplayName} accepted the invitation to {Slug}.",
            new { Role, kind = Email is null ? "link" : "email" });
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
            await ProductRow.LockAllAsync(tx, OrgId);
            await Seats.ClaimAsync(tx, there, person.SubjectId, Id, now);
            await Seats.JoinAsync(tx, there, person.SubjectId, now);
            var groups = await GroupMembers.JoinAsync(
                tx, there, person.SubjectId, [.. GroupIds.Select(group => new GroupId(group))], now);
            await TokenStore.ForgetAsync(tx, person.SubjectId, now);
            tx.Audit(
                there, now, "organization_user_added", new AuditTarget(person.SubjectId.ToString(), person.Email, "user"),
                $"{person.DisplayName} was added as {Role}.", new { Role, groups, groups_gone = GroupIds.Length - groups.Count });
        }
        else
        {
            await Seats.ReleaseAsync(tx, OrgId, Id);
        }

        return null;
    }

    /// <summary>Whether the person is an active member, as <see cref="WasMember"/> says from now on.</summary>
    public async Task<bool> FindMemberAsync(Tx tx, SubjectId person)
    {
        _present = await Member.LockOneAsync(tx, OrgId, person) is { State: Member.Active } member ? member.Role : null;
        return WasMember;
    }

    /// <summary>Counts somebody who accepts; the last one ends it. False when there were enough.</summary>
    public async Task<bool> UseAsync(Tx tx, DateTimeOffset now) => await tx.ExecuteAsync(
        """
        update invitations set
            uses = uses + 1,
            ended_at = case when uses + 1 >= coalesce(max_uses, 1) then @now::timestamptz end,
            ended_as = case when uses + 1 >= coalesce(max_uses, 1) then 'accepted' end
        where id = @Id and ended_at is null and uses < coalesce(max_uses, 1)
        """, new { Id, now }) == 1;

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
            await Seats.ReleaseAsync(tx, row.OrgId, row.Id);
            tx.Audit(
                caller, now, "invitation_revoked", TargetOf(row.Id, row.Email),
                $"The {NameOf(row.Email)} was withdrawn: whoever invited is no administrator any more.",
                new { row.Role, reason = "inviter" });
        }
    }

    /// <summary>A token for the person to begin with, good for some days and for this organization only.</summary>
    public async Task<IssuedToken> IssueAsync(Tx tx, Caller person, DateTimeOffset expiresAt, DateTimeOffset now)
    {
        var issued = await TokenStore.IssueAsync(tx, person.SubjectId, OrgId, "initial", power: false, "initial token", expiresAt, now);
        tx.Audit(
            person with { Organization = Membership }, now, "token_created", new AuditTarget(issued.Id.ToString(), person.Email, "token"),
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
            await Seats.ReleaseAsync(tx, row.OrgId, row.Id);
            tx.Audit(
                Caller.OfSystem(AuthenticationFailures.Service, row.OrgId), now, "invitation_expired",
                TargetOf(row.Id, row.Email), $"The {NameOf(row.Email)} expired.", new { row.Role });
        }

        return expired.Count;
    }

    private static ProblemHttpResult Expired() =>
        Problems.Conflict("invitation_expired", "The invitation has expired. Ask for another.");

    private sealed record EndedRow(InvitationId Id, OrganizationId OrgId, string? Email, string Role);
}
