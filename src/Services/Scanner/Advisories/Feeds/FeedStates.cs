using System.Diagnostics.Metrics;

using EnvPlatform.ServiceDefaults;

using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;

namespace EnvPlatform.Scanner.Advisories.Feeds;

/// <summary>The feeds as this process saw them last, for health and metrics, which must not ask the database.</summary>
internal sealed class FeedStates : IHealthCheck
{
    private static readonly Counter<long> FetchCounter =
        Telemetry.Meter.CreateCounter<long>("envplatform.scanner.feeds.fetched", "{fetch}", "Looks at a feed, by outcome.");

    private readonly FeedOptions _options;
    private readonly TimeProvider _clock;
    private IReadOnlyList<FeedRow> _seen = [];

    public FeedStates(IOptions<FeedOptions> options, TimeProvider clock)
    {
        _options = options.Value;
        _clock = clock;
        Telemetry.Meter.CreateObservableGauge("envplatform.scanner.feeds.age", Ages, "s", "Since a feed was last known to be current.");
    }

    public void See(IReadOnlyList<FeedRow> rows) => Volatile.Write(ref _seen, rows);

    public static void Fetched(string feed, string outcome) => FetchCounter.Add(1, new("feed", feed), new("outcome", outcome));

    public bool IsStale(FeedRow row) => row.AgeAt(_clock.GetUtcNow()) > TimeSpan.FromHours(_options.StaleHours);

    /// <summary>Degraded, and not unhealthy: advisories that are old are better than none.</summary>
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var stale = Current().Where(IsStale).Select(row => row.Name).ToArray();
        return Task.FromResult(stale.Length == 0
            ? HealthCheckResult.Healthy()
            : HealthCheckResult.Degraded($"Not current for more than {_options.StaleHours} hours: {string.Join(", ", stale)}."));
    }

    private IEnumerable<Measurement<double>> Ages() =>
        Current().Select(row => new Measurement<double>(row.AgeAt(_clock.GetUtcNow()).TotalSeconds, new KeyValuePair<string, object?>("feed", row.Name)));

    private IEnumerable<FeedRow> Current() =>
        _options.Enabled ? Volatile.Read(ref _seen).Where(row => _options.Sources.GetValueOrDefault(row.Name) is { IsFetched: true }) : [];
}
