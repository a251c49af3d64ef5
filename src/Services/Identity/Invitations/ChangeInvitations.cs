using System.ComponentModel.DataAnnotations;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.Mail;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Invitations;

/// <summary>An administrator resends or withdraws many invitations; each has its result.</summary>
internal static class ChangeInvitations
{
    /// <param name="Action">resend or revoke.</param>
    public sealed record Request(
        [Required, MinLength(1), MaxLength(1_000)] InvitationId[] Ids,
        [Required, AllowedValues("resend", "revoke", ErrorMessage = "Must be resend or revoke.")] string Action);

    public sealed record Response(IReadOnlyList<Result> Results);

    /// <param name="Status">200, or 404 for what is not an open invitation of the organization.</param>
    /// <param name="Token">Of one that was resent, shown once; null when it goes by mail.</param>
    /// <param name="Link">The page on which to use the token; shown once.</param>
    public sealed record Result(InvitationId Id, int Status, string? Code, string? Token, string? Link);

    internal static void MapChangeInvitations(this IEndpointRouteBuilder invitations) =>
        invitations.MapPost("/bulk", HandleAsync).RequireAuthorization(Access.Person).WithName(nameof(ChangeInvitations))
            .WithSummary("Resend or withdraw many invitations.")
            .ProducesProblem(StatusCodes.Status400BadRequest).ProducesProblem(StatusCodes.Status429TooManyRequests);

    private static async Task<Results<Ok<Response>, ProblemHttpResult>> HandleAsync(
        Request request, Caller caller, HttpResponse http, NpgsqlDataSource db, MailSender mail, InvitationLinks links, TimeProvider clock,
        CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var ids = request.Ids.Distinct().ToArray();
        await using var tx = await db.BeginAsync(ct);
        if (request.Action == "resend" && await NewInvitation.CountAsync(tx, caller.OrgId, ids.Length, http, now) is { } tooMany)
        {
            return tooMany;
        }

        var results = new List<Result>();

        // In one order, so that two who do the same wait and do not deadlock.
        foreach (var id in ids.OrderBy(id => id.Value))
        {
            results.Add(
                request.Action == "revoke" ? Of(id, await RevokeInvitation.RevokeAsync(tx, caller, id, now), null)
                : await ResendInvitation.ResendAsync(tx, caller, id, mail, links, now) is { } resent ? Of(id, true, resent)
                : Of(id, false, null));
        }

        await tx.CommitAsync();
        http.Headers.CacheControl = "no-store";
        return TypedResults.Ok(new Response(results));
    }

    private static Result Of(InvitationId id, bool done, InviteMember.Response? resent) => done
        ? new(id, StatusCodes.Status200OK, null, resent?.Token, resent?.Link)
        : new(id, StatusCodes.Status404NotFound, "not_found", null, null);
}
