using System.ComponentModel.DataAnnotations;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

using Npgsql;

namespace EnvPlatform.Identity.Products;

/// <summary>An administrator gives somebody a seat. Who has one keeps it, without an event.</summary>
internal static class AssignSeat
{
    public sealed record Response(string Product, SubjectId UserId);

    internal static void MapAssignSeat(this IEndpointRouteBuilder products) =>
        products.MapPut("/{product}/seats/{user_id}", HandleAsync).RequireAuthorization(Permission.SeatsWrite).WithName(nameof(AssignSeat))
            .WithSummary("Give somebody a seat.").ProducesProblem(StatusCodes.Status404NotFound)
            .ProducesProblem(StatusCodes.Status409Conflict);

    private static async Task<Results<Ok<Response>, ProblemHttpResult>> HandleAsync(
        [MaxLength(100)] string product, [FromRoute(Name = "user_id")] SubjectId userId, Caller caller, NpgsqlDataSource db,
        TimeProvider clock, CancellationToken ct)
    {
        if (!Product.All.Contains(product))
        {
            return Problems.NotFound();
        }

        await using var tx = await db.BeginAsync(ct);
        var row = await ProductRow.LockAsync(tx, caller.OrgId, product);
        var people = await Seats.PeopleAsync(tx, caller.OrgId, [userId]);
        if (people.Count == 0)
        {
            return Problems.NotFound("There is no such person in the organization; service accounts need no seat.");
        }

        if (await Seats.AssignAsync(tx, caller, row, people, "manual", clock.GetUtcNow()) is not [])
        {
            return row.Exhausted();
        }

        await tx.CommitAsync();
        return TypedResults.Ok(new Response(product, userId));
    }
}
