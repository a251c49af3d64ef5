using System.Diagnostics;
using System.Text.Json;

using EnvPlatform.Audit.AuditLogs;
using EnvPlatform.Audit.Proofs;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Audit.Sinks;

/// <summary>An administrator tries a receiver with an event that is in no log.</summary>
internal static class TestSink
{
    /// <summary>What became of it.</summary>
    /// <param name="Error">Null where it was received.</param>
    /// <param name="Milliseconds">Until the receiver had answered.</param>
    public sealed record Trial(bool Delivered, string? Error, long Milliseconds);

    internal static void MapTestSink(this IEndpointRouteBuilder sinks) =>
        sinks.MapPost("/{id}/test", HandleAsync).RequireAuthorization(Permission.AuditStream).WithName("TestAuditSink")
            .WithSummary("Send an event of a test, which is in no log and has the number 0, to a receiver, and say what it answered.")
            .ProducesProblem(StatusCodes.Status404NotFound);

    private static async Task<Results<Ok<Trial>, ProblemHttpResult>> HandleAsync(
        SinkId id, Caller caller, NpgsqlDataSource db, Deliveries deliveries, SignCheckpoints checkpoints, TimeProvider clock,
        CancellationToken ct)
    {
        Sink? sink;
        await using (var tx = await db.BeginAsync(ct))
        {
            sink = await Sink.LockAsync(tx, caller.OrgId, id);
        }

        if (sink is null)
        {
            return Problems.NotFound();
        }

        var now = AuditEntry.ToMicroseconds(clock.GetUtcNow());
        var began = Stopwatch.GetTimestamp();
        var checkpoint = await checkpoints.LatestAsync(sink.OrgId, 0, ct);
        var outcome = await SendAsync(deliveries, sink, Event(caller, sink, now), checkpoint?.Note, ct);
        var error = outcome switch { Outcome.Refused refused => refused.Error, Outcome.Failed failed => failed.Error, _ => null };
        await using (var tx = await db.BeginAsync(ct))
        {
            tx.Audit(
                caller, clock.GetUtcNow(), "audit_sink_tested", sink.Target,
                $"{caller.DisplayName} tried the receiver {sink.Name} of the audit log: {error ?? "it received the event."}",
                new { delivered = error is null, error });
            await tx.CommitAsync();
        }

        return TypedResults.Ok(new Trial(error is null, error, (long)Stopwatch.GetElapsedTime(began).TotalMilliseconds));
    }

    private static async Task<Outcome> SendAsync(Deliveries deliveries, Sink sink, SinkEvent item, string? checkpoint, CancellationToken ct)
    {
        using var delivery = deliveries.Of(sink);
        return delivery is null
            ? new Outcome.Failed("The secret cannot be read with this SERVICE_SECRET; make a new one.")
            : await delivery.SendAsync(new($"msg_{Guid.CreateVersion7():N}", $"{sink.OrgId}", [item], checkpoint), ct);
    }

    private static SinkEvent Event(Caller caller, Sink sink, DateTimeOffset now)
    {
        var item = new AuditEvent(
            Guid.CreateVersion7(now), sink.OrgId, caller.Organization!.Slug, 0, "audit_log", "audit_sink_tested", "tested",
            $"{caller.SubjectId}", caller.Email, caller.SubjectType, $"{sink.SinkId}", null, "audit_sink", "audit",
            "This is a test: the event is in no log.", JsonSerializer.SerializeToElement(new { test = true }, Json.Options), now, now,
            caller.SourceAddress, caller.UserAgent, null, caller.RequestId);
        return new(0, item.ActionKey, now, JsonSerializer.SerializeToUtf8Bytes(item, Json.Options));
    }
}
