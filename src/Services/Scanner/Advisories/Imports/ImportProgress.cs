using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;

using Npgsql;

namespace EnvPlatform.Scanner.Advisories.Imports;

/// <summary>Counts the records of an import, and shows the counts about every second while they are read.</summary>
internal sealed partial class ImportProgress(NpgsqlDataSource db, ImportId id, TimeProvider clock, ILogger log)
{
    // A file that is another thing altogether must not fill the log.
    private const int MaxLogged = 100;
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
    private long shownAt = clock.GetTimestamp();

    /// <summary>Records that were read and can be used.</summary>
    public int Read { get; private set; }

    public int Rejected { get; private set; }

    public Task ReadOneAsync(CancellationToken ct)
    {
        Read++;
        return clock.GetElapsedTime(shownAt) < Interval ? Task.CompletedTask : ShowAsync("reading", ct);
    }

    /// <param name="record">Its id, as far as it could be read.</param>
    public void Reject(string? record, string reason)
    {
        Rejected++;
        if (Rejected <= MaxLogged)
        {
            LogRejected(id, record ?? "unknown", reason);
        }
    }

    public Task MatchingAsync(CancellationToken ct) => ShowAsync("matching", ct);

    private async Task ShowAsync(string phase, CancellationToken ct)
    {
        shownAt = clock.GetTimestamp();
        await db.QuerySingleOrDefaultAsync<int?>(
            "update imports set phase = @phase, advisories = @Read, rejected = @Rejected where id = @id and status = 'running' returning 1",
            new { id, phase, Read, Rejected }, ct);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Import {Import}: record {Record} is left out: {Reason}")]
    private partial void LogRejected(ImportId import, string record, string reason);
}
