using System.ComponentModel.DataAnnotations;

using EnvPlatform.Identity.SignIn;
using EnvPlatform.Postgres;
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
    /// <param name="DisplayName">Null: as the administrator said it, or the address's part before the @.</param>
    /// <param name="Email">Of whoever follows a link; an invitation by address has its own.</param>
    public sealed record Request(
        [Required, MaxLength(100)] string Token,
        [Required, MinLength(PasswordRules.MinLength), MaxLength(PasswordRules.MaxLength)] string Password,
        [MinLength(1), MaxLength(200)] string? DisplayName = null,
        [EmailAddress, MaxLength(320)] string? Email = null);

    internal static void MapJoinByInvitation(this IEndpointRouteBuilder api) =>
        api.MapPost("/invitations/accept", HandleAsync).RequireAuthorization(Access.Forwarded).WithName(nameof(JoinByInvitation))
            .WithSummary("Make an account with an invitation's token and a password; answers a token for the organization, shown once.")
            .ProducesProblem(StatusCodes.Status400BadRequest).ProducesProblem(StatusCodes.Status403Forbidden)
            .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict)
            .ProducesProblem(StatusCodes.Status429TooManyRequests);

    private static async Task<Results<Ok<AcceptInvitationByToken.Response>, Accepted, ProblemHttpResult>> HandleAsync(
        Request request, HttpResponse http, Joining joining, NpgsqlDataSource db, IOptions<IdentityOptions> options, TimeProvider clock,
        RequestOrigin origin, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        await using var tx = await db.BeginAsync(ct);
        var (refusal, joined) = await joining.JoinAsync(tx, request, origin, http, now, ct);
        if (refusal is not null)
        {
            return refusal;
        }

        if (joined is null)
        {
            return TypedResults.Accepted((string?)null);
        }

        var (person, invitation) = joined;
        var issued = await invitation.IssueAsync(tx, person, now.AddDays(options.Value.InitialTokenDays), now);
        await tx.CommitAsync();
        http.Headers.CacheControl = "no-store";
        return TypedResults.Ok(new AcceptInvitationByToken.Response(invitation.Membership, issued.Token, issued.ExpiresAt!.Value));
    }
}
