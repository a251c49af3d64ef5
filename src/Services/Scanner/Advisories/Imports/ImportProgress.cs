using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.Scanner.Matching;
using EnvPlatform.Scanner.Scans;

using Npgsql;

namespace EnvPlatform.Scanner.Advisories.Imports;

/// <summary>
/// Counts the records of an import, stores which were left out and why, and updates the import about every second while records are read,
/// and then while the findings are renewed.
/// </summary>
internal sealed partial class ImportProgress(NpgsqlDataSource db, ImportId id, TimeProvider clock, ILogger log)
{
    // A file of an entirely different kind must not fill the log.
    private const int MaxLogged = 100;
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
    private readonly ImportRejections _rejections = new(id);
    private long _shownAt = clock.GetTimestamp();
    private string _phase = "reading";

    /// <summary>Records that were read and can be used.</summary>
    public int Read { get; private set; }

    public int Rejected { get; private set; }

    /// <summary>How far the findings are renewed.</summary>
    public RenewalProgress Renewal { get; private set; }

    public Task ReadOneAsync(CancellationToken ct)
    {
        Read++;
        return ShowAtTimesAsync(ct);
    }

    /// <param name="record">Its id, as far as it could be read.</param>
    /// <param name="file">The entry of the archive that it is in.</param>
    public void Reject(string? record, string reason, string? file = null)
    {
        Rejected++;
        _rejections.Add(Rejected, record, file is { Length: > 0 } ? file : null, reason);
        if (Rejected <= MaxLogged)
        {
            LogRejected(id, record ?? "unknown", file ?? "", reason);
        }
    }

    /// <summary>Stores which entries of the records cannot be compared with any version.</summary>
    public Task KeepNotEvaluableAsync(Tx tx, IReadOnlyList<NotEvaluable> entries)
    {
        _rejections.AddNotEvaluable(Rejected, entries);
        return _rejections.KeepAsync(tx);
    }

    public Task MatchingAsync(CancellationToken ct)
    {
        _phase = "matching";
        return ShowAsync(ct);
    }

    public Task RenewAsync(RenewalProgress renewal, CancellationToken ct)
    {
        Renewal = renewal;
        var before = _phase;
        _phase = renewal.SetsTotal > 0 ? "counting" : "matching";
        return _phase == before ? ShowAtTimesAsync(ct) : ShowAsync(ct);
    }

    public async Task ShowAsync(CancellationToken ct)
    {
        _shownAt = clock.GetTimestamp();
        await using var tx = await db.BeginAsync(ct);
        await tx.ExecuteAsync(
            """
            update imports
            set phase = @phase, advisories = @Read, rejected = @Rejected, packages_matched = @Packages, packages_total = @PackagesTotal,
                sets_counted = @Sets, sets_total = @SetsTotal
            where id = @id and status = 'running'
            """, new { id, phase = _phase, Read, Rejected, Renewal.Packages, Renewal.PackagesTotal, Renewal.Sets, Renewal.SetsTotal });
        await _rejections.KeepAsync(tx);
        await tx.CommitAsync();
    }

    private Task ShowAtTimesAsync(CancellationToken ct) => clock.GetElapsedTime(_shownAt) < Interval ? Task.CompletedTask : ShowAsync(ct);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Import {Import}: record {Record} {File} is left out: {Reason}")]
    private partial void LogRejected(ImportId import, string record, string file, string reason);
}
