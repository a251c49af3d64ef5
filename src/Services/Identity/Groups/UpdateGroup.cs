using System.ComponentModel.DataAnnotations;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Groups;

/// <summary>An administrator gives a group another name or description. What changes nothing has no event.</summary>
internal static class UpdateGroup
{
    /// <param name="Name">Null: as it is.</param>
    /// <param name="Description">Null: as it is.</param>
    public sealed record Request([ResourceName] string? Name = null, [MaxLength(1_000), MultiLine] string? Description = null);

    internal static void MapUpdateGroup(this IEndpointRouteBuilder groups) =>
        groups.MapPatch("/{id}", HandleAsync).RequireAuthorization(Permission.GroupsWrite).WithName(nameof(UpdateGroup))
            .WithSummary("Give a group another name or description.").ProducesProblem(StatusCodes.Status404NotFound)
            .ProducesProblem(StatusCodes.Status409Conflict).ProducesProblem(StatusCodes.Status412PreconditionFailed);

    private static async Task<Results<Ok<GroupView>, ProblemHttpResult>> HandleAsync(
        GroupId id, Request request, IfMatch ifMatch, Caller caller, HttpResponse http, NpgsqlDataSource db, TimeProvider clock,
        CancellationToken ct)
    {
        await using (var tx = await db.BeginAsync(ct))
        {
            if (await GroupRow.LockAsync(tx, caller.OrgId, id) is not { } group)
            {
                return Problems.NotFound();
            }

            if ((ifMatch.Refuse(group.Version) ?? group.RefuseWrite()) is { } refusal)
            {
                return refusal;
            }

            var (before, after) = (
                new Fields(group.Name, group.Description),
                new Fields(
                    request.Name is null ? group.Name : ResourceNameAttribute.Normalize(request.Name),
                    request.Description ?? group.Description));
            if (Changes.Between(before, after) is { } changes)
            {
                var now = clock.GetUtcNow();
                if (!await StoreAsync(tx, caller.OrgId, id, after, now))
                {
                    return CreateGroup.NameTaken();
                }

                tx.Audit(
                    caller, now, "user_group_updated", group.Target, $"{caller.DisplayName} changed the group {after.Name}.",
                    new { group = new { id, name = after.Name }, changes.Before, changes.After, changes.Changed });
                await tx.CommitAsync();
            }
        }

        return await GetGroup.ShowAsync(db, caller, id, http, ct);
    }

    /// <returns>False where another group has the name.</returns>
    private static async Task<bool> StoreAsync(Tx tx, OrganizationId organization, GroupId id, Fields after, DateTimeOffset now)
    {
        try
        {
            await tx.ExecuteAsync(
                """
                update user_groups set name = @Name, description = @Description, version = version + 1, updated_at = @now
                where org_id = @organization and id = @id
                """, new { organization, id, after.Name, after.Description, now });
            return true;
        }
        catch (PostgresException exception) when (exception.SqlState == PostgresErrorCodes.UniqueViolation)
        {
            return false;
        }
    }

    private sealed record Fields(string Name, string Description);
}
