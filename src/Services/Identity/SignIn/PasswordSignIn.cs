using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Identity.SignIn;

/// <summary>
/// Decides whether an e-mail address and a password belong together, wherever they are typed. After too many failures for the account or
/// from the address nobody gets an answer for a while, nor while too many passwords wait to be verified. Who is unknown and who gives a
/// wrong password get the same answer after the same time.
/// </summary>
internal sealed class PasswordSignIn(
    NpgsqlDataSource db, AuthenticationFailures failures, PasswordChecks passwords, IOptions<IdentityOptions> options, TimeProvider clock)
{
    /// <summary>What pages say, whatever the reason.</summary>
    public const string RefusedText =
        "Sign-in failed. The e-mail address or the password is wrong, or too many sign-ins have failed lately: then try again in some "
        + "minutes.";

    internal abstract record Outcome;

    /// <param name="Tries">To be given back in the transaction that signs the user in.</param>
    internal sealed record Right(User User, SignInTries Tries) : Outcome;

    internal sealed record Wrong : Outcome;

    /// <param name="IsFailures">Too many sign-ins failed; otherwise too many are being verified.</param>
    internal sealed record TooMany(TimeSpan Wait, string Detail, bool IsFailures) : Outcome;

    /// <summary>
    /// How long it takes at least to tell somebody that it failed, behind the hash: longer than it takes to write that to the audit log,
    /// which is not done each time, and more often for accounts that are there.
    /// </summary>
    internal static readonly TimeSpan Telling = TimeSpan.FromMilliseconds(100);

    /// <param name="signedIn">Who is signed in and asked for its password again; null when somebody signs in.</param>
    public async Task<Outcome> CheckAsync(
        string givenEmail, string password, RequestOrigin origin, CancellationToken ct, Caller? signedIn = null)
    {
        var email = givenEmail.ToLowerInvariant();
        var user = await db.QuerySingleOrDefaultAsync<User>(
            """
            select s.id, s.email, s.display_name, s.operator, s.password_hash, o.id as org_id, o.slug
            from subjects s
            left join organizations o on o.id = (
                select m.org_id from active_memberships m where m.subject_id = s.id order by m.created_at, m.org_id limit 1)
            where s.email = @email
            """, new { email }, ct);
        var tries = new SignInTries(email, origin.SourceNetwork, options.Value);
        if (await tries.TakeAsync(db, clock.GetUtcNow(), ct) is { } wait)
        {
            await RecordAsync("too_many_failures");
            return new TooMany(
                wait,
                $"{options.Value.FailedSignInsPerAccount} sign-ins for this account, or {options.Value.FailedSignInsPerAddress} from this "
                + $"address, failed within {options.Value.FailedSignInMinutes} minutes.", IsFailures: true);
        }

        if (await passwords.VerifyAsync(user?.PasswordHash, password, ct) is not { } right)
        {
            await using var back = await db.BeginAsync(ct);
            await tries.GiveBackAsync(back);
            await back.CommitAsync();
            await RecordAsync("too_many_at_once");
            return new TooMany(TimeSpan.FromSeconds(1), "Too many sign-ins wait for their password to be verified.", IsFailures: false);
        }

        if (!right)
        {
            await RecordAsync("bad_password");
            return new Wrong();
        }

        return new Right(user!, tries);

        Task RecordAsync(string reason) => Task.WhenAll(
            Task.Delay(Telling, clock, ct),
            signedIn is not null ? failures.RecordStepUpAsync(signedIn, reason, origin, ct) : failures.RecordAsync(
                user is null ? $"address {origin.SourceNetwork}" : $"account {email}", user?.ToCaller(origin), reason, origin, ct));
    }

    internal sealed record User(
        SubjectId Id, string Email, string DisplayName, bool Operator, string? PasswordHash, OrganizationId? OrgId, string? Slug)
    {
        public Caller ToCaller(RequestOrigin origin) => Caller.Of(
            Id, "user", DisplayName, origin, AuthenticationFailures.Service, Email, Operator,
            OrgId is { } id ? new Membership(id, Slug!, Slug!, "") : null);
    }
}
