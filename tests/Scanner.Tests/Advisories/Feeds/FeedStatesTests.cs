using System.Diagnostics.Metrics;

using EnvPlatform.Scanner.Advisories.Feeds;

using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace EnvPlatform.Scanner.Tests.Advisories.Feeds;

/// <summary>How health, metrics and the log report feeds that become stale.</summary>
public sealed class FeedStatesTests
{
    private static readonly DateTimeOffset Start = new(2026, 11, 21, 12, 0, 0, TimeSpan.Zero);
    private readonly Clock _clock = new();
    private readonly Lines _log = new();
    private FeedStates _states = null!;

    [SetUp]
    public void Prepare()
    {
        _clock.Now = Start;
        _log.Written.Clear();
        var options = new FeedOptions { Enabled = true };
        options.Sources.Clear();
        options.Sources["a"] = new() { Url = "https://example.org/a", Format = "osv" };
        options.Sources["b"] = new() { Url = "https://example.org/b", Format = "osv" };
        _states = new(Options.Create(options), _clock, _log);
        _states.See([Row("a", Start), Row("b", null), Row("gone", Start.AddDays(-100))]);
    }

    [Test]
    public async Task A_feed_is_stale_when_it_is_older_than_two_days_and_not_before()
    {
        _clock.Now = Start.AddHours(48);
        _states.Warn();
        Assert.That((await CheckAsync()).Status, Is.EqualTo(HealthStatus.Healthy),
            "48 hours are not older than 48 hours; an unconfigured feed is ignored");
        Assert.That(_log.Written, Is.Empty);

        _clock.Now = Start.AddHours(48).AddSeconds(1);
        _states.Warn();
        _states.Warn();
        var old = await CheckAsync();
        Assert.Multiple(() =>
        {
            Assert.That(old.Status, Is.EqualTo(HealthStatus.Degraded), "and not unhealthy");
            Assert.That(old.Description, Is.EqualTo("Not current for more than 48 hours: a, b."));
            Assert.That(_log.Written.Select(line => line.Level), Is.EqualTo(new[] { LogLevel.Warning, LogLevel.Warning }), "once for each");
            Assert.That(_log.Written[0].Text, Does.Contain("Feed a ").And.Contain("48 hours").And.Contain("the server said no"));
        });

        _states.See([Row("a", _clock.Now), Row("b", null)]);
        _states.Warn();
        Assert.That((await CheckAsync()).Description, Is.EqualTo("Not current for more than 48 hours: b."));
        Assert.That((_log.Written[^1].Level, _log.Written[^1].Text), Is.EqualTo((LogLevel.Information, "Feed a is current again")));
    }

    [Test]
    public void Metrics_say_how_old_each_feed_is_and_whether_that_is_too_old()
    {
        // Instruments live as long as the process: these are those of this test.
        var options = new FeedOptions { Enabled = true };
        options.Sources.Clear();
        options.Sources["young"] = options.Sources["never"] = new() { Url = "https://example.org/a", Format = "osv" };
        var measured = new FeedStates(Options.Create(options), _clock, _log);
        _clock.Now = Start.AddHours(50);
        measured.See([Row("young", _clock.Now.AddMinutes(-1)), Row("never", null)]);
        var (ages, stale) = (new Dictionary<string, double>(StringComparer.Ordinal), new Dictionary<string, int>(StringComparer.Ordinal));
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, on) =>
        {
            if (instrument.Name.StartsWith("envplatform.scanner.feeds.", StringComparison.Ordinal))
            {
                on.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<double>((_, value, tags, _) => ages[(string)tags[0].Value!] = value);
        listener.SetMeasurementEventCallback<int>((_, value, tags, _) => stale[(string)tags[0].Value!] = value);
        listener.Start();
        listener.RecordObservableInstruments();
        Assert.Multiple(() =>
        {
            Assert.That((ages["young"], ages["never"]), Is.EqualTo((60, 50 * 3_600)));
            Assert.That((stale["young"], stale["never"]), Is.EqualTo((0, 1)));
        });
    }

    private Task<HealthCheckResult> CheckAsync() => _states.CheckHealthAsync(new());

    private static FeedRow Row(string name, DateTimeOffset? succeededAt) =>
        new(name, Start, Start, null, null, succeededAt, 3, "the server said no", null, false, false, 0, null);

    private sealed class Clock : TimeProvider
    {
        public DateTimeOffset Now { get; set; }

        public override DateTimeOffset GetUtcNow() => Now;
    }

    private sealed class Lines : ILogger<FeedStates>
    {
        public List<(LogLevel Level, string Text)> Written { get; } = [];

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Written.Add((logLevel, formatter(state, exception)));
    }
}
