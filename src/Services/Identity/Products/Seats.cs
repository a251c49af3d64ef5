using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.Groups;
using EnvPlatform.Identity.Tokens;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

namespace EnvPlatform.Identity.Products;

/// <summary>
/// Who has a seat of a product: given and taken here alone, with the product's row locked, so that no more are given than there are. The
/// gateways forget what they know of whoever gets or loses one.
/// </summary>
internal static class Seats
{
    /// <summary>
    /// The products that the subject of the membership <c>m</c> has a seat of in its organization, as an array. A service account needs
    /// none and has all.
    /// </summary>
    public const string ProductsOfMember =
        """
        array(
            select p.product
            from unnest(array['environments', 'audit_api']) as p (product)
            left join products l on l.org_id = m.org_id and l.product = p.product
            left join seats h on h.org_id = m.org_id and h.product = p.product and h.subject_id = m.subject_id
            where exists (select from subjects a where a.id = m.subject_id and a.type <> 'user')
                or coalesce(h.granted, coalesce(l.seat_limit is null and l.auto_assign, true)))
        """;

    /// <summary>Whether the user of the membership <c>m</c> has a seat of the product <c>@Seat</c>.</summary>
    public const string HasSeat =
        """
        coalesce(
            (select h.granted from seats h where h.org_id = m.org_id and h.product = @Seat and h.subject_id = m.subject_id),
            (select l.seat_limit is null and l.auto_assign from products l where l.org_id = m.org_id and l.product = @Seat), true)
        """;

    /// <summary>Gives seats to people in the order given, as long as there are any.</summary>
    /// <param name="reason">manual, automatic or invitation.</param>
    /// <returns>Who asked for one in vain; who had one already is not among them.</returns>
    public static async Task<IReadOnlyList<GroupMembers.Person>> AssignAsync(
        Tx tx, Caller caller, ProductRow product, IReadOnlyList<GroupMembers.Person> people, string reason, DateTimeOffset now)
    {
        var known = await KnownAsync(tx, caller.OrgId, product, people);
        var without = people.Where(person => !known.GetValueOrDefault(person.Id, product.IsOpen)).ToArray();
        var given = without.Take(product.Free ?? int.MaxValue).ToArray();
        if (given.Length > 0 && await CountAsync(tx, caller.OrgId, product, given.Length) == 0)
        {
            throw new InvalidOperationException("The seats were counted while the product was not locked.");
        }

        await GrantAsync(tx, caller, product, given, reason, now);
        return without[given.Length..];
    }

    /// <summary>Takes seats from people.</summary>
    /// <param name="reason">manual or removal.</param>
    /// <returns>Who had one.</returns>
    public static async Task<IReadOnlyList<GroupMembers.Person>> RevokeAsync(
        Tx tx, Caller caller, ProductRow product, IReadOnlyList<GroupMembers.Person> people, string reason, DateTimeOffset now)
    {
        var known = await KnownAsync(tx, caller.OrgId, product, people);
        var had = people.Where(person => known.GetValueOrDefault(person.Id, product.IsOpen)).ToArray();
        await tx.ExecuteAsync(
            """
            insert into seats (org_id, product, subject_id, granted, changed_at)
            select @OrgId, @Product, subject_id, false, @now from unnest(@Ids::uuid[]) as given (subject_id)
            on conflict (org_id, product, subject_id) do update set granted = false, changed_at = excluded.changed_at
            """, new { caller.OrgId, product.Product, Ids = Ids(had), now });
        await tx.ExecuteAsync(
            "update products set assigned = assigned - @Count where org_id = @OrgId and product = @Product",
            new { caller.OrgId, product.Product, Count = had.Count(person => known.ContainsKey(person.Id)) });
        await TellAsync(tx, caller, product, had, "product_revoked", "has no seat any more of", reason, now);
        return had;
    }

    /// <summary>Gives somebody who comes into the organization the seats that everybody gets, as long as there are any.</summary>
    public static async Task JoinAsync(Tx tx, Caller caller, SubjectId subject, DateTimeOffset now)
    {
        foreach (var product in await tx.QueryAsync<string>(
            "select product from products where org_id = @OrgId and auto_assign and seat_limit is not null order by product",
            new { caller.OrgId }))
        {
            var row = await ProductRow.LockAsync(tx, caller.OrgId, product);
            if (row is { AutoAssign: true, IsOpen: false })
            {
                await AssignAsync(tx, caller, row, await PeopleAsync(tx, caller.OrgId, [subject]), "automatic", now);
            }
        }
    }

