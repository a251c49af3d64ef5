using EnvPlatform.Postgres;

using Npgsql;

namespace EnvPlatform.Scanner.Advisories.Feeds;

/// <summary>Another process fetches the feed now; this process's part of it is useless.</summary>
internal sealed class FeedTakenException() : Exception("The feed is fetched by another process now.");

/// <summary>
/// A file that is being fetched: whole in a temporary file, and in pieces in the database, so that another process can resume where this
/// one ends. Incomplete pieces are kept in memory only.
/// </summary>
internal sealed class FeedDownload : IAsyncDisposable
{
    private const int PartBytes = 256 << 10;
    private readonly NpgsqlDataSource _db;
    private readonly string _feed;
    private readonly Guid _fetch;
    private readonly byte[] _rest = new byte[PartBytes];
    private int _parts;

    private FeedDownload(NpgsqlDataSource db, string feed, Guid fetch)
    {
        _db = db;
        _feed = feed;
        _fetch = fetch;
    }

    public FileStream File { get; } = new(
        Path.Combine(Path.GetTempPath(), Path.GetRandomFileName()), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 64 << 10,
        FileOptions.DeleteOnClose);

    public long Length => File.Length;

    /// <summary>Of the whole file, where the publisher states it.</summary>
    public long? Total { get; private set; }

    /// <summary>The validators to request the rest of a partial file with; null where there is none.</summary>
    public Validators? Begun { get; private set; }

    /// <param name="begun">Of the file whose pieces are stored.</param>
    public static async Task<FeedDownload> OpenAsync(
        NpgsqlDataSource db, string feed, Guid fetch, Validators begun, long? total, CancellationToken ct)
    {
        var download = new FeedDownload(db, feed, fetch);
        try
        {
            await download.LoadAsync(ct);
            if (download.Length > 0)
            {
                (download.Begun, download.Total) = (begun, total);
            }

            return download;
        }
        catch
        {
            await download.DisposeAsync();
            throw;
        }
    }

    /// <summary>Discards what was fetched, and starts with an empty file.</summary>
    public async Task RestartAsync(Validators? begun, long? total, CancellationToken ct)
    {
        File.SetLength(0);
        _parts = 0;
        (Begun, Total) = (begun, total);
        await using var tx = await _db.BeginAsync(ct);
        await OwnAsync(tx.ExecuteAsync(
            """
            update feeds
            set fetched_bytes = 0, total_bytes = @total, partial_etag = @ETag, partial_last_modified = @LastModified, partial_hash = @Hash
            where name = @feed and fetch_id = @fetch
            """, new { feed = _feed, fetch = _fetch, total, begun?.ETag, begun?.LastModified, begun?.Hash }));
        await tx.ExecuteAsync("delete from feed_parts where feed = @feed", new { feed = _feed });
        await tx.CommitAsync();
    }

    public async Task AppendAsync(ReadOnlyMemory<byte> bytes, CancellationToken ct)
    {
        while (bytes.Length > 0)
        {
            var at = (int)(Length % PartBytes);
            var taken = bytes[..Math.Min(bytes.Length, PartBytes - at)];
            taken.CopyTo(_rest.AsMemory(at));
            File.Position = Length;
            await File.WriteAsync(taken, ct);
            bytes = bytes[taken.Length..];
            if (at + taken.Length == PartBytes)
            {
                await KeepAsync(ct);
            }
        }
    }

    /// <summary>Deletes the stored pieces of a feed whose fetch has ended.</summary>
    public static Task ForgetAsync(Tx tx, string feed) => tx.ExecuteAsync(
        """
        update feeds set fetched_bytes = 0, total_bytes = null, partial_etag = null, partial_last_modified = null,
            partial_hash = null where name = @feed;
        delete from feed_parts where feed = @feed
        """, new { feed });

    public ValueTask DisposeAsync() => File.DisposeAsync();

    private async Task KeepAsync(CancellationToken ct)
    {
        await using var tx = await _db.BeginAsync(ct);
        await OwnAsync(tx.ExecuteAsync("update feeds set fetched_bytes = @Length where name = @feed and fetch_id = @fetch",
            new { feed = _feed, fetch = _fetch, Length }));
        await tx.ExecuteAsync(
            "insert into feed_parts (feed, part, data) values (@feed, @Part, @Data)", new { feed = _feed, Part = _parts++, Data = _rest });
        await tx.CommitAsync();
    }

    private static async Task OwnAsync(Task<int> written)
    {
        if (await written == 0)
        {
            throw new FeedTakenException();
        }
    }

    private async Task LoadAsync(CancellationToken ct)
    {
        while (await _db.QuerySingleOrDefaultAsync<byte[]>(
            "select data from feed_parts where feed = @feed and part = @parts", new { feed = _feed, parts = _parts }, ct) is { } data)
        {
            await File.WriteAsync(data, ct);
            _parts++;
        }
    }
}
