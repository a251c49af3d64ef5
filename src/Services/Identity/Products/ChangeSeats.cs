using System.ComponentModel.DataAnnotations;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Products;

/// <summary>An administrator gives seats to many, in the order of the ids as long as there are any, or takes them.</summary>
internal static class ChangeSeats
{
    /// <param name="Action">assign or revoke.</param>
    public sealed record Request(
        [Required, BulkIds] IReadOnlyList<SubjectId> Ids,
        [Required, AllowedValues("assign", "revoke", ErrorMessage = "Must be assign or revoke.")]
        string Action);

    internal static void MapChangeSeats(this IEndpointRouteBuilder products) =>
        products.MapPost("/{product}/seats/bulk", HandleAsync).RequireAuthorization(Permission.SeatsWrite).WithName(nameof(ChangeSeats))
            .WithSummary("Give seats to many, or take them; says what became of each.").ProducesProblem(StatusCodes.Status404NotFound);

    private static async Task<Results<Ok<Bulk.Response>, ProblemHttpResult>> HandleAsync(
        [MaxLength(100)] string product, Request request, Caller caller, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        if (!Product.All.Contains(product))
        {
            return Problems.NotFound();
        }

        await using var tx = await db.BeginAsync(ct);
        var row = await ProductRow.LockAsync(tx, caller.OrgId, product);
        var found = (await Seats.PeopleAsync(tx, caller.OrgId, [.. request.Ids])).ToDictionary(person => person.Id);
        var people = request.Ids.Distinct().Where(found.ContainsKey).Select(id => found[id]).ToArray();
        var now = clock.GetUtcNow();
        HashSet<SubjectId> done, exhausted;
        if (request.Action == "assign")
        {
            exhausted = [.. (await Seats.AssignAsync(tx, caller, row, people, "manual", now)).Select(person => person.Id)];
            done = [.. people.Select(person => person.Id).Except(exhausted)];
        }
        else
        {
            exhausted = [];
            done = [.. (await Seats.RevokeAsync(tx, caller, row, people, "manual", now)).Select(person => person.Id)];
        }

        await tx.CommitAsync();
        return TypedResults.Ok(new Bulk.Response(
            [.. request.Ids.Select(id => done.Contains(id) ? Bulk.Done(id)
                : exhausted.Contains(id) ? new Bulk.Result(id, StatusCodes.Status409Conflict, "seats_exhausted") : Bulk.NotFound(id))]));
    }
}
