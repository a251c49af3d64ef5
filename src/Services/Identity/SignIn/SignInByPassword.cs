using System.ComponentModel.DataAnnotations;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.Tokens;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Identity.SignIn;

/// <summary>
/// A user exchanges e-mail address and password for a session token, good for all of the user's organizations. After too many failures for
/// the account or from the address nobody gets an answer for a while, nor while too many passwords wait to be verified.
/// </summary>
internal static class SignInByPassword
{
    public sealed record Request([Required, MaxLength(320)] string Email, [Required, MaxLength(1_000)] string Password);

    public sealed record Response(string Token, DateTimeOffset ExpiresAt);

    internal static void MapSignInByPassword(this IEndpointRouteBuilder api) =>
        api.MapPost("/sign-in", HandleAsync).RequireAuthorization(Access.Forwarded).WithName(nameof(SignInByPassword))
            .WithSummary("Exchange e-mail address and password for a session token.")
            .ProducesProblem(StatusCodes.Status401Unauthorized).ProducesProblem(StatusCodes.Status429TooManyRequests);

    private static async Task<Results<Ok<Response>, ProblemHttpResult>> HandleAsync(
        Request request, RequestOrigin origin, HttpResponse http, NpgsqlDataSource db, AuthenticationFailures failures,
        PasswordChecks passwords, IOptions<IdentityOptions> options, TimeProvider clock, CancellationToken ct)
    {
        var email = request.Email.ToLowerInvariant();
        var user = await db.QuerySingleOrDefaultAsync<Row>(
            """
            select s.id, s.email, s.display_name, s.operator, s.password_hash, o.id as org_id, o.slug
            from subjects s
            left join organizations o on o.id = (
                select m.org_id from memberships m where m.subject_id = s.id order by m.created_at, m.org_id limit 1)
            where s.email = @email
            """, new { email }, ct);
        var tries = new SignInTries(email, origin.SourceNetwork, options.Value);
        if (await tries.TakeAsync(db, clock.GetUtcNow(), ct) is { } wait)
        {
            await RecordAsync("too_many_failures");
            return TooMany(
                http, wait,
                $"{options.Value.FailedSignInsPerAccount} sign-ins for this account, or {options.Value.FailedSignInsPerAddress} from this "
                + $"address, failed within {options.Value.FailedSignInMinutes} minutes.");
        }

        if (await passwords.VerifyAsync(user?.PasswordHash, request.Password, ct) is not { } right)
        {
            await using var back = await db.BeginAsync(ct);
            await tries.GiveBackAsync(back);
            await back.CommitAsync();
            await RecordAsync("too_many_at_once");
            return TooMany(http, TimeSpan.FromSeconds(1), "Too many sign-ins wait for their password to be verified.");
        }

        if (!right)
        {
            await RecordAsync("bad_password");
            return Problems.Of(
                StatusCodes.Status401Unauthorized, "sign_in_failed", "Sign-in failed.", "The e-mail address or the password is wrong.");
        }

        var now = clock.GetUtcNow();
        await using var tx = await db.BeginAsync(ct);
        await tries.GiveBackAsync(tx);
        var issued = await TokenStore.IssueAsync(
            tx, user!.Id, null, "session", user.Operator, "session", now.AddHours(options.Value.SessionHours), now);
        var caller = user.ToCaller(origin) with { TokenId = issued.Id };
        tx.Audit(
            caller, now, "authentication_success", new AuditTarget(user.Id.ToString(), user.Email, "user"),
            $"{user.DisplayName} signed in.", new { method = "password" });
        await tx.CommitAsync();
        http.Headers.CacheControl = "no-store";
        return TypedResults.Ok(new Response(issued.Token, issued.ExpiresAt!.Value));

        Task RecordAsync(string reason) => failures.RecordAsync(
            user is null ? $"address {origin.SourceNetwork}" : $"account {email}", user?.ToCaller(origin), reason, origin, ct);
    }

    internal static ProblemHttpResult TooMany(HttpResponse http, TimeSpan wait, string detail)
    {
        http.Headers.RetryAfter = ((int)Math.Ceiling(wait.TotalSeconds)).ToString();
        return Problems.Of(StatusCodes.Status429TooManyRequests, "too_many_requests", "Too many requests.", detail);
    }

    private sealed record Row(
        SubjectId Id, string Email, string DisplayName, bool Operator, string? PasswordHash, OrganizationId? OrgId, string? Slug)
    {
        public Caller ToCaller(RequestOrigin origin) => Caller.Of(
            Id, "user", DisplayName, origin, AuthenticationFailures.Service, Email, Operator,
            OrgId is { } id ? new Membership(id, Slug!, Slug!, "") : null);
    }
}
