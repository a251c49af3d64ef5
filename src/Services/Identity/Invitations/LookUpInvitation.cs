using System.ComponentModel.DataAnnotations;

using EnvPlatform.Identity.SignIn;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Invitations;

/// <summary>
/// What an invitation's token says to whoever holds it, before anybody has signed in. The token is in the body: an address would be kept in
/// logs. Looking changes nothing, so that a scanner of mail may follow the link.
/// </summary>
internal static class LookUpInvitation
{
    public sealed record Request([Required, MaxLength(100)] string Token);

    /// <param name="Email">With most of it hidden; null for a link that several people may follow.</param>
    public sealed record Response(string Organization, string InvitedBy, string? Email, DateTimeOffset ExpiresAt);

    internal static void MapLookUpInvitation(this IEndpointRouteBuilder invitations) =>
        invitations.MapPost("/lookup", HandleAsync).WithName(nameof(LookUpInvitation))
            .WithSummary("What an invitation says: organization, inviter, masked address, expiry.")
            .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict);

    /// <summary>For the page and the API alike.</summary>
    /// <returns>One of both.</returns>
    internal static async Task<(Response? Facts, ProblemHttpResult? Refusal)> FindAsync(
        NpgsqlDataSource db, string token, RequestOrigin origin, AuthenticationFailures failures, DateTimeOffset now, CancellationToken ct)
    {
        var invitation = await Invitation.FindAsync(db, token, ct);
        if (Invitation.Refuse(invitation, now) is { } refusal)
        {
            await failures.RecordAsync($"address {origin.SourceNetwork}", null, "bad_invitation", origin, ct);
            return (null, refusal);
        }

        return (new(invitation!.Organization, invitation.InvitedBy, Masked(invitation.Email), invitation.ExpiresAt), null);
    }

    /// <summary>The first letter and the domain: enough for whoever it is for.</summary>
    internal static string? Masked(string? email)
    {
        if (email is null)
        {
            return null;
        }

        var at = email.LastIndexOf('@');
        return $"{email[..(char.IsHighSurrogate(email[0]) ? 2 : 1)]}***{email[at..]}";
    }

    private static async Task<Results<Ok<Response>, ProblemHttpResult>> HandleAsync(
        Request request, RequestOrigin origin, HttpResponse http, NpgsqlDataSource db, AuthenticationFailures failures, TimeProvider clock,
        CancellationToken ct)
    {
        http.Headers.CacheControl = "no-store";
        var (facts, refusal) = await FindAsync(db, request.Token, origin, failures, clock.GetUtcNow(), ct);
        return facts is null ? refusal! : TypedResults.Ok(facts);
    }
}
