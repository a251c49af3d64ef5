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

namespace EnvPlatform.Identity.Members;

/// <summary>
/// An administrator adds a user to the organization, known or new by e-mail address, and hands over the initial token that the answer shows
/// once: good for a few days and for this organization only, to make a token of one's own with. It opens nothing that the user has
/// elsewhere.
/// </summary>
internal static class AddMember
{
    public sealed record Request(
        [Required, EmailAddress, MaxLength(320)] string Email,
        [Required, MinLength(1), MaxLength(200)] string DisplayName,
        [Required, AllowedValues("member", "administrator", "auditor", ErrorMessage = "Must be member, administrator or auditor.")]
        string Role);

    public sealed record Response(
        SubjectId Id, string Email, string DisplayName, string Role, DateTimeOffset CreatedAt, string InitialToken,
        DateTimeOffset InitialTokenExpiresAt);

    internal static void MapAddMember(this IEndpointRouteBuilder members) =>
        members.MapPost("", HandleAsync).WithName(nameof(AddMember))
            .WithSummary("Add a user; the initial token to hand over is shown once.").ProducesProblem(StatusCodes.Status409Conflict);

    private static async Task<Results<Created<Response>, ProblemHttpResult>> HandleAsync(
        Request request, Caller caller, HttpResponse http, NpgsqlDataSource db, IOptions<IdentityOptions> options,
        TimeProvider clock, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        await using var tx = await db.BeginAsync(ct);
        // The update changes nothing; it makes the row of a user who is there already come back.
        var user = await tx.QuerySingleAsync<Row>(
            """
            insert into subjects (id, type, email, display_name, created_at) values (@Id, 'user', @Email, @DisplayName, @now)
            on conflict (email) where email is not null do update set email = excluded.email
            returning id, display_name
            """, new { Id = SubjectId.New(now), Email = request.Email.ToLowerInvariant(), request.DisplayName, now });
        var added = await tx.ExecuteAsync(
            """
            insert into memberships (org_id, subject_id, role, created_at) values (@OrgId, @Id, @Role, @now)
            on conflict (org_id, subject_id) do nothing
            """, new { caller.OrgId, user.Id, request.Role, now });
        if (added == 0)
        {
            return Problems.Conflict("member_exists", "The user is in the organization already.");
        }

        var email = request.Email.ToLowerInvariant();
        await TokenStore.ForgetAsync(tx, user.Id, now);
        var issued = await TokenStore.IssueAsync(
            tx, user.Id, caller.OrgId, "initial", power: false, "initial token", now.AddDays(options.Value.InitialTokenDays), now);
        tx.Audit(
            caller, now, "organization_user_added", new AuditTarget(user.Id.ToString(), email, "user"),
            $"{user.DisplayName} was added as {request.Role}.", new { request.Role });
        tx.Audit(
            caller, now, "token_created", new AuditTarget(issued.Id.ToString(), email, "token"),
            $"An initial token was made for {user.DisplayName}.",
            new { name = "initial token", expires_at = issued.ExpiresAt, subject = user.Id });
        await tx.CommitAsync();
        http.Headers.CacheControl = "no-store";
        return TypedResults.Created(
            $"/api/v1/orgs/{caller.Organization!.Slug}/members/{user.Id}",
            new Response(user.Id, email, user.DisplayName, request.Role, now, issued.Token, issued.ExpiresAt!.Value));
    }

    private sealed record Row(SubjectId Id, string DisplayName);
}
