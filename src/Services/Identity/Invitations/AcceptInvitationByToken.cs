using System.ComponentModel.DataAnnotations;

using EnvPlatform.Identity.Tokens;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.ServiceDefaults.Refusals;

using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Identity.Invitations;

/// <summary>
/// Somebody who has an account accepts an invitation with its token, by any token of its own: the invitation's shows that this person is
/// meant, its own that it is who it says. The answer shows once a token for the new organization.
/// </summary>
internal static class AcceptInvitationByToken
{
    public sealed record Request([Required, MaxLength(100)] string Token);

    /// <param name="Token">
    /// Good for some days and for this organization only, to make a token of one's own with; null for who was a member already.
    /// </param>
    public sealed record Response(Membership Organization, string? Token, DateTimeOffset? TokenExpiresAt);

    internal static void MapAcceptInvitationByToken(this IEndpointRouteBuilder invitations) =>
        invitations.MapPost("/accept", HandleAsync).WithName(nameof(AcceptInvitationByToken))
            .WithSummary("Accept an invitation with its token; answers a token for the new organization, shown once.")
            .ProducesProblem(StatusCodes.Status403Forbidden).ProducesProblem(StatusCodes.Status404NotFound)
            .ProducesProblem(StatusCodes.Status409Conflict)
            .WithMetadata(new AuditedRefusals(Refusal.PermissionDenied, StatusCodes.Status404NotFound));

    private static async Task<Results<Ok<Response>, ProblemHttpResult>> HandleAsync(
        Request request, Caller caller, HttpResponse http, NpgsqlDataSource db, IOptions<IdentityOptions> options, TimeProvider clock,
        CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        if (await Credential.FindAsync(db, caller, now, ct) is null)
        {
            return Credential.Void();
        }

        await using var tx = await db.BeginAsync(ct);
        var (invitation, refusal) = await AcceptAsync(tx, request.Token, caller, now);
        if (invitation is null)
        {
            return refusal!;
        }

        var issued = invitation.WasMember ? null
            : await invitation.IssueAsync(tx, caller, now.AddDays(options.Value.InitialTokenDays), now);
        await tx.CommitAsync();
        http.Headers.CacheControl = "no-store";
        return TypedResults.Ok(new Response(invitation.Membership, issued?.Token, issued?.ExpiresAt));
    }

    /// <summary>For the page and the API alike: makes the person a member, or finds that it is one by this invitation.</summary>
    /// <returns>One of both. The transaction is to be committed where it succeeded.</returns>
    internal static async Task<(Invitation? Accepted, ProblemHttpResult? Refusal)> AcceptAsync(
        Tx tx, string token, Caller person, DateTimeOffset now)
    {
        var invitation = await Invitation.LockAsync(tx, token);
        if (invitation?.EndedAs == "accepted" && invitation.IsFor(person.Email) && await invitation.FindMemberAsync(tx, person.SubjectId))
        {
            return (invitation, null);
        }

        if (Invitation.Refuse(invitation, now) is { } refusal)
        {
            return (null, refusal);
        }

        if (!invitation!.IsFor(person.Email))
        {
            return (null, Invitation.EmailMismatch());
        }

        return await invitation.AcceptAsync(tx, person, now) is { } refused ? (null, refused) : (invitation, null);
    }
}
