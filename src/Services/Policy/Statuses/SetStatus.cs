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
        var message = MessageOf(status, request.Message);
        return await ChangeAsync(
            db, channel, caller, id, clock.GetUtcNow(), log,
            (before, now) => before with { Status = status, Message = message, SetBy = caller.SubjectId, SetAt = now }, ct);
    }

    /// <summary>Changes what a person set, or that one did.</summary>
    internal static async Task<Results<Ok<StatusView>, ProblemHttpResult>> ChangeAsync(
        NpgsqlDataSource db, InvalidationChannel channel, Caller caller, EnvironmentId id, DateTimeOffset now, ILogger log,
        Func<StatusRow, DateTimeOffset, StatusRow> change, CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        var before = await tx.QuerySingleOrDefaultAsync<StatusRow>(
            $"""
            {StatusRow.Select}
            where s.org_id = @OrgId and s.environment_id = @id and not s.removed for update of s
            """, new { caller.OrgId, id });
        if (before is null)
        {
            return Problems.NotFound();
        }

        var after = change(before, now) with { Version = before.Version + 1 };
        if (before.IsManual == after.IsManual
            && (!after.IsManual || (before.Status == after.Status && before.Message == after.Message)))
        {
            return TypedResults.Ok(before.ToView());
        }

        await tx.ExecuteAsync(
            """
            update environment_status set status = @Status, message = @Message, set_by = @SetBy, set_at = @SetAt, version = version + 1
            where org_id = @OrgId and environment_id = @id
            """, new { caller.OrgId, id, Status = NameOf(after.Status), after.Message, after.SetBy, after.SetAt });
        var found = await ScanFacts.ReadAsync(tx, caller.OrgId, id);
        tx.Publish(new EnvironmentStatusChanged(caller.OrgId, id, after.Effective, after.EffectiveMessage, after.Version, now));
        tx.Audit(
            caller, now, "environment_status_changed", new AuditTarget(id.ToString(), null, "environment"), Sentence(before, after),
            new
            {
                before.MachineId,
                before.Prefix,
                before.Name,
                Before = Described(before),
                After = Described(after),
                Found = found,
            });
        await tx.CommitAsync();
        await channel.DropAsync([new Location(caller.OrgId, before.MachineId!.Value, before.Prefix!)]);
        var name = NameOf(after.Effective);
        LogChanged(log, id, name);
        return TypedResults.Ok(after.ToView());
    }

    private static object Described(StatusRow row) => new
    {
        Status = row.Effective,
        Message = row.EffectiveMessage,
        Manual = row.IsManual,
        Policy = row.IsManual ? null : row.Policy,
    };

    private static string Sentence(StatusRow before, StatusRow after) => (after.IsManual, before.Effective == after.Effective) switch
    {
        (false, _) => $"The status of environment {before.Name} was given back to the policies, by which it is {NameOf(after.Effective)}.",
        (_, true) => $"The status of environment {before.Name} was set to {NameOf(after.Effective)}, which it was before.",
        _ => $"The status of environment {before.Name} was changed from {NameOf(before.Effective)} to {NameOf(after.Effective)}.",
    };

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
