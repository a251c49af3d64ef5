using System.ComponentModel.DataAnnotations;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.Mail;
using EnvPlatform.Identity.Members;
using EnvPlatform.Identity.Organizations;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

namespace EnvPlatform.Identity.Invitations;

/// <summary>An invitation that is about to be made.</summary>
/// <param name="Email">In lower case; null for a link.</param>
/// <param name="MaxUses">How many people may follow the link; null for an address.</param>
internal sealed record NewInvitation(
    string? Email, string DisplayName, string Role, DateTimeOffset ExpiresAt, string? Message = null, int? MaxUses = null,
    string? EmailDomain = null, IReadOnlyList<GroupId>? GroupIds = null, IReadOnlyList<string>? Products = null)
{
    /// <summary>Invitations that an organization may give out in 24 hours, those that are given out again included.</summary>
    public const int MostADay = 500;

    private static readonly EmailAddressAttribute Address = new();

    /// <summary>An address as it is stored and compared; null when it is none that mail could be sent to.</summary>
    public static string? AddressOf(string text)
    {
        var address = text.Trim().ToLowerInvariant();
        return address.Length <= 320 && Address.IsValid(address) && !PlainText.HoldsControl(address)
            && MimeKit.MailboxAddress.TryParse(address, out var parsed) && parsed.Address == address ? address : null;
    }

    /// <summary>The name of somebody of whom only the address is known.</summary>
    public static string NameOf(string email) => email[..email.IndexOf('@', StringComparison.Ordinal)];

    /// <summary>Whether the organization's settings let the address, or the domain of a link, be invited.</summary>
    public static bool Allows(OrganizationSettings settings, string? domain) =>
        settings.AllowedEmailDomains.Length == 0 || (domain is not null && settings.AllowedEmailDomains.Contains(domain));

    public static string DomainOf(string email) => email[(email.LastIndexOf('@') + 1)..];

    /// <summary>The states of those of the addresses that are, or were, members.</summary>
    public static async Task<Dictionary<string, string>> StatesAsync(
        Tx tx, OrganizationId organization, IReadOnlyCollection<string> emails) =>
        (await tx.QueryAsync<(string Email, string State)>(
            $"""
            select s.email, {Member.StateOf} as state
            from memberships m join subjects s on s.id = m.subject_id
            where m.org_id = @organization and s.email = any(@Emails)
            """, new { organization, Emails = emails.ToArray() })).ToDictionary(row => row.Email, row => row.State, StringComparer.Ordinal);

    /// <summary>Counts what is about to be given out; one who counts waits for another.</summary>
    /// <returns>The refusal of more than an organization may in a day; null for none.</returns>
    public static async Task<ProblemHttpResult?> CountAsync(
        Tx tx, OrganizationId organization, int count, HttpResponse http, DateTimeOffset now)
    {
        await tx.ExecuteAsync("select from organizations where id = @organization for no key update", new { organization });
        var sent = await tx.QuerySingleAsync<long>(
            "select coalesce(sum(sends), 0) from invitations where org_id = @organization and sent_at > @Since",
            new { organization, Since = now.AddDays(-1) });
        if (sent + count <= MostADay)
        {
            return null;
        }

        http.Headers.RetryAfter = "3600";
        return Problems.Of(
            StatusCodes.Status429TooManyRequests, "too_many_requests", "Too many requests.",
            $"An organization gives out {MostADay} invitations in 24 hours at most; it did {sent}.");
    }

    /// <summary>Stores and tells.</summary>
    /// <param name="byMail">Send its token by mail, and show it to nobody.</param>
    /// <returns>Its id and, unless it goes by mail, its token; null when the address has an open invitation.</returns>
    public async Task<(InvitationId Id, string? Token)?> AddAsync(
        Tx tx, Caller caller, OrganizationId organization, SubjectId invitedBy, bool byMail, DateTimeOffset now)
    {
        var (id, token) = (InvitationId.New(now), SecretFormat.New(SecretFormat.InvitationPrefix));
        var created = await tx.ExecuteAsync(
            """
            insert into invitations (
                id, org_id, email, display_name, role, sha256, invited_by, created_at, expires_at, max_uses, email_domain, message, sent_at,
                mail_state, mail_due_at, group_ids, products)
            values (
                @id, @organization, @Email, @DisplayName, @Role, @Sha256, @invitedBy, @now, @ExpiresAt, @MaxUses, @EmailDomain, @Message,
                @now, @MailState, @MailDueAt, @Groups, @Products)
            on conflict (org_id, email) where ended_at is null do nothing
            """,
            new
            {
                id,
                organization,
                Email,
                DisplayName,
                Role,
                Sha256 = SecretFormat.Sha256(token),
                invitedBy,
                now,
                ExpiresAt,
                MaxUses,
                EmailDomain,
                Message,
                Groups = GroupIds?.Select(group => group.Value).Distinct().ToArray() ?? [],
                Products = Products?.Distinct().ToArray() ?? [],
                MailState = byMail ? "queued" : null,
                MailDueAt = byMail ? now : (DateTimeOffset?)null,
            });
        if (created == 0)
        {
            return null;
        }

        if (byMail)
        {
            await tx.ExecuteAsync("select pg_notify(@Channel, '')", new { SendInvitationMails.Channel });
        }

        tx.Audit(
            caller, now, "invitation_created", Invitation.TargetOf(id, Email),
            Email is null ? $"{caller.DisplayName} made an invitation link for {MaxUses} people."
                : $"{caller.DisplayName} invited {Email} as {Role}.",
            new
            {
                DisplayName,
                Role,
                expires_at = ExpiresAt,
                kind = Email is null ? "link" : "email",
                max_uses = MaxUses,
                email_domain = EmailDomain,
                by_mail = byMail,
                group_ids = GroupIds,
                Products,
            });
        return (id, byMail ? null : token);
    }
}
