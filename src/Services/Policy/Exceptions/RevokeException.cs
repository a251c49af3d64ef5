using System.ComponentModel.DataAnnotations;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

using Npgsql;

namespace EnvPlatform.Policy.Exceptions;

/// <summary>Ends a granted exception before its time.</summary>
internal static class RevokeException
{
    /// <param name="Reason">Why; one line. Who asked for the exception reads it.</param>
    public sealed record Request([Required, StringLength(RequestException.LongestReason, MinimumLength = 1)] string? Reason);

    public static void MapRevokeException(this IEndpointRouteBuilder exceptions) =>
        exceptions.MapPost("/{id}/revoke", HandleAsync).RequireAuthorization(Permission.PoliciesWrite).WithName(nameof(RevokeException))
            .WithSummary("End a granted exception before its time.")
            .ProducesProblem(StatusCodes.Status400BadRequest).ProducesProblem(StatusCodes.Status404NotFound)
            .ProducesProblem(StatusCodes.Status409Conflict);

    private static Task<Results<Ok<ExceptionView>, ProblemHttpResult>> HandleAsync(
        ExceptionId id, Request request, Caller caller, NpgsqlDataSource db, TimeProvider clock, [FromServices] ILogger<Request> log,
        CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        return ChangeException.ApplyAsync(
            db, caller, id, now, ExceptionRow.Granted, log, _ => null,
            before => before with
            {
                State = ExceptionRow.Revoked,
                EndedAt = ExceptionRow.Storable(now),
                EndedBy = caller.SubjectId,
                EndedByEmail = caller.Email,
                EndedReason = request.Reason!.Trim(),
            }, ct);
    }
}
