using System.ComponentModel.DataAnnotations;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

using Npgsql;

namespace EnvPlatform.Policy.Exceptions;

/// <summary>Who asked for an exception takes that back while nobody has answered.</summary>
internal static class WithdrawException
{
    /// <param name="Reason">Why, if there is anything to say; one line.</param>
    public sealed record Request([StringLength(RequestException.LongestReason, MinimumLength = 1)] string? Reason = null);

    public static void MapWithdrawException(this IEndpointRouteBuilder exceptions) =>
        exceptions.MapPost("/{id}/withdraw", HandleAsync).RequireAuthorization(Permission.EnvironmentsLog)
            .WithName(nameof(WithdrawException)).WithSummary("Take back one's own request for an exception that nobody has answered.")
            .ProducesProblem(StatusCodes.Status400BadRequest).ProducesProblem(StatusCodes.Status404NotFound)
            .ProducesProblem(StatusCodes.Status409Conflict);

    private static Task<Results<Ok<ExceptionView>, ProblemHttpResult>> HandleAsync(
        ExceptionId id, Request? request, Caller caller, NpgsqlDataSource db, TimeProvider clock, [FromServices] ILogger<Request> log,
        CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        return ChangeException.ApplyAsync(
            db, caller, id, now, ExceptionRow.Requested, log,
            before => before.RequestedBy == caller.SubjectId ? null
                : Problems.Of(
                    StatusCodes.Status403Forbidden, "forbidden", "Not allowed.",
                    "A request is withdrawn by who made it; others may refuse it, or revoke what was granted."),
            before => before with
            {
                State = ExceptionRow.Withdrawn,
                EndedAt = ExceptionRow.Storable(now),
                EndedBy = caller.SubjectId,
                EndedByEmail = caller.Email,
                EndedReason = request?.Reason?.Trim(),
            }, ct);
    }
}
