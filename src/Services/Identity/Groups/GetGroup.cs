using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Groups;

/// <summary>One group; to a member a group that it is not in is not there.</summary>
internal static class GetGroup
{
    internal static void MapGetGroup(this IEndpointRouteBuilder groups) =>
        groups.MapGet("/{id}", HandleAsync).RequireAuthorization(Permission.GroupsRead).WithName(nameof(GetGroup))
            .WithSummary("One group.").ProducesProblem(StatusCodes.Status404NotFound);

    /// <summary>Null when the caller may not see it, or it is not there.</summary>
    internal static Task<GroupView?> FindAsync(NpgsqlDataSource db, Caller caller, GroupId id, CancellationToken ct) =>
        db.QuerySingleOrDefaultAsync<GroupView>(
            $"select {GroupView.Columns} {GroupView.Visible} and g.id = @id",
            new { caller.OrgId, OnlyOf = GroupRow.OnlyOf(caller), id }, ct);

    internal static async Task<Results<Ok<GroupView>, ProblemHttpResult>> ShowAsync(
        NpgsqlDataSource db, Caller caller, GroupId id, HttpResponse http, CancellationToken ct)
    {
        if (await FindAsync(db, caller, id, ct) is not { } group)
        {
            return Problems.NotFound();
        }

        IfMatch.Tell(http, group.Version);
        return TypedResults.Ok(group);
    }

    private static async Task<Results<Ok<GroupView>, ProblemHttpResult>> HandleAsync(
        GroupId id, Caller caller, HttpResponse http, NpgsqlDataSource db, CancellationToken ct) =>
        await ShowAsync(db, caller, id, http, ct);
}
