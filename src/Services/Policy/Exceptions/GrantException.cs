using System.ComponentModel.DataAnnotations;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Policy.Exceptions;

/// <summary>Grants an exception, until the time that was asked for or another one.</summary>
internal static class GrantException
{
    /// <param name="Reason">Why; one line.</param>
    /// <param name="ExpiresAt">When it ends; the time that was asked for where it is left out.</param>
    public sealed record Request(
        [Required, StringLength(RequestException.LongestReason, MinimumLength = 1)] string? Reason, DateTimeOffset? ExpiresAt = null);

    public static void MapGrantException(this IEndpointRouteBuilder exceptions) =>
        exceptions.MapPost("/{id}/grant", HandleAsync).RequireAuthorization(Permission.PoliciesWrite).WithName(nameof(GrantException))
            .WithSummary("Grant an exception that was asked for; for another time where expires_at is given.")
            .ProducesProblem(StatusCodes.Status400BadRequest).ProducesProblem(StatusCodes.Status404NotFound)
            .ProducesProblem(StatusCodes.Status409Conflict);

    private static Task<Results<Ok<ExceptionView>, ProblemHttpResult>> HandleAsync(
        ExceptionId id, Request request, Caller caller, NpgsqlDataSource db, TimeProvider clock, IOptions<PolicyOptions> options,
        [FromServices] ILogger<Request> log, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        return ChangeException.ApplyAsync(
            db, caller, id, now, ExceptionRow.Requested, log,
            before => before.State == ExceptionRow.Requested
                ? RequestException.RefuseEnd("expires_at", request.ExpiresAt ?? before.RequestedUntil, now, options.Value) : null,
            before => before with
            {
                State = ExceptionRow.Granted,
                DecidedBy = caller.SubjectId,
                DecidedByEmail = caller.Email,
                DecidedReason = request.Reason!.Trim(),
                DecidedAt = ExceptionRow.Storable(now),
                ExpiresAt = ExceptionRow.Storable(request.ExpiresAt ?? before.RequestedUntil),
            }, ct);
    }
}
