using System.ComponentModel.DataAnnotations;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.SignIn;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Identity.Invitations;

/// <summary>
/// Somebody who has no account makes one with an invitation's token and a password. An account that is there is never touched: whoever has
/// it signs in and accepts.
/// </summary>
internal static class JoinByInvitation
{
    /// <param name="DisplayName">Null: as the administrator said it.</param>
    public sealed record Request(
        [Required, MaxLength(100)] string Token,
        [Required, MinLength(PasswordRules.MinLength), MaxLength(PasswordRules.MaxLength)] string Password,
        [MinLength(1), MaxLength(200)] string? DisplayName = null);

    internal static void MapJoinByInvitation(this IEndpointRouteBuilder api) =>
        api.MapPost("/invitations/accept", HandleAsync).RequireAuthorization(Access.Forwarded).WithName(nameof(JoinByInvitation))
            .WithSummary("Make an account with an invitation's token and a password; answers a token for the organization, shown once.")
            .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict)
            .ProducesProblem(StatusCodes.Status429TooManyRequests);

    private static async Task<Results<Ok<AcceptInvitationByToken.Response>, ProblemHttpResult>> HandleAsync(
        Request request, RequestOrigin origin, HttpResponse http, NpgsqlDataSource db, AuthenticationFailures failures,
        PasswordChecks passwords, IOptions<IdentityOptions> options, TimeProvider clock, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        await using var tx = await db.BeginAsync(ct);
        var (refusal, joined) = await JoinAsync(
            tx, request.Token, request.Password, request.DisplayName, origin, failures, passwords, now, ct);
        if (refusal is not null)
        {
            if (refusal.StatusCode == StatusCodes.Status429TooManyRequests)
            {
                http.Headers.RetryAfter = "1";
            }

            return refusal;
        }

        var (person, invitation) = joined!;
        var issued = await invitation.IssueAsync(tx, person, now.AddDays(options.Value.InitialTokenDays), now);
        await tx.CommitAsync();
        http.Headers.CacheControl = "no-store";
        return TypedResults.Ok(new AcceptInvitationByToken.Response(invitation.Membership, issued.Token, issued.ExpiresAt!.Value));
    }

    internal sealed record Joined(Caller Person, Invitation Invitation);

    /// <summary>Makes the account and the membership, for the API and the page; the caller commits.</summary>
    internal static async Task<(ProblemHttpResult? Refusal, Joined? Joined)> JoinAsync(
        Tx tx, string token, string password, string? displayName, RequestOrigin origin, AuthenticationFailures failures,
        PasswordChecks passwords, DateTimeOffset now, CancellationToken ct)
    {
        var invitation = await Invitation.LockAsync(tx, token);
        if (Invitation.Refuse(invitation, now) is { } refusal)
        {
            await failures.RecordAsync($"address {origin.SourceNetwork}", null, "bad_invitation", origin, ct);
            return (refusal, null);
        }

        var person = Caller.Of(
            SubjectId.New(now), "user", displayName ?? invitation!.DisplayName, origin, AuthenticationFailures.Service,
            invitation!.Email);
        if (PasswordRules.Refuse(password, person.DisplayName, person.Email, invitation.Organization) is { } reason)
        {
            return (Problems.Invalid("password", reason), null);
        }

        var hasAccount = await HasAccountAsync(tx, invitation.Email);
        var hash = hasAccount ? null : await passwords.HashAsync(password, ct);
        if (!hasAccount && hash is null)
        {
            return (Problems.Of(
                StatusCodes.Status429TooManyRequests, "too_many_requests", "Too many requests.",
                "Too many passwords wait to be hashed."), null);
        }

        if (hasAccount || await CreateAsync(tx, person, hash!, now) == 0)
        {
            // Whoever holds the token learns here that there is an account; the operator's log shows who tries.
            await failures.RecordAsync($"invitation {invitation.Id}", null, "account_exists", origin, ct);
            return (Problems.Conflict(
                "account_exists", "The address has an account. Sign in to it and accept the invitation there."), null);
        }

        if (await invitation.AcceptAsync(tx, person, now) is { } refused)
        {
            return (refused, null);
        }

        return (null, new(person, invitation));
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
