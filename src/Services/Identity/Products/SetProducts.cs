using System.ComponentModel.DataAnnotations;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Identity.Organizations;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Products;

/// <summary>
/// The operator says how many seats an organization has. Nobody loses a seat by it: where the limit is lower than the seats that are given,
/// no more are given. Whoever had one while everybody had keeps it.
/// </summary>
internal static class SetProducts
{
    /// <param name="Products">Those that change.</param>
    public sealed record Request([Required, MinLength(1), MaxLength(10)] IReadOnlyList<Change> Products);

    public sealed record Change
    {
        [Required, Product]
        public required string Product { get; init; }

        /// <summary>Null for as many as there are people; it has to be said.</summary>
        [Range(0, 1_000_000)]
        public required int? Limit { get; init; }

        /// <summary>Whoever comes into the organization gets a seat while there are any.</summary>
        public required bool AutoAssign { get; init; }
    }

    internal static void MapSetProducts(this IEndpointRouteBuilder products) =>
        products.MapPatch("", HandleAsync).RequireAuthorization(Access.Operator).WithName(nameof(SetProducts))
            .WithSummary("Say how many seats an organization has.").ProducesProblem(StatusCodes.Status404NotFound);

    private static async Task<Results<Ok<ListProducts.Response>, ProblemHttpResult>> HandleAsync(
        string org, Request request, Caller caller, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        if (request.Products.GroupBy(change => change.Product).Any(same => same.Count() > 1))
        {
            return Problems.Invalid("products", "Names a product twice.");
        }

        await using var tx = await db.BeginAsync(ct);
        var organization = await tx.QuerySingleOrDefaultAsync<OrganizationRow>(
            "select id, slug, name from organizations where (slug = @org or id = @Id) and deleted_at is null",
            new { org, Id = OrganizationRow.IdOf(org) });
        if (organization is null)
        {
            return Problems.NotFound();
        }

        var now = clock.GetUtcNow();
        foreach (var change in request.Products.OrderBy(change => change.Product, StringComparer.Ordinal))
        {
            await ChangeAsync(tx, organization, caller, change, now);
        }

        await tx.CommitAsync();
        return TypedResults.Ok(await ListProducts.ReadAsync(db, organization.Id, ct));
    }

    private static async Task ChangeAsync(Tx tx, OrganizationRow organization, Caller caller, Change change, DateTimeOffset now)
    {
        var row = await ProductRow.LockAsync(tx, organization.Id, change.Product);
        if (Changes.Between(new Fields(row.SeatLimit, row.AutoAssign), new Fields(change.Limit, change.AutoAssign)) is not { } changes)
        {
            return;
        }

        if (row.IsOpen)
        {
            await KeepEverybodyAsync(tx, organization, change.Product, now);
        }

        await tx.ExecuteAsync(
            """
            update products set seat_limit = @Limit, auto_assign = @AutoAssign, version = version + 1
            where org_id = @Id and product = @Product
            """, new { organization.Id, change.Product, change.Limit, change.AutoAssign });
        await organization.ForgetAsync(tx, now);
        tx.Audit(
            organization.Seen(caller), now, "organization_updated", new AuditTarget(organization.Id.ToString(), null, "organization"),
            $"{caller.DisplayName} changed the seats of {change.Product} in {organization.Slug}.",
            new { change.Product, changes.Before, changes.After, changes.Changed });
    }

    /// <summary>Gives a seat by name to everybody who has one because everybody has.</summary>
    private static async Task KeepEverybodyAsync(Tx tx, OrganizationRow organization, string product, DateTimeOffset now)
    {
        var kept = await tx.ExecuteAsync(
            """
            insert into seats (org_id, product, subject_id, granted, changed_at)
            select m.org_id, @product, m.subject_id, true, @now
            from present_memberships m
            join subjects s on s.id = m.subject_id and s.type = 'user'
            where m.org_id = @Id
            on conflict (org_id, product, subject_id) do nothing
            """, new { organization.Id, product, now });
        await tx.ExecuteAsync(
            "update products set assigned = assigned + @kept where org_id = @Id and product = @product",
            new { organization.Id, product, kept });
    }

    private sealed record Fields(int? Limit, bool AutoAssign);
}
