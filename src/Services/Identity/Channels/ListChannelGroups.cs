using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.Groups;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Channels;

/// <summary>Which groups have access to a channel, in the order in which the groups were made; to a member its own.</summary>
internal static class ListChannelGroups
{
    /// <param name="Access">read, write or manage.</param>
    public sealed record Item(GroupId Id, string Name, int Members, string Access, DateTimeOffset GrantedAt);

    private const string From =
        """
        from channel_groups a
        join user_groups g on g.id = a.group_id
        where a.org_id = @OrgId and a.channel_id = @id and (@OnlyOf::uuid is null or exists (
            select from group_members own where own.org_id = a.org_id and own.subject_id = @OnlyOf and own.group_id = a.group_id))
        """;

    internal static void MapListChannelGroups(this IEndpointRouteBuilder channels) =>
        channels.MapGet("/{id}/groups", HandleAsync).RequireAuthorization(Permission.ChannelsRead).WithName(nameof(ListChannelGroups))
            .WithSummary("Which groups have access to a channel.").ProducesProblem(StatusCodes.Status404NotFound);

    private static async Task<Results<Ok<Page<Item>>, ProblemHttpResult>> HandleAsync(
        ChannelId id, PageQuery page, Caller caller, NpgsqlDataSource db, CancellationToken ct)
    {
        page.SortBy(IdPage.Sorts, IdPage.DefaultSort);
        if (await GetChannel.FindAsync(db, caller, id, ct) is null)
        {
            return Problems.NotFound();
        }

        var parameters = new { caller.OrgId, id, OnlyOf = GroupRow.OnlyOf(caller), After = IdPage.After(page), Take = page.Limit + 1 };
        var total = await db.QuerySingleAsync<long>($"select count(*) {From}", parameters, ct);
        var items = await db.QueryAsync<Item>(PageSql(page), parameters, ct);
        return TypedResults.Ok(IdPage.Of(page, items, total, item => item.Id.Value));
    }

    private static string PageSql(PageQuery page) =>
        $"""
        select g.id, g.name, g.members, a.access, a.granted_at
        {From} {(page.After is null ? "" : page.Descending ? "and a.group_id < @After" : "and a.group_id > @After")}
        order by a.group_id {(page.Descending ? "desc" : "")}
        limit @Take
        """;
}
