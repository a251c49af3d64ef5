using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Groups;

/// <summary>Which channels a group has access to, in the order in which the channels were made or discovered.</summary>
internal static class ListGroupChannels
{
    /// <param name="Privacy">The access counts while this is private.</param>
    /// <param name="Access">read, write or manage.</param>
    public sealed record Item(ChannelId Id, string Name, string Kind, string Privacy, string Access, DateTimeOffset GrantedAt);

    internal static void MapListGroupChannels(this IEndpointRouteBuilder groups) =>
        groups.MapGet("/{id}/channels", HandleAsync).RequireAuthorization(Permission.GroupsRead).WithName(nameof(ListGroupChannels))
            .WithSummary("Which channels a group has access to.").ProducesProblem(StatusCodes.Status404NotFound);

    private static async Task<Results<Ok<Page<Item>>, ProblemHttpResult>> HandleAsync(
        GroupId id, PageQuery page, Caller caller, NpgsqlDataSource db, CancellationToken ct)
    {
        page.SortBy(IdPage.Sorts, IdPage.DefaultSort);
        if (await GetGroup.FindAsync(db, caller, id, ct) is not { } group)
        {
            return Problems.NotFound();
        }

        var items = await db.QueryAsync<Item>(
            PageSql(page), new { caller.OrgId, id, After = IdPage.After(page), Take = page.Limit + 1 }, ct);
        return TypedResults.Ok(IdPage.Of(page, items, group.Channels, item => item.Id.Value));
    }

    private static string PageSql(PageQuery page) =>
        $"""
        select c.id, c.name, c.kind, c.privacy, a.access, a.granted_at
        from channel_groups a
        join channels c on c.id = a.channel_id
        where a.org_id = @OrgId and a.group_id = @id
          {(page.After is null ? "" : page.Descending ? "and a.channel_id < @After" : "and a.channel_id > @After")}
        order by a.channel_id {(page.Descending ? "desc" : "")}
        limit @Take
        """;
}
