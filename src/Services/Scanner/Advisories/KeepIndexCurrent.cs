using Dapper;

using EnvPlatform.Postgres;
using EnvPlatform.Scanner.Advisories.Imports;

using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Scanner.Advisories;

/// <summary>
/// Brings in the built-in advisories at the start, loads the index, and loads it again when another process has changed the advisories:
/// woken by a notification, and looking by itself every few seconds in case one was lost.
/// </summary>
internal sealed partial class KeepIndexCurrent(
    NpgsqlDataSource db, MigrationState migrated, CurrentIndex index, ChangeAdvisories change, TimeProvider clock, IOptions<ScannerOptions> options,
    ILogger<KeepIndexCurrent> log) : BackgroundService
{
    public const string Channel = "advisories";

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await migrated.Ready.WaitAsync(stoppingToken);
        var seeded = false;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                if (!seeded)
                {
                    await SeedStarter.RunAsync(db, change, options.Value.ChannelAliases, stoppingToken);
                    seeded = true;
                }

                await using var listener = await db.OpenConnectionAsync(stoppingToken);
                await listener.ExecuteAsync("listen " + Channel);
                while (true)
                {
                    var generation = await listener.QuerySingleAsync<long>("select generation from advisory_state");
                    var before = index.Current?.Generation;
                    var loaded = await index.AtLeastAsync(generation, stoppingToken);
                    if (loaded.Generation != before)
                    {
                        LogLoaded(loaded.Index.Advisories, loaded.Generation);
                    }

                    await listener.WaitAsync(TimeSpan.FromSeconds(options.Value.PollSeconds), stoppingToken);
                }
            }
            catch (Exception exception) when (exception is NpgsqlException or IOException or TimeoutException)
            {
                LogWaiting(exception.Message);
                await Task.Delay(TimeSpan.FromSeconds(1), clock, stoppingToken);
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "{Advisories} advisories in memory, generation {Generation}")]
    private partial void LogLoaded(int advisories, long generation);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The advisories wait for the database: {Reason}")]
    private partial void LogWaiting(string reason);
}
