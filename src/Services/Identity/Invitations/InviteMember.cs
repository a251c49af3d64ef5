using System.ComponentModel.DataAnnotations;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.Members;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Identity.Invitations;

/// <summary>
/// An administrator invites somebody by e-mail address, and hands over the token that the answer shows once. Whether the address has an
/// account is not told, and makes no difference here: whoever has one signs in and accepts, whoever has none makes it with the token. The
/// token alone opens nothing that anybody has already.
/// </summary>
internal static class InviteMember
{
    public sealed record Request(
        [Required, EmailAddress, MaxLength(320)] string Email,
        [Required, MinLength(1), MaxLength(200)] string DisplayName,
        [Required, Role]
        string Role);

    /// <param name="DisplayName">As the administrator said it; somebody who has an account keeps its name.</param>
    /// <param name="Token">To hand over to the person; shown once.</param>
    public sealed record Response(
        InvitationId Id, string Email, string DisplayName, string Role, DateTimeOffset CreatedAt, DateTimeOffset ExpiresAt, string Token);

    internal static void MapInviteMember(this IEndpointRouteBuilder members) =>
        members.MapPost("", HandleAsync).RequireAuthorization(Access.Person).WithName(nameof(InviteMember))
            .WithSummary("Invite somebody; the token to hand over is shown once.").ProducesProblem(StatusCodes.Status409Conflict);

    private static async Task<Results<Created<Response>, ProblemHttpResult>> HandleAsync(
        Request request, Caller caller, HttpResponse http, NpgsqlDataSource db, IOptions<IdentityOptions> options,
        TimeProvider clock, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var token = SecretFormat.New(SecretFormat.InvitationPrefix);
        var invitation = new Response(
            InvitationId.New(now), request.Email.ToLowerInvariant(), request.DisplayName, request.Role, now,
            now.AddDays(options.Value.InvitationDays), token);
        await using var tx = await db.BeginAsync(ct);
        var state = await tx.QuerySingleOrDefaultAsync<string>(
            $"""
            select {Member.StateOf} from memberships m join subjects s on s.id = m.subject_id
            where m.org_id = @OrgId and s.email = @Email
            """, new { caller.OrgId, invitation.Email });
        if (state == Member.Active)
        {
            return Problems.Conflict("member_exists", "The user is in the organization already.");
        }

        if (state == Member.Suspended)
        {
            return Problems.Conflict("member_suspended", "The user is in the organization and suspended. Resume it.");
        }

        await Invitation.ExpireAsync(tx, now, caller.OrgId, invitation.Email);
        var created = await tx.ExecuteAsync(
            """
            insert into invitations (id, org_id, email, display_name, role, sha256, invited_by, created_at, expires_at)
            values (@Id, @OrgId, @Email, @DisplayName, @Role, @Sha256, @SubjectId, @now, @ExpiresAt)
            on conflict (org_id, email) where ended_at is null do nothing
            """,
            new
            {
                invitation.Id,
                caller.OrgId,
                invitation.Email,
                invitation.DisplayName,
                invitation.Role,
                Sha256 = SecretFormat.Sha256(token),
                caller.SubjectId,
                now,
                invitation.ExpiresAt,
            });
        if (created == 0)
        {
            return Problems.Conflict("invitation_exists", "The address has been invited already. Resend that invitation, or withdraw it.");
        }

        tx.Audit(
            caller, now, "invitation_created", new AuditTarget(invitation.Id.ToString(), invitation.Email, "invitation"),
            $"{caller.DisplayName} invited {invitation.Email} as {invitation.Role}.",
            new { invitation.DisplayName, invitation.Role, expires_at = invitation.ExpiresAt });
        await tx.CommitAsync();
        http.Headers.CacheControl = "no-store";
        return TypedResults.Created($"/api/v1/orgs/{caller.Organization!.Slug}/invitations/{invitation.Id}", invitation);
    }
}
