using System.ComponentModel.DataAnnotations;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Identity.Mail;
using EnvPlatform.Identity.Notices;
using EnvPlatform.Identity.Tokens;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Identity.SignIn;

/// <summary>
/// A user exchanges e-mail address and password for a session token, good for all of the user's organizations. Browsers sign in on a page
/// instead, and never get a token.
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
        Request request, RequestOrigin origin, HttpResponse http, NpgsqlDataSource db, PasswordSignIn signIn, MailSender mail,
        IOptions<IdentityOptions> options, TimeProvider clock, CancellationToken ct)
    {
        switch (await signIn.CheckAsync(request.Email, request.Password, origin, ct))
        {
            case PasswordSignIn.TooMany refused:
                return TooMany(http, refused.Wait, refused.Detail);
            case PasswordSignIn.Right(var user, var tries):
                var now = clock.GetUtcNow();
                await using (var tx = await db.BeginAsync(ct))
                {
                    await tries.GiveBackAsync(tx);
                    var issued = await TokenStore.IssueAsync(
                        tx, user.Id, null, "session", user.Operator, "session", now.AddHours(options.Value.SessionHours), now);
                    var isNewDevice = await KnownDevices.NoteAsync(
                        tx, user.Id, $"program {origin.UserAgent} {origin.SourceNetwork}", now);
                    if (isNewDevice)
                    {
                        await KnownDevices.TellAsync(
                            tx, mail, user.Email, $"a program ({origin.UserAgent ?? "it says nothing of itself"})",
                            origin.SourceAddress, now);
                    }

                    var caller = user.ToCaller(origin) with { TokenId = issued.Id };
                    tx.Audit(
                        caller, now, "authentication_success", new AuditTarget(user.Id.ToString(), user.Email, "user"),
                        $"{user.DisplayName} signed in.", new { method = "password", new_device = isNewDevice });
                    await tx.CommitAsync();
                    http.Headers.CacheControl = "no-store";
                    return TypedResults.Ok(new Response(issued.Token, issued.ExpiresAt!.Value));
                }

            default:
                return Problems.Of(
                    StatusCodes.Status401Unauthorized, "sign_in_failed", "Sign-in failed.", "The e-mail address or the password is wrong.");
        }
    }

    internal static ProblemHttpResult TooMany(HttpResponse http, TimeSpan wait, string detail)
    {
        http.Headers.RetryAfter = ((int)Math.Ceiling(wait.TotalSeconds)).ToString();
        return Problems.Of(StatusCodes.Status429TooManyRequests, "too_many_requests", "Too many requests.", detail);
    }
}