    /// <summary>Frees the seats of somebody who leaves the organization; call it while it is still in it.</summary>
    public static async Task LeaveAsync(Tx tx, Caller caller, SubjectId subject, DateTimeOffset now)
    {
        await ProductRow.LockAllAsync(tx, caller.OrgId);
        var people = await PeopleAsync(tx, caller.OrgId, [subject]);
        foreach (var product in await tx.QueryAsync<string>(
            "select product from seats where org_id = @OrgId and subject_id = @subject order by product", new { caller.OrgId, subject }))
        {
            var row = await ProductRow.LockAsync(tx, caller.OrgId, product);
            await RevokeAsync(tx, caller, row, people, "removal", now);
        }

        await tx.ExecuteAsync("delete from seats where org_id = @OrgId and subject_id = @subject", new { caller.OrgId, subject });
    }

    /// <summary>Promises seats to whoever accepts an invitation, so that accepting does not fail for want of one.</summary>
    /// <param name="uses">How many may accept it.</param>
    /// <returns>Null when they are promised; otherwise the answer, and the transaction must not be committed.</returns>
    public static async Task<ProblemHttpResult?> ReserveAsync(
        Tx tx, OrganizationId organization, InvitationId invitation, IReadOnlyCollection<string> products, int uses = 1)
    {
        foreach (var product in products.Distinct().Order(StringComparer.Ordinal))
        {
            var row = await ProductRow.LockAsync(tx, organization, product);
            var reserved = await tx.ExecuteAsync(
                """
                update products set reserved = reserved + @uses
                where org_id = @organization and product = @product and (seat_limit is null or assigned + reserved + @uses <= seat_limit)
                """, new { organization, product, uses });
            if (reserved == 0)
            {
                return row.Exhausted();
            }

            await tx.ExecuteAsync(
                """
                insert into seat_reservations (org_id, product, invitation_id, seats) values (@organization, @product, @invitation, @uses)
                """, new { organization, product, invitation, uses });
        }

        return null;
    }

    /// <summary>A link gives somebody an invitation of its own: what it promises to one goes with it, where it has any left.</summary>
    public static async Task PassOnAsync(Tx tx, OrganizationId organization, InvitationId link, InvitationId invitation)
    {
        foreach (var reservation in await ReservationsAsync(tx, organization, link))
        {
            await ProductRow.LockAsync(tx, organization, reservation.Product);
            await tx.ExecuteAsync(
                """
                with one as (
                    update seat_reservations set seats = seats - 1
                    where org_id = @organization and product = @Product and invitation_id = @link and seats > 0
                    returning org_id, product)
                insert into seat_reservations (org_id, product, invitation_id, seats)
                select org_id, product, @invitation, 1 from one
                """, new { organization, reservation.Product, link, invitation });
        }
    }

    /// <summary>
    /// An invitation has ended without being accepted: what it promised is free again. A second call finds nothing to free.
    /// </summary>
    public static async Task ReleaseAsync(Tx tx, OrganizationId organization, InvitationId invitation)
    {
        foreach (var reservation in await ReservationsAsync(tx, organization, invitation))
        {
            await ProductRow.LockAsync(tx, organization, reservation.Product);
            await tx.ExecuteAsync(
                """
                with gone as (
                    delete from seat_reservations
                    where org_id = @organization and product = @Product and invitation_id = @invitation returning seats)
                update products set reserved = reserved - (select coalesce(sum(seats), 0) from gone)
                where org_id = @organization and product = @Product
                """, new { organization, reservation.Product, invitation });
        }
    }

    /// <summary>Somebody accepts an invitation, is a member by now, and gets the seats that it promises.</summary>
    public static async Task ClaimAsync(Tx tx, Caller caller, SubjectId subject, InvitationId invitation, DateTimeOffset now)
    {
        var people = await PeopleAsync(tx, caller.OrgId, [subject]);
        foreach (var reservation in await ReservationsAsync(tx, caller.OrgId, invitation))
        {
            await ProductRow.LockAsync(tx, caller.OrgId, reservation.Product);
            var freed = await tx.ExecuteAsync(
                """
                with one as (
                    update seat_reservations set seats = seats - 1
                    where org_id = @OrgId and product = @Product and invitation_id = @invitation and seats > 0 returning 1)
                update products set reserved = reserved - 1
                where org_id = @OrgId and product = @Product and exists (select from one)
                """, new { caller.OrgId, reservation.Product, invitation });
            if (freed == 1)
            {
                // What was promised is free for this person alone, as the product is locked.
                var row = await ProductRow.LockAsync(tx, caller.OrgId, reservation.Product);
                await AssignPromisedAsync(tx, caller, row, people, now);
            }
        }
    }

