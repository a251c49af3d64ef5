using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Policy.Exceptions;

/// <summary>One exception, for who asked for it, whose environment it is about, and who may see all.</summary>
internal static class GetException
{
    public static void MapGetException(this IEndpointRouteBuilder exceptions) =>
        exceptions.MapGet("/{id}", HandleAsync).RequireAuthorization(Permission.PoliciesRead).WithName(nameof(GetException))
            .WithSummary("An exception from policies, with what became of it.").ProducesProblem(StatusCodes.Status404NotFound);

    private static async Task<Results<Ok<ExceptionView>, ProblemHttpResult>> HandleAsync(
        ExceptionId id, Caller caller, NpgsqlDataSource db, CancellationToken ct) =>
        await db.QuerySingleOrDefaultAsync<ExceptionRow>(
            $"{ExceptionRow.Select} where x.org_id = @OrgId and x.exception_id = @id and {ExceptionRow.IsVisible}",
            new { caller.OrgId, id, Only = ExceptionRow.OnlyOf(caller) }, ct) is { } row
            ? TypedResults.Ok(row.ToView())
            : Problems.NotFound();
}
