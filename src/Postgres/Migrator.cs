using Dapper;

using Microsoft.Extensions.Logging;

using Npgsql;

namespace EnvPlatform.Postgres;

/// <summary>
/// Applies scripts, each once, each in its own transaction, under an advisory lock so that several may try at once. An applied script whose
/// text has changed is refused: scripts are never edited.
/// </summary>
/// <param name="db">Signs in as the owner of the database.</param>
public sealed partial class Migrator(NpgsqlDataSource db, IReadOnlyList<MigrationScript> scripts, ILogger<Migrator> log)
{
    private const long LockKey = 0x656e_7670_6d69_6772; // "envpmigr"

    /// <exception cref="InvalidOperationException">An applied script has been edited.</exception>
    public async Task MigrateAsync(CancellationToken ct)
    {
        await using var connection = await db.OpenConnectionAsync(ct);
        await connection.ExecuteAsync(new CommandDefinition("select pg_advisory_lock(@LockKey)", new { LockKey }, cancellationToken: ct));
        try
        {
            await connection.ExecuteAsync(new CommandDefinition(
                """
                create table if not exists migrations (
                    source text not null, name text not null, sha256 text not null, applied_at timestamptz not null default now(),
                    primary key (source, name))
                """, cancellationToken: ct));
            var applied = (await connection.QueryAsync<(string Source, string Name, string Sha256)>(
                new CommandDefinition("select source, name, sha256 from migrations", cancellationToken: ct)))
                .ToDictionary(row => (row.Source, row.Name), row => row.Sha256);
            foreach (var script in scripts)
            {
                if (applied.TryGetValue((script.Source, script.Name), out var sha256))
                {
                    script.RefuseWhenEdited(sha256);
                    continue;
                }

                await ApplyAsync(connection, script, ct);
            }
        }
        finally
        {
            await connection.ExecuteAsync("select pg_advisory_unlock(@LockKey)", new { LockKey });
        }
    }

    private async Task ApplyAsync(NpgsqlConnection connection, MigrationScript script, CancellationToken ct)
    {
        await using var transaction = await connection.BeginTransactionAsync(ct);
        await connection.ExecuteAsync(
            new CommandDefinition(script.Sql, transaction: transaction, commandTimeout: 600, cancellationToken: ct));
        await connection.ExecuteAsync(new CommandDefinition(
            "insert into migrations (source, name, sha256) values (@Source, @Name, @Sha256)",
            new { script.Source, script.Name, script.Sha256 }, transaction, cancellationToken: ct));
        await transaction.CommitAsync(ct);
        LogApplied(script.Source, script.Name);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Applied migration {Source}/{Name}")]
    private partial void LogApplied(string source, string name);
}
