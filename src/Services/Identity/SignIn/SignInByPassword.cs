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
/// the account or from the address nobody gets an answer for a while.
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
        IOptions<IdentityOptions> options, TimeProvider clock, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var email = request.Email.ToLowerInvariant();
        var user = await db.QuerySingleOrDefaultAsync<Row>(
            """
            select s.id, s.email, s.display_name, s.operator, s.password_hash, o.id as org_id, o.slug
            from subjects s
            left join organizations o on o.id = (
                select m.org_id from memberships m where m.subject_id = s.id order by m.created_at, m.org_id limit 1)
            where s.email = @email
            """, new { email }, ct);
        var limits = new Limits(email, origin.SourceAddress, options.Value);
        if (await limits.WaitAsync(db, now, ct) is { } wait)
        {
            await failures.RecordAsync($"account {email}", user?.ToCaller(origin), "too_many_failures", origin, ct);
            http.Headers.RetryAfter = ((int)Math.Ceiling(wait.TotalSeconds)).ToString();
            return Problems.Of(
                StatusCodes.Status429TooManyRequests, "too_many_requests", "Too many requests.",
                "Too many sign-ins failed. Try again later.");
        }

        if (!Passwords.Verify(user?.PasswordHash, request.Password))
        {
            await limits.CountAsync(db, now, ct);
            await failures.RecordAsync(
                user is null ? $"address {origin.SourceAddress}" : $"account {email}", user?.ToCaller(origin), "bad_password", origin, ct);
            return Problems.Of(
                StatusCodes.Status401Unauthorized, "sign_in_failed", "Sign-in failed.", "The e-mail address or the password is wrong.");
        }

        await using var tx = await db.BeginAsync(ct);
        var issued = await TokenStore.IssueAsync(
            tx, user!.Id, null, "session", user.Operator, "session", now.AddHours(options.Value.SessionHours), now);
        var caller = user.ToCaller(origin) with { TokenId = issued.Id };
        tx.Audit(
            caller, now, "authentication_success", new AuditTarget(user.Id.ToString(), user.Email, "user"),
            $"{user.DisplayName} signed in.", new { method = "password" });
        await tx.CommitAsync();
        http.Headers.CacheControl = "no-store";
        return TypedResults.Ok(new Response(issued.Token, issued.ExpiresAt!.Value));
    }

    /// <summary>Failures by account and by source address, in the database because the next try may reach another instance.</summary>
    private sealed class Limits(string email, string? address, IdentityOptions options)
    {
        private readonly string[] _keys = [$"account {email}", $"address {address}"];
        private readonly int[] _limits = [options.FailedSignInsPerAccount, options.FailedSignInsPerAddress];

        /// <summary>How long to wait; null when a try is allowed.</summary>
        public async Task<TimeSpan?> WaitAsync(NpgsqlDataSource db, DateTimeOffset now, CancellationToken ct) =>
            await db.QuerySingleOrDefaultAsync<DateTimeOffset?>(
                """
                select f.window_ends_at
                from failed_sign_ins f
                join unnest(@keys, @limits) as l (key, allowed) on l.key = f.key
                where f.window_ends_at > @now and f.failures >= l.allowed
                order by f.window_ends_at desc limit 1
                """, new { keys = _keys, limits = _limits, now }, ct) is { } end ? end - now : null;

        public Task<int> CountAsync(NpgsqlDataSource db, DateTimeOffset now, CancellationToken ct) =>
            db.QuerySingleAsync<int>(
                """
                with counted as (
                    insert into failed_sign_ins (key, failures, window_ends_at)
                    select key, 1, @End from unnest(@keys) as key order by key
                    on conflict (key) do update set
                        failures = case when failed_sign_ins.window_ends_at > @now then failed_sign_ins.failures + 1 else 1 end,
                        window_ends_at = case when failed_sign_ins.window_ends_at > @now then failed_sign_ins.window_ends_at
                            else excluded.window_ends_at end
                    returning 1)
                select count(*) from counted
                """, new { keys = _keys, now, End = now.AddMinutes(options.FailedSignInMinutes) }, ct);
    }

    private sealed record Row(
        SubjectId Id, string Email, string DisplayName, bool Operator, string? PasswordHash, OrganizationId? OrgId, string? Slug)
    {
        public Caller ToCaller(RequestOrigin origin) => Caller.Of(
            Id, "user", DisplayName, origin, AuthenticationFailures.Service, Email, Operator,
            OrgId is { } id ? new Membership(id, Slug!, Slug!, "") : null);
    }
}
