using System.ComponentModel.DataAnnotations;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Groups;

/// <summary>An administrator makes a group. It may stay empty: its channels are then for administrators alone.</summary>
internal static class CreateGroup
{
    public sealed record Request([Required, ResourceName] string Name, [MaxLength(1_000), MultiLine] string? Description = null);

    internal static void MapCreateGroup(this IEndpointRouteBuilder groups) =>
        groups.MapPost("", HandleAsync).RequireAuthorization(Permission.GroupsWrite).WithName(nameof(CreateGroup))
            .WithSummary("Make a group.").ProducesProblem(StatusCodes.Status409Conflict);

    /// <summary>The answer to a name that another group has.</summary>
    internal static ProblemHttpResult NameTaken() => Problems.Conflict("name_taken", "There is a group of this name already.");

    private static async Task<Results<Created<GroupView>, ProblemHttpResult>> HandleAsync(
        Request request, Caller caller, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var group = new GroupView(
            GroupId.New(now), ResourceNameAttribute.Normalize(request.Name), request.Description ?? "", GroupRow.Manual, 0, 0, 1, now, now);
        await using var tx = await db.BeginAsync(ct);
        var created = await tx.ExecuteAsync(
            """
            insert into user_groups (org_id, id, name, description, source, version, created_at, updated_at)
            values (@OrgId, @Id, @Name, @Description, @Source, 1, @now, @now)
            on conflict do nothing
            """, new { caller.OrgId, group.Id, group.Name, group.Description, group.Source, now });
        if (created == 0)
        {
            return NameTaken();
        }

        tx.Audit(
            caller, now, "user_group_created", new AuditTarget(group.Id.ToString(), null, "group"),
            $"{caller.DisplayName} made the group {group.Name}.", new { after = new { group.Name, group.Description, group.Source } });
        await tx.CommitAsync();
        return TypedResults.Created($"/api/v1/orgs/{caller.Organization!.Slug}/groups/{group.Id}", group);
    }
}
