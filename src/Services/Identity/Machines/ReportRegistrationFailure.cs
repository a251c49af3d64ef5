using System.ComponentModel.DataAnnotations;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Machines;

/// <summary>
/// A member's agent says that it could not register its machine, and why: whoever looks for a machine that is missing finds the reason in
/// the audit log. It changes nothing else.
/// </summary>
internal static class ReportRegistrationFailure
{
    private const string OneLine = @"^[^\p{Cc}]*$";
    private const string OneLineMessage = "Must be one line of plain text.";

    /// <param name="MachineId">The id that the agent chose; null where it did not come to that.</param>
    /// <param name="Reason">What the agent told its user.</param>
    public sealed record Request(
        [Required, MinLength(1), MaxLength(253), RegularExpression(OneLine, ErrorMessage = OneLineMessage)] string Hostname,
        [Required, MaxLength(40), RegularExpression(
            "^[a-z0-9_]+(-[a-z0-9_]+)?$", ErrorMessage = "Must be a conda platform such as linux-64.")] string Platform,
        [Required, MinLength(1), MaxLength(100), RegularExpression(OneLine, ErrorMessage = OneLineMessage)] string AgentVersion,
        [Required, MinLength(1), MaxLength(1_000), RegularExpression(OneLine, ErrorMessage = OneLineMessage)] string Reason,
        MachineId? MachineId = null);

    internal static void MapReportRegistrationFailure(this IEndpointRouteBuilder machines) =>
        machines.MapPost("/registration-failures", HandleAsync).RequireAuthorization(Permission.EnvironmentsLog)
            .WithName(nameof(ReportRegistrationFailure)).WithSummary("Say that a machine could not be registered, and why.");

    private static async Task<Accepted> HandleAsync(
        Request request, Caller caller, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        tx.Audit(
            caller, clock.GetUtcNow(), "machine_registration_failed",
            new AuditTarget(request.MachineId?.ToString() ?? request.Hostname, request.Hostname, "machine"),
            $"{caller.DisplayName} could not register the machine {request.Hostname}.",
            new { request.Hostname, request.Platform, request.AgentVersion, request.Reason });
        await tx.CommitAsync();
        return TypedResults.Accepted((string?)null);
    }
}
