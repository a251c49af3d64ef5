using EnvPlatform.Identity.SignIn;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Invitations;

/// <summary>Whoever holds an invitation's token declines it, with an account or without.</summary>
internal static class DeclineInvitationByToken
{
    internal static void MapDeclineInvitationByToken(this IEndpointRouteBuilder invitations) =>
        invitations.MapPost("/decline", HandleAsync).WithName(nameof(DeclineInvitationByToken))
            .WithSummary("Decline an invitation with its token.")
            .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict);

    /// <summary>For the page and the API alike.</summary>
    /// <returns>Why not; null for success.</returns>
    internal static async Task<ProblemHttpResult?> DeclineAsync(
        NpgsqlDataSource db, string token, RequestOrigin origin, AuthenticationFailures failures, DateTimeOffset now, CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        var invitation = await Invitation.LockAsync(tx, token);
        if (Invitation.Refuse(invitation, now) is { } refusal)
        {
            await failures.RecordAsync($"address {origin.SourceNetwork}", null, "bad_invitation", origin, ct);
            return refusal;
        }

        if (await invitation!.DeclineAsync(
            tx, Caller.OfSystem(AuthenticationFailures.Service, organization: null, origin), now) is { } refused)
        {
            return refused;
        }

        await tx.CommitAsync();
        return null;
    }

    private static async Task<Results<NoContent, ProblemHttpResult>> HandleAsync(
        LookUpInvitation.Request request, RequestOrigin origin, NpgsqlDataSource db, AuthenticationFailures failures, TimeProvider clock,
        CancellationToken ct) =>
        await DeclineAsync(db, request.Token, origin, failures, clock.GetUtcNow(), ct) is { } refusal ? refusal : TypedResults.NoContent();
}
