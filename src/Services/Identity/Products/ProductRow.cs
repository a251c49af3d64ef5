using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;

using Microsoft.AspNetCore.Http.HttpResults;

namespace EnvPlatform.Identity.Products;

/// <summary>How an organization gives out the seats of a product, locked until the transaction ends.</summary>
/// <param name="SeatLimit">Null for as many as there are people.</param>
/// <param name="AutoAssign">Whoever comes into the organization gets a seat while there are any.</param>
/// <param name="Assigned">Seats that were given by name.</param>
/// <param name="Reserved">Seats that pending invitations promise.</param>
internal sealed record ProductRow(string Product, int? SeatLimit, bool AutoAssign, int Assigned, int Reserved, long Version)
{
    /// <summary>
    /// No limit, and everybody has a seat but those that lost theirs: what an organization has where nobody said otherwise. Seats are not
    /// given by name then.
    /// </summary>
    public bool IsOpen => SeatLimit is null && AutoAssign;

    public int? Free => SeatLimit is { } limit ? Math.Max(0, limit - Assigned - Reserved) : null;

    public static async Task<ProductRow> LockAsync(Tx tx, OrganizationId organization, string product)
    {
        await tx.ExecuteAsync(
            "insert into products (org_id, product) values (@organization, @product) on conflict do nothing",
            new { organization, product });
        return await tx.QuerySingleAsync<ProductRow>(
            """
            select product, seat_limit, auto_assign, assigned, reserved, version from products
            where org_id = @organization and product = @product for update
            """, new { organization, product });
    }

    /// <summary>
    /// Locks all products, in the order in which everybody does who needs more than one. Whoever ends a membership does so before it looks
    /// at the seats, so that none is given meanwhile.
    /// </summary>
    public static async Task LockAllAsync(Tx tx, OrganizationId organization)
    {
        foreach (var product in ServiceDefaults.Callers.Product.All.Order(StringComparer.Ordinal))
        {
            await LockAsync(tx, organization, product);
        }
    }

    public ProblemHttpResult Exhausted() => Problems.Conflict(
        "seats_exhausted",
        $"All {SeatLimit} seats of {Product} are taken or promised. Take one from somebody, or ask the operator for more.",
        ("product", Product), ("limit", SeatLimit), ("assigned", Assigned), ("reserved", Reserved));
}
