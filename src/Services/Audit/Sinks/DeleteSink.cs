using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Audit.Sinks;

/// <summary>An administrator has the log sent to a receiver no more.</summary>
internal static class DeleteSink
{
    internal static void MapDeleteSink(this IEndpointRouteBuilder sinks) =>
        sinks.MapDelete("/{id}", HandleAsync).RequireAuthorization(Permission.AuditStream).WithName("DeleteAuditSink")
            .WithSummary("Send the audit log to a receiver no more.").ProducesProblem(StatusCodes.Status404NotFound)
            .ProducesProblem(StatusCodes.Status412PreconditionFailed);

    private static async Task<Results<NoContent, ProblemHttpResult>> HandleAsync(
        SinkId id, IfMatch ifMatch, Caller caller, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        if (await Sink.LockAsync(tx, caller.OrgId, id) is not { } sink)
        {
            return Problems.NotFound();
        }

        if (ifMatch.Refuse(sink.Version) is { } refusal)
        {
            return refusal;
        }

        await tx.ExecuteAsync("delete from audit_sinks where org_id = @OrgId and sink_id = @id", new { caller.OrgId, id });
        tx.Audit(
            caller, clock.GetUtcNow(), "audit_sink_deleted", sink.Target,
            $"{caller.DisplayName} has the audit log no longer sent to {sink.Name}.", new { before = sink.Fields, sink.LastSeq });
        await tx.CommitAsync();
        return TypedResults.NoContent();
    }
}
