using System.ComponentModel.DataAnnotations;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

using Npgsql;

namespace EnvPlatform.Policy.Exceptions;

/// <summary>Refuses an exception that was asked for.</summary>
internal static class RefuseException
{
    /// <param name="Reason">Why; one line. Who asked reads it.</param>
    public sealed record Request([Required, StringLength(RequestException.LongestReason, MinimumLength = 1)] string? Reason);

    public static void MapRefuseException(this IEndpointRouteBuilder exceptions) =>
        exceptions.MapPost("/{id}/refuse", HandleAsync).RequireAuthorization(Permission.PoliciesWrite).WithName(nameof(RefuseException))
            .WithSummary("Refuse an exception that was asked for.")
            .ProducesProblem(StatusCodes.Status400BadRequest).ProducesProblem(StatusCodes.Status404NotFound)
            .ProducesProblem(StatusCodes.Status409Conflict);

    private static Task<Results<Ok<ExceptionView>, ProblemHttpResult>> HandleAsync(
        ExceptionId id, Request request, Caller caller, NpgsqlDataSource db, TimeProvider clock, [FromServices] ILogger<Request> log,
        CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        return ChangeException.ApplyAsync(
            db, caller, id, now, ExceptionRow.Requested, log, _ => null,
            before => before with
            {
                State = ExceptionRow.Refused,
                DecidedBy = caller.SubjectId,
                DecidedByEmail = caller.Email,
                DecidedReason = request.Reason!.Trim(),
                DecidedAt = ExceptionRow.Storable(now),
                EndedAt = ExceptionRow.Storable(now),
            }, ct);
    }
}
