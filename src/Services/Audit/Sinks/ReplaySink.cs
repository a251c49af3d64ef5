using System.ComponentModel.DataAnnotations;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Audit.Sinks;

/// <summary>An administrator has events sent again: from a number on, or those that the receiver had refused.</summary>
internal static class ReplaySink
{
    /// <summary>One of the two.</summary>
    /// <param name="FromSeq">Everything from this event on.</param>
    /// <param name="DeadLetters">true: what the receiver refused.</param>
    public sealed record Request([Range(1, long.MaxValue)] long? FromSeq = null, bool DeadLetters = false);

    internal static void MapReplaySink(this IEndpointRouteBuilder sinks) =>
        sinks.MapPost("/{id}/replay", HandleAsync).RequireAuthorization(Permission.AuditStream).WithName("ReplayAuditSink")
            .WithSummary("Send events again: from a number on, or those that the receiver had refused.")
            .ProducesProblem(StatusCodes.Status404NotFound);

    private static async Task<Results<Ok<SinkView>, ProblemHttpResult>> HandleAsync(
        SinkId id, Request request, Caller caller, HttpResponse http, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        await using (var tx = await db.BeginAsync(ct))
        {
            if (await Sink.LockAsync(tx, caller.OrgId, id) is not { } sink)
            {
                return Problems.NotFound();
            }

            if (request.FromSeq is null != request.DeadLetters)
            {
                return Problems.Invalid("from_seq", "Either from_seq or dead_letters must be there, and not both.");
            }

            var size = await tx.QuerySingleOrDefaultAsync<long?>(
                "select size from audit_heads where org_id = @OrgId", new { caller.OrgId }) ?? 0;
            if (request.FromSeq > size + 1)
            {
                return Problems.Invalid("from_seq", $"The log has {size} events.");
            }

            var now = clock.GetUtcNow();
            await tx.ExecuteAsync(
                """
                update audit_dead_letters set again = true where org_id = @OrgId and sink_id = @id and @DeadLetters;
                update audit_sinks set last_seq = coalesce(@FromSeq - 1, last_seq), again = again or @DeadLetters, version = version + 1,
                    updated_at = @now, next_at = @now, leased_until = '-infinity', lease_id = null
                where org_id = @OrgId and sink_id = @id
                """, new { caller.OrgId, id, request.FromSeq, request.DeadLetters, now });
            tx.Audit(
                caller, now, "audit_sink_replayed", sink.Target,
                $"{caller.DisplayName} had events of the audit log sent to {sink.Name} again.",
                new { request.FromSeq, request.DeadLetters, sink.LastSeq });
            await tx.CommitAsync();
        }

        return await ReadSinks.ShowAsync(db, caller, id, http, ct);
    }
}
