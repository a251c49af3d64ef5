using EnvPlatform.Postgres;
using EnvPlatform.Scanner.Advisories.Imports;

using Npgsql;

namespace EnvPlatform.Scanner.Advisories.Feeds;

/// <summary>The stored state of a feed.</summary>
/// <param name="IsFetched">A process fetches it now.</param>
/// <param name="IsImported">The file that was fetched last is being imported.</param>
/// <param name="FetchedBytes">Of the file that is being fetched, or whose download was interrupted.</param>
internal sealed record FeedRow(
    string Name, DateTimeOffset CreatedAt, DateTimeOffset DueAt, DateTimeOffset? RequestedAt,
    DateTimeOffset? AttemptedAt, DateTimeOffset? SucceededAt, int Failures, string? Error, Guid? ImportId, bool IsFetched, bool IsImported,
    long FetchedBytes, long? TotalBytes)
{
    public static Task<List<FeedRow>> AllAsync(NpgsqlDataSource db, CancellationToken ct) => db.QueryAsync<FeedRow>(
        $"""
        select name, created_at, due_at, requested_at, attempted_at, succeeded_at, failures, error, import_id,
            {FetchTurn.IsHeld} as is_fetched,
            exists (select from imports i where i.id = f.import_id and i.status = 'running') as is_imported,
            fetched_bytes, total_bytes
        from feeds f order by name
        """, null, ct);

    /// <summary>Since it was last known to be current; since it was added when it never was.</summary>
    public TimeSpan AgeAt(DateTimeOffset now) => now - (SucceededAt ?? CreatedAt);
}

/// <summary>
/// Records the outcome of the import of a feed's file, in the transaction that ends the import. A manual import belongs to no feed and
/// changes nothing.
/// </summary>
internal static class FeedImports
{
    public static async Task CompletedAsync(
        Tx tx, Guid import, AdvisoryChange.Outcome outcome, ImportProgress progress, DateTimeOffset now)
    {
        var feeds = await tx.QueryAsync<string>(
            """
            update feeds set succeeded_at = @now, failures = 0, error = null, etag = fetched_etag, last_modified = fetched_last_modified
            where import_id = @import
            returning name
            """, new { import, now });
        foreach (var feed in feeds)
        {
            FeedAudit.Completed(tx, feed, now, "imported", new
            {
                Outcome = "imported",
                Import = import,
                Advisories = progress.Read,
                outcome.Added,
                outcome.Changed,
                outcome.Withdrawn,
                progress.Rejected,
            });
        }
    }

    public static async Task FailedAsync(Tx tx, Guid import, string error, DateTimeOffset now)
    {
        var feeds = await tx.QueryAsync<Failed>(
            "update feeds set failures = failures + 1, error = @error where import_id = @import returning name, failures",
            new { import, error });
        foreach (var feed in feeds)
        {
            FeedAudit.Failed(tx, feed.Name, now, error, feed.Failures, import);
        }
    }

    private sealed record Failed(string Name, int Failures);
}
