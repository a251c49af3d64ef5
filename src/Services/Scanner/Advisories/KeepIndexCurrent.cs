using EnvPlatform.Postgres;
using EnvPlatform.Postgres.Background;
using EnvPlatform.Scanner.Advisories.Imports;

using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Scanner.Advisories;

/// <summary>
/// Stores the built-in advisories at the start, loads the index, and reloads it when another process has changed the advisories.
/// </summary>
internal sealed partial class KeepIndexCurrent(
    NpgsqlDataSource db, CurrentIndex index, ChangeAdvisories change, IOptions<ScannerOptions> options, TimeProvider clock,
    ILogger<KeepIndexCurrent> log) : IListeningWork
{
    public const string Channel = "advisories";
    private bool _seeded;

    static string IListeningWork.Channel => Channel;

    public async Task<TimeSpan> RunAsync(CancellationToken ct)
    {
        if (!_seeded)
        {
            await SeedStarter.RunAsync(db, change, options.Value.ChannelAliases, clock, ct);
            _seeded = true;
        }

        var generation = await db.QuerySingleAsync<long>("select generation from advisory_state", null, ct);
        var before = index.Current?.Generation;
        var loaded = await index.AtLeastAsync(generation, ct);
        if (loaded.Generation != before)
        {
            LogLoaded(loaded.Index.Advisories, loaded.Generation);
        }

        return TimeSpan.FromSeconds(options.Value.PollSeconds);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "{Advisories} advisories in memory, generation {Generation}")]
    private partial void LogLoaded(int advisories, long generation);
}
