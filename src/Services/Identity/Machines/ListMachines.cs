using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Machines;

/// <summary>The member's own machines, or all of the organization's for an administrator, in the order of their ids.</summary>
internal static class ListMachines
{
    public sealed record Item(
        MachineId Id, SubjectId OwnerId, string OwnerName, string Hostname, string Platform, string AgentVersion, DateTimeOffset CreatedAt,
        DateTimeOffset UpdatedAt);

    internal static void MapListMachines(this IEndpointRouteBuilder machines) =>
        machines.MapGet("", HandleAsync).RequireAuthorization(Permission.EnvironmentsRead).WithName(nameof(ListMachines))
            .WithSummary("Machines: one's own, or all for an administrator.");

    private static async Task<Ok<Page<Item>>> HandleAsync(
        Caller caller, PageQuery page, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        page.SortBy(new Dictionary<string, string> { ["id"] = "id" }, "id");
        var parameters = IdPage.Parameters(page, caller.OrgId, caller.OnlyOwner, clock.GetUtcNow());
        var total = await db.QuerySingleAsync<long>(
            "select count(*) from machines where org_id = @Org and (@Owner::uuid is null or owner_id = @Owner)", parameters, ct);
        var items = await db.QueryAsync<Item>(
            """
            select m.id, m.owner_id, s.display_name as owner_name, m.hostname, m.platform, m.agent_version, m.created_at, m.updated_at
            from machines m
            join subjects s on s.id = m.owner_id
            where m.org_id = @Org and (@Owner::uuid is null or m.owner_id = @Owner)
              and (@After::uuid is null or case when @Descending then m.id < @After else m.id > @After end)
            order by case when @Descending then m.id end desc, m.id
            limit @Take
            """, parameters, ct);
        return TypedResults.Ok(IdPage.Of(page, items, total, item => item.Id.Value));
    }
}
