using System.ComponentModel.DataAnnotations;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.Tokens;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Members;

/// <summary>An administrator gives a user another role. The organization's last administrator keeps that role.</summary>
internal static class SetRole
{
    public sealed record Request(
        [Required, Role]
        string Role);

    internal static void MapSetRole(this IEndpointRouteBuilder members) =>
        members.MapPut("/{id}", HandleAsync).WithName(nameof(SetRole)).WithSummary("Give a user another role.")
            .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict);

    /// <summary>
    /// The user's role, with all administrators' memberships locked, so that two of them cannot leave concurrently; null when not a member.
    /// </summary>
    internal static async Task<Member?> LockAsync(Tx tx, OrganizationId organization, SubjectId id)
    {
        var members = await tx.QueryAsync<Member>(
            """
            select s.id, s.email, s.display_name, m.role
            from memberships m
            join subjects s on s.id = m.subject_id
            where m.org_id = @organization and s.type = 'user' and (m.subject_id = @id or m.role = 'administrator')
            order by m.subject_id
            for update of m
            """, new { organization, id });
        var member = members.Find(candidate => candidate.Id == id);
        return member is null ? null : member with { IsLastAdministrator = member.Role == Roles.Administrator && members.Count == 1 };
    }

    private static async Task<Results<NoContent, ProblemHttpResult>> HandleAsync(
        SubjectId id, Request request, Caller caller, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        if (await LockAsync(tx, caller.OrgId, id) is not { } member)
        {
            return Problems.NotFound();
        }

        if (member.Role == request.Role)
        {
            return TypedResults.NoContent();
        }

        if (member.IsLastAdministrator)
        {
            return Problems.Conflict("last_administrator", "The organization would have no administrator.");
        }

        await tx.ExecuteAsync(
            "update memberships set role = @Role where org_id = @OrgId and subject_id = @id", new { caller.OrgId, id, request.Role });
        var now = clock.GetUtcNow();
        await TokenStore.ForgetAsync(tx, id, now);
        tx.Audit(
            caller, now, "organization_user_updated", new AuditTarget(id.ToString(), member.Email, "user"),
            $"{member.DisplayName} is {request.Role} now.", new { before = new { member.Role }, after = new { request.Role } });
        await tx.CommitAsync();
        return TypedResults.NoContent();
    }

    internal sealed record Member(SubjectId Id, string Email, string DisplayName, string Role)
    {
        public bool IsLastAdministrator { get; init; }
    }
}
