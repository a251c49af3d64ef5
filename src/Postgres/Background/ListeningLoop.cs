using Dapper;

using EnvPlatform.ServiceDefaults.Background;

using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

using Npgsql;

namespace EnvPlatform.Postgres.Background;

/// <summary>
/// Runs a turn of <typeparamref name="T"/> whenever its channel is notified. A turn begins on a connection that already listens, so a
/// notification while it runs, or between connecting and the first turn, starts another one. If the connection is lost, the loop reconnects
/// after a growing pause (see <see cref="RepeatedWork"/>), and the first turn then finds the work of missed notifications.
/// </summary>
internal sealed class ListeningLoop<T>(T work, NpgsqlDataSource db, MigrationState migrated, TimeProvider clock, ILogger<T> log)
    : BackgroundService
    where T : IListeningWork
{
    private NpgsqlConnection? _listener;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await migrated.Ready.WaitAsync(stoppingToken);
        await new RepeatedWork(typeof(T).Name, clock, log).RunAsync(TurnAsync, stoppingToken);
    }

    private async Task<TimeSpan?> TurnAsync(CancellationToken ct)
    {
        try
        {
            var listener = _listener ??= await ListenAsync(ct);
            await listener.WaitAsync(await work.RunAsync(ct), ct);
            return TimeSpan.Zero;
        }
        catch
        {
            // Also when the service stops.
            await DisconnectAsync();
            throw;
        }
    }

    private async Task<NpgsqlConnection> ListenAsync(CancellationToken ct)
    {
        var connection = await db.OpenConnectionAsync(ct);
        try
        {
            await connection.ExecuteAsync(new CommandDefinition("listen " + T.Channel, cancellationToken: ct));
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    private async Task DisconnectAsync()
    {
        if (_listener is { } listener)
        {
            _listener = null;
            await listener.DisposeAsync();
        }
    }
}
