using Dapper;

using EnvPlatform.Postgres.Background;

using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Postgres;

/// <summary>Deletes handled message ids and idempotency keys that are older than the options allow.</summary>
internal sealed class Housekeeping(NpgsqlDataSource db, IOptions<PostgresOptions> options) : IPeriodicWork
{
    public static TimeSpan Interval { get; } = TimeSpan.FromMinutes(30);

    public async Task RunAsync(CancellationToken ct)
    {
        await using var connection = await db.OpenConnectionAsync(ct);
        await connection.ExecuteAsync(new CommandDefinition(
            """
            delete from inbox where received_at < now() - @InboxDays * interval '1 day';
            delete from idempotency_keys where created_at < now() - @IdempotencyHours * interval '1 hour';
            """, new { options.Value.InboxDays, options.Value.IdempotencyHours }, commandTimeout: 300, cancellationToken: ct));
    }
}
