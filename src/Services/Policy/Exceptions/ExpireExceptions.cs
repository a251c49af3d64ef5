using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.Postgres.Background;
using EnvPlatform.ServiceDefaults.Callers;

using Npgsql;

namespace EnvPlatform.Policy.Exceptions;

/// <summary>
/// Ends what was granted until now, and what was asked for until now and never answered. Every instance waits for the next one, woken when
/// an exception is written; one of them ends it, in the transaction that also marks what is to be decided anew and audits.
/// </summary>
internal sealed partial class ExpireExceptions(NpgsqlDataSource db, TimeProvider clock, ILogger<ExpireExceptions> log) : IListeningWork
{
    private const int Batch = 100;
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(20);

    public static string Channel => "exceptions";

    public async Task<TimeSpan> RunAsync(CancellationToken ct)
    {
        while (await ExpireDueAsync(ct) == Batch)
        {
        }

        // None where nothing ends: a least of nothing is no time.
        var next = await db.QueryAsync<DateTimeOffset>(
            """
            select ends from (
                select min(expires_at) as ends from exceptions where state = 'granted'
                union all
                select min(requested_until) from exceptions where state = 'requested') as next
            where ends is not null order by ends limit 1
            """, null, ct);
        var wait = next.Count == 0 ? Longest : next[0] - clock.GetUtcNow();
        return wait > Longest ? Longest : wait < Shortest ? Shortest : wait;
    }

    /// <returns>How many were due.</returns>
    private async Task<int> ExpireDueAsync(CancellationToken ct)
    {
        var due = await db.QueryAsync<Due>(
            """
            select org_id, exception_id from exceptions where state = 'granted' and expires_at <= @Now
            union all
            select org_id, exception_id from exceptions where state = 'requested' and requested_until <= @Now
            limit @Batch
            """, new { Now = clock.GetUtcNow(), Batch }, ct);
        foreach (var one in due)
        {
            await ExpireAsync(one, ct);
        }

        return due.Count;
    }

    private async Task ExpireAsync(Due due, CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        var now = clock.GetUtcNow();
        // Whoever comes second finds that it is over.
        var before = await tx.QuerySingleOrDefaultAsync<ExceptionRow>(
            $"""
            {ExceptionRow.Select}
            where x.org_id = @OrgId and x.exception_id = @ExceptionId and ((x.state = 'granted' and x.expires_at <= @now)
                or (x.state = 'requested' and x.requested_until <= @now)) for update of x
            """, new { due.OrgId, due.ExceptionId, now });
        if (before is null)
        {
            return;
        }

        var after = before with { State = ExceptionRow.Expired, EndedAt = ExceptionRow.Storable(now), Version = before.Version + 1 };
        await after.UpdateAsync(tx, due.OrgId);
        if (before.State == ExceptionRow.Granted)
        {
            await after.MarkAsync(tx, due.OrgId);
        }

        after.Audit(tx, Caller.OfSystem("policy", due.OrgId), now, before);
        await tx.CommitAsync();
        LogExpired(due.ExceptionId, before.State);
    }

    private sealed record Due(OrganizationId OrgId, ExceptionId ExceptionId);

    [LoggerMessage(Level = LogLevel.Information, Message = "Exception {Id} expired; it was {State}")]
    private partial void LogExpired(ExceptionId id, string state);
}
