using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Products;

/// <summary>What people of the organization need a seat for, and how many seats there are.</summary>
internal static class ListProducts
{
    public sealed record Response(IReadOnlyList<Item> Items);

    /// <param name="Limit">Null for none.</param>
    /// <param name="Assigned">How many people have a seat. More than the limit where the operator lowered it.</param>
    /// <param name="Reserved">How many pending invitations promise one.</param>
    /// <param name="Available">How many can still be given; null for no end.</param>
    /// <param name="AutoAssign">Whoever comes into the organization gets a seat while there are any.</param>
    public sealed record Item(string Product, int? Limit, int Assigned, int Reserved, int? Available, bool AutoAssign, long Version);

    internal static void MapListProducts(this IEndpointRouteBuilder products) =>
        products.MapGet("", HandleAsync).RequireAuthorization(Permission.SeatsRead).WithName(nameof(ListProducts))
            .WithSummary("What people need a seat for, and how many seats there are.");

    internal static async Task<Response> ReadAsync(NpgsqlDataSource db, OrganizationId organization, CancellationToken ct) =>
        new([.. (await db.QueryAsync<Row>(
            """
            select p.product, l.seat_limit, case
                    when coalesce(l.seat_limit is null and l.auto_assign, true) then (
                        select count(*) from present_memberships m
                        join subjects s on s.id = m.subject_id and s.type = 'user'
                        left join seats h on h.org_id = m.org_id and h.product = p.product and h.subject_id = m.subject_id
                        where m.org_id = @organization and coalesce(h.granted, true))::int
                    else l.assigned end as assigned,
                coalesce(l.reserved, 0) as reserved, coalesce(l.auto_assign, true) as auto_assign, coalesce(l.version, 1) as version
            from unnest(@Products::text[]) with ordinality as p (product, place)
            left join products l on l.org_id = @organization and l.product = p.product
            order by p.place
            """, new { organization, Products = Product.All.ToArray() }, ct)).Select(row => row.ToItem())]);

    private static async Task<Ok<Response>> HandleAsync(Caller caller, NpgsqlDataSource db, CancellationToken ct) =>
        TypedResults.Ok(await ReadAsync(db, caller.OrgId, ct));

    private sealed record Row(string Product, int? SeatLimit, int Assigned, int Reserved, bool AutoAssign, long Version)
    {
        public Item ToItem() => new(
            Product, SeatLimit, Assigned, Reserved, SeatLimit is { } limit ? Math.Max(0, limit - Assigned - Reserved) : null, AutoAssign,
            Version);
    }
}
