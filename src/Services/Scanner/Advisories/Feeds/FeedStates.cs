using System.Diagnostics.Metrics;

using EnvPlatform.ServiceDefaults;

using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;

namespace EnvPlatform.Scanner.Advisories.Feeds;

/// <summary>
/// The feeds as this process last read them, for health and metrics, which must not query the database. Ages keep growing between reads.
/// </summary>
internal sealed partial class FeedStates : IHealthCheck
{
    private static readonly Counter<long> FetchCounter =
        Telemetry.Meter.CreateCounter<long>("envplatform.scanner.feeds.fetched", "{fetch}", "Looks at a feed, by outcome.");

    private readonly FeedOptions _options;
    private readonly TimeProvider _clock;
    private readonly ILogger<FeedStates> _log;
    private readonly HashSet<string> _warnedOf = new(StringComparer.Ordinal);
    private IReadOnlyList<FeedRow> _seen = [];

    public FeedStates(IOptions<FeedOptions> options, TimeProvider clock, ILogger<FeedStates> log)
    {
        _options = options.Value;
        _clock = clock;
        _log = log;
        Telemetry.Meter.CreateObservableGauge("envplatform.scanner.feeds.age", Ages, "s", "Since a feed was last known to be current.");
        Telemetry.Meter.CreateObservableGauge(
            "envplatform.scanner.feeds.stale", Staleness,
            description: "1 for a feed that is not known to be current for too long, 0 for another.");
    }

    public void See(IReadOnlyList<FeedRow> rows) => Volatile.Write(ref _seen, rows);

    public static void Fetched(string feed, string outcome) => FetchCounter.Add(1, new("feed", feed), new("outcome", outcome));

    /// <summary>Warns once of each feed that has become stale, and reports when it is current again.</summary>
    public void Warn()
    {
        var stale = Stale();
        foreach (var row in stale.Where(row => _warnedOf.Add(row.Name)))
        {
            LogStale(row.Name, _options.StaleHours, row.Error ?? "no attempt has failed");
        }

        foreach (var name in _warnedOf.Except(stale.Select(row => row.Name), StringComparer.Ordinal).ToArray())
        {
            _warnedOf.Remove(name);
            LogCurrent(name);
        }
    }

    /// <summary>Degraded, not unhealthy: old advisories are better than none.</summary>
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var stale = Stale();
        return Task.FromResult(stale.Count == 0
            ? HealthCheckResult.Healthy()
            : HealthCheckResult.Degraded(
                $"Not current for more than {_options.StaleHours} hours: {string.Join(", ", stale.Select(row => row.Name))}."));
    }

    private List<FeedRow> Stale() => [.. Current().Where(IsStale)];

    private bool IsStale(FeedRow row) => row.AgeAt(_clock.GetUtcNow()) > TimeSpan.FromHours(_options.StaleHours);

    private IEnumerable<Measurement<double>> Ages() =>
        Current().Select(row => new Measurement<double>(
            row.AgeAt(_clock.GetUtcNow()).TotalSeconds, new KeyValuePair<string, object?>("feed", row.Name)));

    private IEnumerable<Measurement<int>> Staleness() =>
        Current().Select(row => new Measurement<int>(IsStale(row) ? 1 : 0, new KeyValuePair<string, object?>("feed", row.Name)));

    private IEnumerable<FeedRow> Current()
    {
        var fetched = _options.Enabled ? _options.At(_clock.GetUtcNow()).Select(feed => feed.Name).ToHashSet(StringComparer.Ordinal) : [];
        return Volatile.Read(ref _seen).Where(row => fetched.Contains(row.Name));
    }

    [LoggerMessage(
        Level = LogLevel.Warning, Message = "Feed {Feed} is not known to be current for more than {Hours} hours; the last error: {Reason}")]
    private partial void LogStale(string feed, int hours, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "Feed {Feed} is current again")]
    private partial void LogCurrent(string feed);
}
