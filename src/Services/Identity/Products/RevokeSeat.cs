using System.ComponentModel.DataAnnotations;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

using Npgsql;

namespace EnvPlatform.Identity.Products;

/// <summary>
/// An administrator takes a seat from somebody, who then logs no environments, or does not use the audit API. What it logged stays, and its
/// machines are told as before what is blocked.
/// </summary>
internal static class RevokeSeat
{
    internal static void MapRevokeSeat(this IEndpointRouteBuilder products) =>
        products.MapDelete("/{product}/seats/{user_id}", HandleAsync).RequireAuthorization(Permission.SeatsWrite)
            .WithName(nameof(RevokeSeat)).WithSummary("Take a seat from somebody.").ProducesProblem(StatusCodes.Status404NotFound);

    private static async Task<Results<NoContent, ProblemHttpResult>> HandleAsync(
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
        if (await Seats.RevokeAsync(tx, caller, row, people, "manual", clock.GetUtcNow()) is [])
        {
            return Problems.NotFound("There is no such seat.");
        }

        await tx.CommitAsync();
        return TypedResults.NoContent();
    }
}
