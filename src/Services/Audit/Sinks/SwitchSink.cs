using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Audit.Sinks;

/// <summary>An administrator pauses a receiver, and resumes it where it was; also one that was stopped.</summary>
internal static class SwitchSink
{
    private static readonly string[] Changed = ["state"];

    internal static void MapSwitchSink(this IEndpointRouteBuilder sinks)
    {
        sinks.MapPost("/{id}/pause", PauseAsync).RequireAuthorization(Permission.AuditStream).WithName("PauseAuditSink")
            .WithSummary("Send nothing to a receiver until it is resumed.").ProducesProblem(StatusCodes.Status404NotFound);
        sinks.MapPost("/{id}/resume", ResumeAsync).RequireAuthorization(Permission.AuditStream).WithName("ResumeAuditSink")
            .WithSummary("Go on where a receiver was paused or stopped, or try one that fails at once.")
            .ProducesProblem(StatusCodes.Status404NotFound);
    }

    private static Task<Results<Ok<SinkView>, ProblemHttpResult>> PauseAsync(
        SinkId id, Caller caller, HttpResponse http, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct) =>
        SwitchAsync(id, Sink.Paused, caller, http, db, clock, ct);

    private static Task<Results<Ok<SinkView>, ProblemHttpResult>> ResumeAsync(
        SinkId id, Caller caller, HttpResponse http, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct) =>
        SwitchAsync(id, Sink.Active, caller, http, db, clock, ct);

    private static async Task<Results<Ok<SinkView>, ProblemHttpResult>> SwitchAsync(
        SinkId id, string state, Caller caller, HttpResponse http, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        await using (var tx = await db.BeginAsync(ct))
        {
            if (await Sink.LockAsync(tx, caller.OrgId, id) is not { } sink)
            {
                return Problems.NotFound();
            }

            var now = clock.GetUtcNow();
            var isSame = sink.State == state;
            await tx.ExecuteAsync(
                """
                update audit_sinks set state = @state, version = version + @Step,
                    updated_at = case when @Step = 0 then updated_at else @now end, next_at = @now, failing_since = null, leased_until = '-infinity', lease_id = null
                where org_id = @OrgId and sink_id = @id and (@Step = 1 or next_at > @now)
                """, new { caller.OrgId, id, state, now, Step = isSame ? 0 : 1 });
            if (!isSame)
            {
                tx.Audit(
                    caller, now, state == Sink.Paused ? "audit_sink_paused" : "audit_sink_resumed", sink.Target,
                    $"{caller.DisplayName} {(state == Sink.Paused ? "paused" : "resumed")} the receiver {sink.Name} of the audit log.",
                    new { before = new { sink.State }, after = new { state }, changed = Changed, sink.LastSeq });
            }

            await tx.CommitAsync();
        }

        return await ReadSinks.ShowAsync(db, caller, id, http, ct);
    }
}
