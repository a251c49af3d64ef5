using System.ComponentModel.DataAnnotations;

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
    /// <param name="State">active, or orphaned: its owner is not in the organization any more.</param>
    public sealed record Item(
        MachineId Id, SubjectId OwnerId, string OwnerName, string Hostname, string Platform, string AgentVersion, DateTimeOffset CreatedAt,
        DateTimeOffset UpdatedAt, string State);

    /// <param name="State">Only those of this state.</param>
    public sealed record Filter(
        [property: AllowedValues(null, "active", "orphaned", ErrorMessage = "Must be active or orphaned.")] string? State = null);

    private const string Orphaned =
        """
        not exists (select from present_memberships o where o.org_id = m.org_id and o.subject_id = m.owner_id)
        """;

    private const string Found =
        $"""
        m.org_id = @Org and (@Owner::uuid is null or m.owner_id = @Owner)
            and (@State::text is null or (@State = 'orphaned') = {Orphaned})
        """;

    internal static void MapListMachines(this IEndpointRouteBuilder machines) =>
        machines.MapGet("", HandleAsync).RequireAuthorization(Permission.EnvironmentsRead).WithName(nameof(ListMachines))
            .WithSummary("Machines: one's own, or all for an administrator.");

    private static async Task<Ok<Page<Item>>> HandleAsync(
        [AsParameters] Filter filter, Caller caller, PageQuery page, NpgsqlDataSource db, CancellationToken ct)
    {
        page.SortBy(new Dictionary<string, string> { ["id"] = "id" }, "id");
        var parameters = new
        {
            Org = caller.OrgId,
            Owner = caller.OnlyOwner,
            filter.State,
            After = IdPage.After(page),
            page.Descending,
            Take = page.Limit + 1,
        };
        var total = await db.QuerySingleAsync<long>($"select count(*) from machines m where {Found}", parameters, ct);
        var items = await db.QueryAsync<Item>(
            $"""
            select m.id, m.owner_id, s.display_name as owner_name, m.hostname, m.platform, m.agent_version, m.created_at, m.updated_at,
                case when {Orphaned} then 'orphaned' else 'active' end as state
            from machines m
            join subjects s on s.id = m.owner_id
            where {Found} and (@After::uuid is null or case when @Descending then m.id < @After else m.id > @After end)
            order by case when @Descending then m.id end desc, m.id
            limit @Take
            """, parameters, ct);
        return TypedResults.Ok(IdPage.Of(page, items, total, item => item.Id.Value));
    }
}
