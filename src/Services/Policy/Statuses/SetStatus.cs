using System.ComponentModel.DataAnnotations;

using EnvPlatform.Contracts;
using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Policy.Activations;
using EnvPlatform.Policy.Scans;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

using Npgsql;

namespace EnvPlatform.Policy.Statuses;

/// <summary>An administrator warns about an environment, blocks it, or lets it be used again.</summary>
internal static partial class SetStatus
{
    /// <param name="Message">What the member sees at the next activation; where it is left out, a sentence of the platform.</param>
    public sealed record Request([Required] EnvironmentStatus? Status, [MaxLength(2_000), MultiLine] string? Message = null);

    public static void MapSetStatus(this IEndpointRouteBuilder environments) =>
        environments.MapPut("/{id}/status", HandleAsync).RequireAuthorization(Permission.EnvironmentsStatus).WithName(nameof(SetStatus))
            .WithSummary("Warn about an environment, block it, or let it be used again.");

    private static async Task<Results<Ok<StatusView>, ProblemHttpResult>> HandleAsync(
        EnvironmentId id, Request request, Caller caller, [FromServices] KnownEnvironments environments,
        [FromServices] InvalidationChannel channel,
        NpgsqlDataSource db, TimeProvider clock, [FromServices] ILogger<Request> log, CancellationToken ct)
    {
        switch (await environments.FindAsync(caller.OrgId, id, ct))
        {
            case Lookup.Missing:
                return Problems.NotFound();
            case Lookup.Unanswered:
                return StatusEndpoints.Unanswered();
        }

        var status = request.Status!.Value;
        var name = NameOf(status);
        var message = MessageOf(status, request.Message);
        await using var tx = await db.BeginAsync(ct);
        var before = await tx.QuerySingleOrDefaultAsync<StatusRow>(
            """
            select environment_id, machine_id, prefix, name, owner, status, message, set_by, set_at, version, removed
            from environment_status where org_id = @OrgId and environment_id = @id and not removed for update
            """, new { caller.OrgId, id });
        if (before is null)
        {
            return Problems.NotFound();
        }

        if (before.Status == status && before.Message == message)
        {
            return TypedResults.Ok(before.ToView());
        }

        var now = clock.GetUtcNow();
        var after = before with { Status = status, Message = message, SetBy = caller.SubjectId, SetAt = now, Version = before.Version + 1 };
        await tx.ExecuteAsync(
            """
            update environment_status set status = @Status, message = @Message, set_by = @SetBy, set_at = @SetAt, version = @Version
            where org_id = @OrgId and environment_id = @id
            """, new { caller.OrgId, id, Status = name, after.Message, after.SetBy, after.SetAt, after.Version });
        var found = await ScanFacts.ReadAsync(tx, caller.OrgId, id);
        tx.Publish(new EnvironmentStatusChanged(caller.OrgId, id, status, message, after.Version, now));
        tx.Audit(
            caller, now, "environment_status_changed", new AuditTarget(id.ToString(), null, "environment"),
            $"The status of environment {before.Name} was changed from {NameOf(before.Status)} to {name}.",
            new
            {
                before.MachineId,
                before.Prefix,
                before.Name,
                Before = new { before.Status, before.Message },
                After = new { after.Status, after.Message },
                Found = found,
            });
        await tx.CommitAsync();
        await channel.DropAsync([new Location(caller.OrgId, before.MachineId!.Value, before.Prefix!)]);
        LogChanged(log, id, name);
        return TypedResults.Ok(after.ToView());
    }

    internal static string NameOf(EnvironmentStatus status) => status switch
    {
        EnvironmentStatus.Block => "block",
        EnvironmentStatus.Warn => "warn",
        _ => "ok",
    };

    private static string? MessageOf(EnvironmentStatus status, string? given) => (status, string.IsNullOrWhiteSpace(given)) switch
    {
        (_, false) => given,
        (EnvironmentStatus.Warn, _) => "An administrator warns about this environment.",
        (EnvironmentStatus.Block, _) => "An administrator has blocked this environment.",
        _ => null,
    };

    [LoggerMessage(Level = LogLevel.Information, Message = "Environment {EnvironmentId} is now {Status}")]
    private static partial void LogChanged(ILogger logger, EnvironmentId environmentId, string status);
}
