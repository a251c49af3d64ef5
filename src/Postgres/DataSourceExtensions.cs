using System.Data;

using Dapper;

using Npgsql;

namespace EnvPlatform.Postgres;

/// <summary>Reads go straight to the data source; writes begin a <see cref="Tx"/>.</summary>
public static class DataSourceExtensions
{
    public static Task<Tx> BeginAsync(this NpgsqlDataSource db, CancellationToken ct) =>
        Tx.BeginAsync(db, IsolationLevel.ReadCommitted, ct);

    /// <summary>For statements that must all see the same: what committed before the first of them.</summary>
    public static Task<Tx> BeginSnapshotAsync(this NpgsqlDataSource db, CancellationToken ct) =>
        Tx.BeginAsync(db, IsolationLevel.RepeatableRead, ct);

    public static async Task<List<T>> QueryAsync<T>(this NpgsqlDataSource db, string sql, object? parameters, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(db);
        await using var connection = await db.OpenConnectionAsync(ct);
        return (await connection.QueryAsync<T>(new CommandDefinition(sql, parameters, cancellationToken: ct))).AsList();
    }

    public static async Task<T?> QuerySingleOrDefaultAsync<T>(
        this NpgsqlDataSource db, string sql, object? parameters, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(db);
        await using var connection = await db.OpenConnectionAsync(ct);
        return await connection.QuerySingleOrDefaultAsync<T>(new CommandDefinition(sql, parameters, cancellationToken: ct));
    }

    public static async Task<T> QuerySingleAsync<T>(this NpgsqlDataSource db, string sql, object? parameters, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(db);
        await using var connection = await db.OpenConnectionAsync(ct);
        return await connection.QuerySingleAsync<T>(new CommandDefinition(sql, parameters, cancellationToken: ct));
    }
}
