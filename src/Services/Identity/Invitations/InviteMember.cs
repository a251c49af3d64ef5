using System.ComponentModel.DataAnnotations;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.Mail;
using EnvPlatform.Identity.Members;
using EnvPlatform.Identity.Organizations;
using EnvPlatform.Identity.SignIn;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Invitations;

/// <summary>
/// An administrator invites somebody by e-mail address. The invitation goes by mail; where none is sent, the answer shows once
/// the token to hand over. Whether the address has an account is not told, and makes no difference here: whoever has one signs in and
/// accepts, whoever has none makes it with the token. The token alone opens nothing that anybody has already.
/// </summary>
internal static class InviteMember
{
    public sealed record Request(
        [Required, EmailAddress, MaxLength(320)] string Email,
        [Required, MinLength(1), MaxLength(200)] string DisplayName,
        [Required, Role]
        string Role);

    /// <param name="Email">Null for a link.</param>
    /// <param name="DisplayName">As the administrator said it; somebody who has an account keeps its name.</param>
    /// <param name="Token">To hand over to the person; shown once. Null when it goes by mail.</param>
    /// <param name="Link">The page on which to use the token; shown once. Null when it goes by mail.</param>
    public sealed record Response(
        InvitationId Id, string? Email, string DisplayName, string Role, DateTimeOffset CreatedAt, DateTimeOffset ExpiresAt, string? Token,
        string? Link);

    internal static void MapInviteMember(this IEndpointRouteBuilder members) =>
        members.MapPost("", HandleAsync).RequireAuthorization(Access.Person).WithName(nameof(InviteMember))
            .WithSummary("Invite somebody by mail; where no mail is sent, the token to hand over is shown once.")
            .ProducesProblem(StatusCodes.Status409Conflict).ProducesProblem(StatusCodes.Status429TooManyRequests);

    private static async Task<Results<Created<Response>, ProblemHttpResult>> HandleAsync(
        Request request, Caller caller, HttpResponse http, NpgsqlDataSource db, MailSender mail, InvitationLinks links, TimeProvider clock,
        CancellationToken ct)
    {
        if (NewInvitation.AddressOf(request.Email) is not { } email)
        {
            return Problems.Invalid("email", "Must be an e-mail address.");
        }

        var now = clock.GetUtcNow();
        if (request.Role == Roles.Administrator && await StepUp.RefuseAsync(db, caller, now, ct) is { } older)
        {
            return older;
        }

        await using var tx = await db.BeginAsync(ct);
        var settings = await OrganizationSettings.FindAsync(tx, caller.OrgId);
        if (await NewInvitation.CountAsync(tx, caller.OrgId, 1, http, now) is { } tooMany)
        {
            return tooMany;
        }

        await Invitation.ExpireAsync(tx, now, caller.OrgId, email);
        var invitation = new NewInvitation(email, request.DisplayName, request.Role, now.AddDays(settings.InvitationDays));
        var result = await CreateInvitations.InviteAsync(tx, caller, invitation, settings, mail.IsOn, now);
        if (result.Code is { } code)
        {
            return CreateInvitations.Refusal(code);
        }

        await tx.CommitAsync();
        http.Headers.CacheControl = "no-store";
        return TypedResults.Created(
            $"/api/v1/orgs/{caller.Organization!.Slug}/invitations/{result.Id}",
            new Response(
                result.Id!.Value, email, request.DisplayName, request.Role, now, invitation.ExpiresAt, result.Token,
                result.Token is { } token ? links.Of(token) : null));
    }
}
