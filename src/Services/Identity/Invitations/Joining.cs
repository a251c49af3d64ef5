using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.Mail;
using EnvPlatform.Identity.Products;
using EnvPlatform.Identity.SignIn;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Identity.Invitations;

/// <summary>Makes the account of somebody who is invited, and its membership: for the API and the page.</summary>
internal sealed class Joining(
    NpgsqlDataSource db, AuthenticationFailures failures, PasswordChecks passwords, MailSender mail, IOptions<IdentityOptions> options)
{
    /// <summary>The account, and the invitation that made it a member.</summary>
    internal sealed record Joined(Caller Person, Invitation Invitation);

    /// <returns>
    /// Why not, or who is a member now. Neither where a link was answered by a mail to the address, and <paramref name="tx"/> is committed.
    /// Otherwise the caller commits.
    /// </returns>
    public async Task<(ProblemHttpResult? Refusal, Joined? Joined)> JoinAsync(
        Tx tx, JoinByInvitation.Request request, RequestOrigin origin, HttpResponse http, DateTimeOffset now, CancellationToken ct)
    {
        // Whoever follows a link says its address itself, and could learn which have an account.
        var given = request.Email is { } text ? NewInvitation.AddressOf(text) : null;
        var tries = given is null ? null : new SignInTries(given, origin.SourceNetwork, options.Value);
        if (tries is not null && await tries.TakeAsync(db, now, ct) is { } wait)
        {
            return (TooMany(http, wait, "Too many accounts were asked for from this address."), null);
        }

        var invitation = await Invitation.LockAsync(tx, request.Token);
        if (Invitation.Refuse(invitation, now) is { } refusal)
        {
            await failures.RecordAsync($"address {origin.SourceNetwork}", null, "bad_invitation", origin, ct);
            return (refusal, null);
        }

        if ((invitation!.Email ?? given) is not { } email)
        {
            return (Problems.Invalid("email", "Say your e-mail address: the invitation is a link for several people."), null);
        }

        if (!invitation.IsFor(email))
        {
            return (Invitation.EmailMismatch(), null);
        }

        var name = request.DisplayName ?? (invitation.Email is null ? NewInvitation.NameOf(email) : invitation.DisplayName);
        if (PasswordRules.Refuse(request.Password, name, email, invitation.Organization) is { } reason)
        {
            return (Problems.Invalid("password", reason), null);
        }

        if (invitation is { Email: null, EmailDomain: not null } && mail.IsOn)
        {
            return (await MailAsync(tx, invitation, email, origin, http, now), null);
        }

        var person = Caller.Of(SubjectId.New(now), "user", name, origin, AuthenticationFailures.Service, email);
        if (await AddAsync(tx, person, invitation, request.Password, origin, http, now, ct) is { } refused)
        {
            return (refused, null);
        }

        if (tries is not null)
        {
            await tries.GiveBackAsync(tx);
        }

        return (null, new(person, invitation));
    }

    private async Task<ProblemHttpResult?> AddAsync(
        Tx tx, Caller person, Invitation invitation, string password, RequestOrigin origin, HttpResponse http, DateTimeOffset now,
        CancellationToken ct)
    {
        var hasAccount = await HasAccountAsync(tx, person.Email!);
        var hash = hasAccount ? null : await passwords.HashAsync(password, ct);
        if (!hasAccount && hash is null)
        {
            return TooMany(http, TimeSpan.FromSeconds(1), "Too many passwords wait to be hashed.");
        }

        if (hasAccount || await CreateAsync(tx, person, hash!, now) == 0)
        {
            // Whoever holds the token learns here that there is an account; the operator's log shows who tries.
            await failures.RecordAsync($"invitation {invitation.Id}", null, "account_exists", origin, ct);
            return Problems.Conflict("account_exists", "The address has an account. Sign in to it and accept the invitation there.");
        }

        return await invitation.AcceptAsync(tx, person, now);
    }

    private static ProblemHttpResult TooMany(HttpResponse http, TimeSpan wait, string detail)
    {
        http.Headers.RetryAfter = ((int)Math.Ceiling(wait.TotalSeconds)).ToString();
        return Problems.Of(StatusCodes.Status429TooManyRequests, "too_many_requests", "Too many requests.", detail);
    }

    /// <summary>
    /// Only who reads the mail of an address shows that it is of the domain: the link gives an invitation by mail. The answer is the same
    /// whoever has an account, is a member or was invited.
    /// </summary>
    private static async Task<ProblemHttpResult?> MailAsync(
        Tx tx, Invitation link, string email, RequestOrigin origin, HttpResponse http, DateTimeOffset now)
    {
        if (await NewInvitation.CountAsync(tx, link.OrgId, 1, http, now) is { } tooMany)
        {
            return tooMany;
        }

        var states = await NewInvitation.StatesAsync(tx, link.OrgId, [email]);
        var invitation = new NewInvitation(email, NewInvitation.NameOf(email), Roles.Member, link.ExpiresAt,
            GroupIds: [.. link.GroupIds.Select(group => new GroupId(group))], Products: link.Products);
        var platform = Caller.OfSystem(AuthenticationFailures.Service, link.OrgId, origin);
        if (states.GetValueOrDefault(email) is null
            && await invitation.AddAsync(tx, platform, link.OrgId, link.InvitedById, byMail: true, now) is { } made)
        {
            await Seats.PassOnAsync(tx, link.OrgId, link.Id, made.Id);
            await link.UseAsync(tx, now);
            await tx.CommitAsync();
        }

        return null;
    }

    /// <summary>Asked first, so that no password is hashed in vain.</summary>
    private static Task<bool> HasAccountAsync(Tx tx, string email) =>
        tx.QuerySingleAsync<bool>("select exists (select from subjects where email = @email)", new { email });

    private static Task<int> CreateAsync(Tx tx, Caller person, string hash, DateTimeOffset now) => tx.ExecuteAsync(
        """
        insert into subjects (id, type, email, display_name, password_hash, created_at)
        values (@SubjectId, 'user', @Email, @DisplayName, @hash, @now)
        on conflict (email) where email is not null do nothing
        """, new { person.SubjectId, person.Email, person.DisplayName, hash, now });
}
