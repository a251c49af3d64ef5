using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Members;

/// <summary>The users of the organization and their roles, in the order in which the users were created.</summary>
internal static class ListMembers
{
    /// <param name="CreatedAt">When the user joined the organization.</param>
    public sealed record Item(SubjectId Id, string Email, string DisplayName, string Role, DateTimeOffset CreatedAt);

    internal static void MapListMembers(this IEndpointRouteBuilder members) =>
        members.MapGet("", HandleAsync).WithName(nameof(ListMembers)).WithSummary("The users of the organization and their roles.");

    private static async Task<Ok<Page<Item>>> HandleAsync(
        Caller caller, PageQuery page, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        page.SortBy(IdPage.Sorts, IdPage.DefaultSort);
        var parameters = IdPage.Parameters(page, caller.OrgId, null, clock.GetUtcNow());
        var total = await db.QuerySingleAsync<long>(
            "select count(*) from memberships m join subjects s on s.id = m.subject_id where m.org_id = @Org and s.type = 'user'",
            parameters, ct);
        var items = await db.QueryAsync<Item>(
            """
            select s.id, s.email, s.display_name, m.role, m.created_at
            from memberships m
            join subjects s on s.id = m.subject_id
            where m.org_id = @Org and s.type = 'user'
              and (@After::uuid is null or case when @Descending then m.subject_id < @After else m.subject_id > @After end)
            order by case when @Descending then m.subject_id end desc, m.subject_id
            limit @Take
            """, parameters, ct);
        return TypedResults.Ok(IdPage.Of(page, items, total, item => item.Id.Value));
    }
}
