using Dapper;

using Npgsql;

namespace EnvPlatform.Scanner.Advisories.Feeds;

/// <summary>
/// The lock on fetching a feed, held by one process at a time while its connection is open: it is released when the process dies.
/// </summary>
internal sealed class FetchTurn : IAsyncDisposable
{
    /// <summary>The key of the lock on a feed of the table <c>feeds f</c>.</summary>
    private const string Key = "hashtextextended('feed ' || f.name, 0)";

    /// <summary>Whether a process fetches a feed of the table <c>feeds f</c>.</summary>
    public const string IsHeld =
        $"""
        exists (
            select from pg_locks l
            where l.locktype = 'advisory' and l.granted and l.objsubid = 1
                and l.database = (select oid from pg_database where datname = current_database())
                and (l.classid::bigint << 32) | l.objid::bigint = {Key})
        """;

    private readonly NpgsqlConnection _connection;
    private readonly string _feed;

    private FetchTurn(NpgsqlConnection connection, string feed)
    {
        _connection = connection;
        _feed = feed;
    }

    /// <summary>Null when another process holds it.</summary>
    public static async Task<FetchTurn?> TryAsync(NpgsqlDataSource db, string feed, CancellationToken ct)
    {
        var candidate = await db.OpenConnectionAsync(ct);
        try
        {
            if (await candidate.QuerySingleOrDefaultAsync<bool>(new CommandDefinition(
                $"select pg_try_advisory_lock({Key}) from feeds f where name = @feed", new { feed }, cancellationToken: ct)))
            {
                return new(candidate, feed);
            }
        }
        catch
        {
            await candidate.DisposeAsync();
            throw;
        }

        await candidate.DisposeAsync();
        return null;
    }

    public async ValueTask DisposeAsync()
    {
        if (_connection.FullState == System.Data.ConnectionState.Open)
        {
            await _connection.ExecuteAsync($"select pg_advisory_unlock({Key}) from feeds f where name = @feed", new { feed = _feed });
        }

        await _connection.DisposeAsync();
    }
}
