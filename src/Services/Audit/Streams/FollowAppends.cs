using System.Collections.Concurrent;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.Postgres.Background;

using Npgsql;

namespace EnvPlatform.Audit.Streams;

/// <summary>
/// Wakes requests that wait for an audit log to grow, whichever instance appends to it. The notification is sent in the appending
/// transaction, so that a woken request finds the events; one query serves all requests that wait here.
/// </summary>
internal sealed class FollowAppends(NpgsqlDataSource db, IHostApplicationLifetime lifetime) : IListeningWork
{
    /// <summary>Runs in the transaction that appends.</summary>
    public const string Notify = "notify " + ChannelName;

    public const string ChannelName = "audit_appended";
    private static readonly TimeSpan Poll = TimeSpan.FromSeconds(5);
    private readonly ConcurrentDictionary<Waiter, bool> _waiting = new();

    static string IListeningWork.Channel => ChannelName;

    /// <summary>The number of events in a log; also the <c>seq</c> of the last.</summary>
    public async Task<long> SizeAsync(OrganizationId log, CancellationToken ct) =>
        await db.QuerySingleOrDefaultAsync<long?>("select size from audit_heads where org_id = @log", new { log }, ct) ?? 0;

    /// <summary>
    /// Returns true when the log holds more than <paramref name="size"/> events, false when the time is up or the service stops.
    /// </summary>
    public async Task<bool> WaitAsync(OrganizationId log, long size, TimeSpan time, TimeProvider clock, CancellationToken ct)
    {
        var waiter = new Waiter(log, size);
        _waiting[waiter] = true;
        try
        {
            // What was appended before the wait began sent no notification here.
            if (await SizeAsync(log, ct) > size)
            {
                return true;
            }

            using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, lifetime.ApplicationStopping);
            await waiter.Grown.Task.WaitAsync(time, clock, either.Token);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return false;
        }
        finally
        {
            _waiting.TryRemove(waiter, out _);
        }
    }

    public async Task<TimeSpan> RunAsync(CancellationToken ct)
    {
        var waiting = _waiting.Keys.ToArray();
        if (waiting.Length > 0)
        {
            var sizes = (await db.QueryAsync<Head>(
                "select org_id, size from audit_heads where org_id = any(@Logs)",
                new { Logs = waiting.Select(waiter => waiter.Log.Value).Distinct().ToArray() }, ct))
                .ToDictionary(head => head.OrgId, head => head.Size);
            foreach (var waiter in waiting.Where(waiter => sizes.GetValueOrDefault(waiter.Log) > waiter.Size))
            {
                waiter.Grown.TrySetResult();
            }
        }

        return Poll;
    }

    private sealed class Waiter(OrganizationId log, long size)
    {
        public OrganizationId Log => log;

        public long Size => size;

        public TaskCompletionSource Grown { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    private sealed record Head(OrganizationId OrgId, long Size);
}
