using EnvPlatform.ServiceDefaults.Background;

using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace EnvPlatform.Postgres.Background;

/// <summary>Runs a turn of <typeparamref name="T"/> when the schema is ready, and then once per interval.</summary>
internal sealed class PeriodicLoop<T>(T work, MigrationState migrated, TimeProvider clock, ILogger<T> log) : BackgroundService
    where T : IPeriodicWork
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await migrated.Ready.WaitAsync(stoppingToken);
        await new RepeatedWork(typeof(T).Name, clock, log).RunAsync(TurnAsync, stoppingToken);
    }

    private async Task<TimeSpan?> TurnAsync(CancellationToken ct)
    {
        await work.RunAsync(ct);
        return Pause.Spread(T.Interval, Random.Shared.NextDouble());
    }
}
