using System.Text.Json;

using Dapper;

using EnvPlatform.Audit.AuditLogs;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;

using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Audit.Streams;

/// <summary>
/// Sends the events of a log to a subscriber as they are stored: server-sent events (HTML Living Standard, section 9.2). The id of each is
/// its <c>seq</c>. A subscriber's cursor is the id that it has received last: it connects again with <c>Last-Event-ID</c> and misses none.
/// A subscriber that reads slowly holds up no other one and no append.
/// </summary>
internal static class StreamAuditLog
{
    private const int Batch = 500;

    /// <summary>Milliseconds after which a browser connects again.</summary>
    private const int Retry = 1_000;

    private static readonly TimeSpan Farewell = TimeSpan.FromSeconds(30);

    public static void MapStreamAuditLog(this IEndpointRouteBuilder logs) =>
        logs.MapGet("/stream", HandleAsync).RequireAuthorization(AuditReaders.Policy).WithName(nameof(StreamAuditLog))
            .WithSummary("The events of an audit log as they are stored, as server-sent events.")
            .Produces<string>(StatusCodes.Status200OK, "text/event-stream")
            .Produces<InvalidRequest>(StatusCodes.Status422UnprocessableEntity)
            .ProducesProblem(StatusCodes.Status429TooManyRequests);

    private static async Task<IResult> HandleAsync(
        StreamPosition position, HttpContext http, NpgsqlDataSource db, FollowAppends appends, OpenStreams streams,
        IOptions<AuditOptions> options, IHostApplicationLifetime lifetime, TimeProvider clock, CancellationToken ct)
    {
        if (position.Query.Errors is { } errors)
        {
            return TypedResults.UnprocessableEntity(errors);
        }

        var log = position.Query.Log;
        var size = await appends.SizeAsync(log, ct);
        if (position.After > size)
        {
            return TypedResults.UnprocessableEntity(
                InvalidRequest.Of("query", "after_seq", $"The log has {size} events: this is the position of another log.", "value_error"));
        }

        if (!streams.TryOpen(log))
        {
            http.Response.Headers.RetryAfter = $"{options.Value.StreamSeconds}";
            return Problems.Of(
                StatusCodes.Status429TooManyRequests, "too_many_requests", "Too many requests.",
                $"The organization has {options.Value.StreamsPerOrganization} streams open here.");
        }

        try
        {
            using var ending = CancellationTokenSource.CreateLinkedTokenSource(ct, lifetime.ApplicationStopping);
            // Beyond its time, only for a subscriber that does not take what was sent.
            ending.CancelAfter(TimeSpan.FromSeconds(options.Value.StreamSeconds) + Farewell);
            http.Response.ContentType = "text/event-stream";
            http.Response.Headers.CacheControl = "no-store";
            http.Response.Headers["X-Accel-Buffering"] = "no";
            await SendAsync(position.Query, position.After ?? size, http.Response, db, appends, options.Value, clock, ending.Token);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            // The service stops, or the subscriber was too slow: it connects again with the last id that it has.
        }
        finally
        {
            streams.Close(log);
        }

        return Results.Empty;
    }

    private static async Task SendAsync(
        AuditQuery query, long sent, HttpResponse response, NpgsqlDataSource db, FollowAppends appends, AuditOptions options,
        TimeProvider clock, CancellationToken ct)
    {
        var began = clock.GetTimestamp();
        await response.WriteAsync($"retry: {Retry}\n\n", ct);
        while (true)
        {
            // What was appended until now; the wait below begins at what was sent, so that nothing comes in between unseen.
            var size = await appends.SizeAsync(query.Log, ct);
            if (size > sent)
            {
                sent = await SendBatchAsync(query, sent, size, response, db, ct);
            }
            else
            {
                // An id without data is no event, but moves the subscriber's position on past what its filters leave out.
                await response.WriteAsync($": at {sent}\nid: {sent}\n\n", ct);
                await response.Body.FlushAsync(ct);
                var left = TimeSpan.FromSeconds(options.StreamSeconds) - clock.GetElapsedTime(began);
                var pause = TimeSpan.FromSeconds(options.HeartbeatSeconds);
                if (left <= TimeSpan.Zero)
                {
                    return;
                }

                await appends.WaitAsync(query.Log, sent, left < pause ? left : pause, clock, ct);
                ct.ThrowIfCancellationRequested();
            }
        }
    }

    /// <returns>The number up to which everything was sent.</returns>
    private static async Task<long> SendBatchAsync(
        AuditQuery query, long sent, long size, HttpResponse response, NpgsqlDataSource db, CancellationToken ct)
    {
        var parameters = new DynamicParameters(new { OrgId = query.Log, Sent = sent, Size = size, Batch });
        var where = ListAuditLogs.Where(query, parameters);
        var entries = await db.QueryAsync<byte[]>(
            $"select entry from audit_events where {where} and seq > @Sent and seq <= @Size order by seq limit @Batch", parameters, ct);
        foreach (var entry in entries)
        {
            var item = JsonSerializer.Deserialize<AuditEvent>(entry, Json.Options)!;
            await response.WriteAsync($"id: {item.Seq}\nevent: {item.ActionKey}\ndata: ", ct);
            await response.Body.WriteAsync(JsonSerializer.SerializeToUtf8Bytes(item, Json.Options), ct);
            await response.WriteAsync("\n\n", ct);
            sent = item.Seq;
        }

        await response.Body.FlushAsync(ct);
        return entries.Count == Batch ? sent : size;
    }
}
