using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Members;

/// <summary>A user leaves an organization. What it logged there stays, as when it is removed.</summary>
internal static class LeaveOrganization
{
    internal static void MapLeaveOrganization(this IEndpointRouteBuilder app) =>
        app.MapPost("/api/v1/me/orgs/{org}/leave", HandleAsync).RequireAuthorization(Permission.MembersLeave)
            .WithName(nameof(LeaveOrganization)).WithSummary("Leave an organization.").WithTags("Members")
            .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict);

    private static async Task<Results<NoContent, ProblemHttpResult>> HandleAsync(
        Caller caller, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        if (await Member.LockAsync(tx, caller.OrgId, caller.SubjectId, caller.SubjectId) is not { State: Member.Active } member)
        {
            return Problems.NotFound();
        }

        if (member.IsLastAdministrator)
        {
            return Member.LastAdministrator();
        }

        await RemoveMember.EndAsync(tx, caller, member, "organization_user_left", $"{member.DisplayName} left.", clock.GetUtcNow());
        await tx.CommitAsync();
        return TypedResults.NoContent();
    }
}
