using System.ComponentModel.DataAnnotations;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Groups;

/// <summary>An administrator puts many into a group, or takes them out of it.</summary>
internal static class ChangeGroupMembers
{
    /// <param name="Action">add or remove.</param>
    public sealed record Request(
        [Required, BulkIds] IReadOnlyList<SubjectId> Ids,
        [Required, AllowedValues("add", "remove", ErrorMessage = "Must be add or remove.")]
        string Action);

    internal static void MapChangeGroupMembers(this IEndpointRouteBuilder groups) =>
        groups.MapPost("/{id}/members/bulk", HandleAsync).RequireAuthorization(Permission.GroupsWrite)
            .WithName(nameof(ChangeGroupMembers)).WithSummary("Put many into a group, or take them out; says what became of each.")
            .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict);

    private static async Task<Results<Ok<Bulk.Response>, ProblemHttpResult>> HandleAsync(
        GroupId id, Request request, Caller caller, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        if (await GroupRow.LockAsync(tx, caller.OrgId, id) is not { } group)
        {
            return Problems.NotFound();
        }

        if (group.RefuseWrite() is { } refusal)
        {
            return refusal;
        }

        var now = clock.GetUtcNow();
        var people = await GroupMembers.FindAsync(tx, caller.OrgId, request.Ids);
        var done = request.Action == "add"
            ? people.Select(person => person.Id).ToHashSet()
            : await GroupMembers.RemoveAsync(tx, caller, group, people, now);
        if (request.Action == "add")
        {
            await GroupMembers.AddAsync(tx, caller, group, people, now);
        }

        await tx.CommitAsync();
        return TypedResults.Ok(new Bulk.Response(
            [.. request.Ids.Select(item => done.Contains(item) ? Bulk.Done(item) : Bulk.NotFound(item))]));
    }
}