    /// <summary>The people among some subjects of the organization; service accounts are left out.</summary>
    public static async Task<List<GroupMembers.Person>> PeopleAsync(
        Tx tx, OrganizationId organization, IReadOnlyCollection<SubjectId> subjects) =>
        [.. (await GroupMembers.FindAsync(tx, organization, subjects)).Where(person => person.Type == "user")];

    /// <summary>Also where the limit was lowered since it was promised: nobody loses a seat, and a promise is one.</summary>
    private static async Task AssignPromisedAsync(
        Tx tx, Caller caller, ProductRow product, List<GroupMembers.Person> people, DateTimeOffset now)
    {
        var known = await KnownAsync(tx, caller.OrgId, product, people);
        var given = people.Where(person => !known.GetValueOrDefault(person.Id, product.IsOpen)).ToArray();
        await tx.ExecuteAsync(
            "update products set assigned = assigned + @Length where org_id = @OrgId and product = @Product",
            new { caller.OrgId, product.Product, given.Length });
        await GrantAsync(tx, caller, product, given, "invitation", now);
    }

    private static Task<int> CountAsync(Tx tx, OrganizationId organization, ProductRow product, int seats) => tx.ExecuteAsync(
        """
        update products set assigned = assigned + @seats
        where org_id = @organization and product = @Product and (seat_limit is null or assigned + reserved + @seats <= seat_limit)
        """, new { organization, product.Product, seats });

    private static async Task GrantAsync(
        Tx tx, Caller caller, ProductRow product, GroupMembers.Person[] people, string reason, DateTimeOffset now)
    {
        await tx.ExecuteAsync(
            """
            insert into seats (org_id, product, subject_id, granted, changed_at)
            select @OrgId, @Product, subject_id, true, @now from unnest(@Ids::uuid[]) as given (subject_id)
            on conflict (org_id, product, subject_id) do update set granted = true, changed_at = excluded.changed_at
            """, new { caller.OrgId, product.Product, Ids = Ids(people), now });
        await TellAsync(tx, caller, product, people, "product_assigned", "has a seat now of", reason, now);
    }

    /// <summary>Who was given a seat by name (true) or lost it (false); the others have one while the product is open.</summary>
    private static async Task<Dictionary<SubjectId, bool>> KnownAsync(
        Tx tx, OrganizationId organization, ProductRow product, IReadOnlyCollection<GroupMembers.Person> people) =>
        (await tx.QueryAsync<Seat>(
            "select subject_id, granted from seats where org_id = @organization and product = @Product and subject_id = any(@Ids)",
            new { organization, product.Product, Ids = Ids(people) })).ToDictionary(seat => seat.SubjectId, seat => seat.Granted);

    private static Task<List<Reservation>> ReservationsAsync(Tx tx, OrganizationId organization, InvitationId invitation) =>
        tx.QueryAsync<Reservation>(
            """
            select product, seats from seat_reservations
            where org_id = @organization and invitation_id = @invitation order by product
            """, new { organization, invitation });

    private static async Task TellAsync(
        Tx tx, Caller caller, ProductRow product, IReadOnlyCollection<GroupMembers.Person> people, string action, string what,
        string reason, DateTimeOffset now)
    {
        foreach (var person in people)
        {
            await TokenStore.ForgetAsync(tx, person.Id, now);
            tx.Audit(
                caller, now, action, person.Target, $"{person.DisplayName} {what} {product.Product}.",
                new { product.Product, reason, user = new { person.Id, name = person.DisplayName } });
        }
    }

    private static Guid[] Ids(IEnumerable<GroupMembers.Person> people) => [.. people.Select(person => person.Id.Value)];

    private sealed record Seat(SubjectId SubjectId, bool Granted);

    private sealed record Reservation(string Product, int Seats);
}
