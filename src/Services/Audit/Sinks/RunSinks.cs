using System.Collections.Concurrent;

using Dapper;

using EnvPlatform.Audit.AuditLogs;
using EnvPlatform.Audit.Proofs;
using EnvPlatform.Audit.Streams;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.Postgres.Background;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Audit.Sinks;

/// <summary>
/// Sends logs to their receivers: each by a task of its own that one instance holds the lease of, at least once, in the order of the
/// numbers. A receiver that is slow or away holds up no other one and no append. An instance that ends leaves leases that lapse.
/// </summary>
internal sealed partial class RunSinks(
    NpgsqlDataSource db, Deliveries deliveries, FollowAppends appends, SignCheckpoints checkpoints, IOptions<AuditOptions> options,
    TimeProvider clock, ILogger<RunSinks> log) : IListeningWork
{
    private const int EventsOfBatch = 200;
    private const int BytesOfBatch = 512 * 1024;

    /// <summary>How often an event is refused before it is passed over.</summary>
    private const int Refusals = 5;

    private static readonly TimeSpan Poll = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(90);

    /// <summary>How long a task waits for more events, so that those come at once that follow each other.</summary>
    private static readonly TimeSpan Linger = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan LongestRetryAfter = TimeSpan.FromHours(1);
    private readonly ConcurrentDictionary<Guid, Task> _running = new();

    static string IListeningWork.Channel => FollowAppends.ChannelName;

    public async Task<TimeSpan> RunAsync(CancellationToken ct)
    {
        var free = options.Value.SinksAtOnce - _running.Count;
        if (free > 0)
        {
            foreach (var (sink, lease) in await ClaimAsync(free, ct))
            {
                _running[lease] = Task.Run(() => GuardAsync(sink, lease, ct), CancellationToken.None);
            }
        }

        return Poll;
    }

    private async Task<List<(Sink Sink, Guid Lease)>> ClaimAsync(int most, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        await using var tx = await db.BeginAsync(ct);
        var claimed = await tx.QueryAsync<Sink>(
            $"""
            with due as (
                select s.org_id, s.sink_id from audit_sinks s join audit_heads h on h.org_id = s.org_id
                where s.state = 'active' and s.next_at <= @now and s.leased_until <= @now and (s.last_seq < h.size or s.again)
                order by s.next_at limit @most for update of s skip locked)
            update audit_sinks s set lease_id = gen_random_uuid(), leased_until = @Until
            from due where s.org_id = due.org_id and s.sink_id = due.sink_id
            returning {Sink.Columns}
            """, new { now, most, Until = now + Lease });
        if (claimed.Count == 0)
        {
            return [];
        }

        var leases = (await tx.QueryAsync<LeaseRow>(
            "select sink_id, lease_id from audit_sinks where sink_id = any(@Ids)",
            new { Ids = claimed.Select(sink => sink.SinkId.Value).ToArray() })).ToDictionary(row => row.SinkId, row => row.LeaseId);
        await tx.CommitAsync();
        return [.. claimed.Select(sink => (sink, leases[sink.SinkId]))];
    }

    private async Task GuardAsync(Sink sink, Guid lease, CancellationToken ct)
    {
        try
        {
            await SendAllAsync(sink, lease, ct);
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // The service stops; the lease is given back below.
        }
        catch (Exception exception)
        {
            // The database is away, or something is wrong here: the lease lapses, and another task tries again.
            LogBroken(sink.SinkId, exception);
            return;
        }
        finally
        {
            _running.TryRemove(lease, out _);
        }

        try
        {
            await using var tx = await db.BeginAsync(CancellationToken.None);
            await tx.ExecuteAsync(
                "update audit_sinks set leased_until = '-infinity' where org_id = @OrgId and sink_id = @SinkId and lease_id = @lease",
                new { sink.OrgId, sink.SinkId, lease });
            await tx.CommitAsync();
        }
        catch (NpgsqlException exception)
        {
            LogBroken(sink.SinkId, exception);
        }
    }

    private async Task SendAllAsync(Sink sink, Guid lease, CancellationToken ct)
    {
        using var delivery = deliveries.Of(sink);
        if (delivery is null)
        {
            await FailAsync(
                sink, lease, new Outcome.Failed("The secret cannot be read with this SERVICE_SECRET; make a new one.", IsFinal: true), ct);
            return;
        }

        if (!await SendLettersAsync(sink, lease, delivery, ct))
        {
            return;
        }

        var most = EventsOfBatch;
        var refused = 0;
        while (true)
        {
            var size = await appends.SizeAsync(sink.OrgId, ct);
            var (events, upTo) = await ReadAsync(sink, size, most, ct);
            if (events.Count == 0)
            {
                if (upTo > sink.LastSeq)
                {
                    if (await AdvanceAsync(sink, lease, upTo, 0, ct) is not { } moved)
                    {
                        return;
                    }

                    sink = moved;
                }
                else if (!await appends.WaitAsync(sink.OrgId, sink.LastSeq, Linger, clock, ct))
                {
                    return;
                }
                else if (await RenewAsync(sink, lease, ct) is not { } renewed)
                {
                    return;
                }
                else
                {
                    sink = renewed;
                }

                continue;
            }

            switch (await delivery.SendAsync(await BatchAsync(sink, events, ct), ct))
            {
                case Outcome.Refused when events.Count > 1:
                    // One of them: halves find it.
                    most = events.Count / 2;
                    continue;
                case Outcome.Refused refusal when ++refused < Refusals:
                    await FailAsync(sink, lease, new Outcome.Failed(refusal.Error), ct, keepLease: true);
                    await Task.Delay(Backoff(refused), clock, ct);
                    continue;
                case Outcome.Refused refusal:
                    if (await GiveUpAsync(sink, lease, events[0], refusal.Error, ct) is not { } past)
                    {
                        return;
                    }

                    (sink, refused) = (past, 0);
                    continue;
                case Outcome.Failed failure:
                    await FailAsync(sink, lease, failure, ct);
                    return;
            }

            (refused, most) = (0, Math.Min(EventsOfBatch, most * 2));
            if (await AdvanceAsync(sink, lease, upTo, events.Count, ct) is not { } next)
            {
                return;
            }

            sink = next;
        }
    }

    /// <summary>Events that were given up and are to be sent again, each by itself.</summary>
    /// <returns>False where the receiver cannot be reached, or another instance has taken over.</returns>
    private async Task<bool> SendLettersAsync(Sink sink, Guid lease, IDelivery delivery, CancellationToken ct)
    {
        while (true)
        {
            var letters = await db.QueryAsync<SinkEvent>(
                """
                select e.seq, e.action_key, e.occurred_at, e.entry
                from audit_dead_letters d join audit_events e on e.org_id = d.org_id and e.seq = d.seq
                where d.org_id = @OrgId and d.sink_id = @SinkId and d.again order by d.seq limit 1
                """, new { sink.OrgId, sink.SinkId }, ct);
            if (letters.Count == 0)
            {
                await using var done = await db.BeginAsync(ct);
                await done.ExecuteAsync(
                    """
                    update audit_dead_letters set again = false where org_id = @OrgId and sink_id = @SinkId and again;
                    update audit_sinks set again = false where org_id = @OrgId and sink_id = @SinkId and again
                    """, new { sink.OrgId, sink.SinkId });
                await done.CommitAsync();
                return true;
            }

            var outcome = await delivery.SendAsync(await BatchAsync(sink, letters, ct), ct);
            if (outcome is Outcome.Failed failure)
            {
                await FailAsync(sink, lease, failure, ct);
                return false;
            }

            const string Letter = "where org_id = @OrgId and sink_id = @SinkId and seq = @Seq";
            await using var tx = await db.BeginAsync(ct);
            await tx.ExecuteAsync(
                outcome is Outcome.Refused
                    ? $"update audit_dead_letters set again = false, error = @Error {Letter}" : $"delete from audit_dead_letters {Letter}",
                new { sink.OrgId, sink.SinkId, letters[0].Seq, (outcome as Outcome.Refused)?.Error });
            await tx.CommitAsync();
            if (await RenewAsync(sink, lease, ct) is null)
            {
                return false;
            }
        }
    }

    private async Task<(IReadOnlyList<SinkEvent> Events, long UpTo)> ReadAsync(Sink sink, long size, int most, CancellationToken ct)
    {
        if (size <= sink.LastSeq)
        {
            return ([], sink.LastSeq);
        }

        var query = sink.Query;
        var parameters = new DynamicParameters(new { OrgId = query.Log, query.From, query.Until, sink.LastSeq, size, most });
        var where = ListAuditLogs.Where(query, parameters);
        var rows = await db.QueryAsync<SinkEvent>(
            $"""
            select seq, action_key, occurred_at, entry from audit_events
            where {where} and seq > @LastSeq and seq <= @size order by seq limit @most
            """, parameters, ct);
        var (count, bytes) = (0, 0);
        while (count < rows.Count && (count == 0 || bytes + rows[count].Entry.Length <= BytesOfBatch))
        {
            bytes += rows[count++].Entry.Length;
        }

        return count == rows.Count && count < most ? (rows, size) : (rows[..count], rows[count - 1].Seq);
    }

    private async Task<SinkBatch> BatchAsync(Sink sink, IReadOnlyList<SinkEvent> events, CancellationToken ct)
    {
        var checkpoint = await checkpoints.LatestAsync(sink.OrgId, 0, ct);
        return new($"msg_{sink.SinkId.Value:N}_{events[0].Seq}_{events[^1].Seq}", $"{sink.OrgId}", events, checkpoint?.Note);
    }

    /// <returns>Null when another instance holds the lease, or somebody changed the sink: this task ends.</returns>
    private async Task<Sink?> AdvanceAsync(Sink sink, Guid lease, long upTo, int received, CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        var next = await tx.QuerySingleOrDefaultAsync<Sink>(
            $"""
            update audit_sinks s set last_seq = @upTo, delivered = delivered + @received, leased_until = @Until,
                last_delivered_at = case when @received > 0 then @now else last_delivered_at end,
                attempts = case when @received > 0 then 0 else attempts end,
                failing_since = case when @received > 0 then null else failing_since end
            where org_id = @OrgId and sink_id = @SinkId and lease_id = @lease and version = @Version and state = 'active'
            returning {Sink.Columns}
            """,
            new
            {
                sink.OrgId,
                sink.SinkId,
                sink.Version,
                lease,
                upTo,
                received,
                now = clock.GetUtcNow(),
                Until = clock.GetUtcNow() + Lease,
            });
        await tx.CommitAsync();
        return next;
    }

    private Task<Sink?> RenewAsync(Sink sink, Guid lease, CancellationToken ct) => AdvanceAsync(sink, lease, sink.LastSeq, 0, ct);

    private async Task<Sink?> GiveUpAsync(Sink sink, Guid lease, SinkEvent letter, string error, CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        var next = await tx.QuerySingleOrDefaultAsync<Sink>(
            $"""
            update audit_sinks s set last_seq = @Seq, leased_until = @Until, attempts = 0, failing_since = null
            where org_id = @OrgId and sink_id = @SinkId and lease_id = @lease and version = @Version and state = 'active'
            returning {Sink.Columns}
            """, new { sink.OrgId, sink.SinkId, sink.Version, lease, letter.Seq, Until = clock.GetUtcNow() + Lease });
        if (next is not null)
        {
            await tx.ExecuteAsync(
                """
                insert into audit_dead_letters (org_id, sink_id, seq, error, given_up_at) values (@OrgId, @SinkId, @Seq, @error, @Now)
                on conflict (org_id, sink_id, seq) do update set error = excluded.error, given_up_at = excluded.given_up_at
                """, new { sink.OrgId, sink.SinkId, letter.Seq, error, Now = clock.GetUtcNow() });
        }

        await tx.CommitAsync();
        return next;
    }

    private async Task FailAsync(Sink sink, Guid lease, Outcome.Failed failure, CancellationToken ct, bool keepLease = false)
    {
        var now = clock.GetUtcNow();
        var since = sink.FailingSince ?? now;
        var isOver = failure.IsFinal || now - since > TimeSpan.FromHours(options.Value.SinkStopHours);
        var pause = failure.RetryAfter is { } asked && asked > TimeSpan.Zero
            ? (asked < LongestRetryAfter ? asked : LongestRetryAfter) : Backoff(sink.Attempts + 1);
        await using var tx = await db.BeginAsync(ct);
        var changed = await tx.ExecuteAsync(
            """
            update audit_sinks set attempts = attempts + 1, failing_since = @since, last_error = @Error, last_error_at = @now,
                next_at = @Next, state = case when @isOver then 'stopped' else state end,
                leased_until = case when @keepLease then leased_until else '-infinity' end
            where org_id = @OrgId and sink_id = @SinkId and lease_id = @lease and version = @Version and state = 'active'
            """,
            new { sink.OrgId, sink.SinkId, sink.Version, lease, since, failure.Error, now, Next = now + pause, isOver, keepLease });
        if (changed > 0 && isOver)
        {
            tx.Audit(
                Caller.OfSystem("audit", sink.OrgId), now, "audit_sink_stopped", sink.Target,
                $"Nothing more is sent to {sink.Name}: {failure.Error}",
                new { sink.Name, sink.Address, sink.LastSeq, failing_since = since, failure.Error });
            LogStopped(sink.SinkId, failure.Error);
        }

        await tx.CommitAsync();
    }

    /// <summary>Twice as long each time, and by chance between a half and the whole, so that receivers are not all tried at once.</summary>
    private TimeSpan Backoff(int attempts)
    {
        var seconds = Math.Min(
            options.Value.SinkRetrySeconds * Math.Pow(2, Math.Min(attempts - 1, 30)), options.Value.SinkMaxRetrySeconds);
        return TimeSpan.FromSeconds(seconds * (0.5 + Random.Shared.NextDouble() / 2));
    }

    private sealed record LeaseRow(SinkId SinkId, Guid LeaseId);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The audit sink {Id} was stopped: {Reason}")]
    private partial void LogStopped(SinkId id, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "Sending to the audit sink {Id} failed.")]
    private partial void LogBroken(SinkId id, Exception exception);
}
