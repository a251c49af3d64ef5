using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.Postgres.Background;
using EnvPlatform.Scanner.Advisories;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Scanner.Curations;

/// <summary>
/// Ends expired verdicts: the previous verdict counts again, or the finding is reported again. Every instance waits for the next one to
/// expire, woken when a new verdict is given; one of them ends it, in the transaction that also counts, publishes and audits.
/// </summary>
internal sealed partial class ExpireCurations(
    NpgsqlDataSource db, TimeProvider clock, IOptions<ScannerOptions> options, ILogger<ExpireCurations> log) : IListeningWork
{
    public const string Channel = "curations";
    private const int Batch = 100;
    private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(10);

    static string IListeningWork.Channel => Channel;

    public async Task<TimeSpan> RunAsync(CancellationToken ct) => PauseUntil(await ExpireDueAsync(ct));

    /// <returns>When the next one expires; null when none does.</returns>
    private async Task<DateTimeOffset?> ExpireDueAsync(CancellationToken ct)
    {
        while (true)
        {
            var next = await db.QueryAsync<Due>(
                """
                select org_id, id, expires_at from curations where ended_at is null and expires_at is not null
                order by expires_at limit @Batch
                """,
                new { Batch }, ct);
            var due = next.Where(one => one.ExpiresAt <= clock.GetUtcNow()).ToArray();
            foreach (var one in due)
            {
                await ExpireAsync(one, ct);
            }

            if (due.Length == 0)
            {
                return next.FirstOrDefault()?.ExpiresAt;
            }
        }
    }

    private async Task ExpireAsync(Due due, CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        await FindingsLock.ShareAsync(tx);
        await CurationsLock.TakeAsync(tx, due.OrgId);
        var now = clock.GetUtcNow();
        var ended = await tx.QuerySingleOrDefaultAsync<Ended>(
            """
            update curations set ended_at = @now, ended_as = 'expired'
            where org_id = @OrgId and id = @Id and ended_at is null
            returning vulnerability_id, made_for, package, version, build, status, reason, expires_at
            """, new { now, due.OrgId, due.Id });
        if (ended is null)
        {
            return;
        }

        var scope = new CurationScope(ended.Package, ended.Version, ended.Build);
        var vulnerability = ended.VulnerabilityId ?? ended.MadeFor;
        var after = await ChangeCurations.InForceAsync(tx, due.OrgId, vulnerability, scope);
        var told = await ChangeCurations.TellAsync(tx, due.OrgId, [vulnerability], now);
        ChangeCurations.Audit(
            tx, Caller.OfSystem("scanner", due.OrgId), now, "vulnerability_curation_expired", vulnerability, scope,
            new(ended.Status, ended.Reason, ended.ExpiresAt), after, told,
            $"The curation of {vulnerability}{scope} as {ended.Status} expired: it is {after.Status} again.");
        await tx.CommitAsync();
        LogExpired(due.Id, vulnerability, told);
    }

    private TimeSpan PauseUntil(DateTimeOffset? next)
    {
        var longest = TimeSpan.FromSeconds(options.Value.PollSeconds);
        var pause = next - clock.GetUtcNow() ?? longest;
        return pause < Shortest ? Shortest : pause > longest ? longest : pause;
    }

    private sealed record Due(OrganizationId OrgId, CurationId Id, DateTimeOffset ExpiresAt);

    private sealed record Ended(
        string? VulnerabilityId, string MadeFor, string? Package, string? Version, string? Build, string Status, string Reason,
        DateTimeOffset ExpiresAt);

    [LoggerMessage(Level = LogLevel.Information, Message = "Curation {Id} of {Vulnerability} expired; {Environments} environments told")]
    private partial void LogExpired(CurationId id, string vulnerability, int environments);
}
