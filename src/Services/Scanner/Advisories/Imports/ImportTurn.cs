using Dapper;

using Npgsql;

namespace EnvPlatform.Scanner.Advisories.Imports;

/// <summary>
/// The lock on changing advisories, held by one process at a time while its connection is open: it is released when the process dies.
/// </summary>
internal sealed class ImportTurn : IAsyncDisposable
{
    private const long Key = 0x656e_7670_696d_706f; // "envpimpo"
    private readonly NpgsqlConnection _connection;

    private ImportTurn(NpgsqlConnection connection) => _connection = connection;

    public static async Task<ImportTurn> WaitAsync(NpgsqlDataSource db, CancellationToken ct)
    {
        var turn = new ImportTurn(await db.OpenConnectionAsync(ct));
        await turn._connection.ExecuteAsync(
            new CommandDefinition("select pg_advisory_lock(@Key)", new { Key }, commandTimeout: 0, cancellationToken: ct));
        return turn;
    }

    /// <summary>Null when another process holds it.</summary>
    public static async Task<ImportTurn?> TryAsync(NpgsqlDataSource db, CancellationToken ct)
    {
        var candidate = await db.OpenConnectionAsync(ct);
        if (await candidate.QuerySingleAsync<bool>(
            new CommandDefinition("select pg_try_advisory_lock(@Key)", new { Key }, cancellationToken: ct)))
        {
            return new(candidate);
        }

        await candidate.DisposeAsync();
        return null;
    }

    public async ValueTask DisposeAsync()
    {
        if (_connection.FullState == System.Data.ConnectionState.Open)
        {
            await _connection.ExecuteAsync("select pg_advisory_unlock(@Key)", new { Key });
        }

        await _connection.DisposeAsync();
    }
}
