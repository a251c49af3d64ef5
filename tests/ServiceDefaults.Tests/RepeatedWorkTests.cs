using System.Diagnostics.Metrics;

using EnvPlatform.ServiceDefaults.Background;

using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace EnvPlatform.ServiceDefaults.Tests;

/// <summary>Background work continues after any failure, waits as it should, and stops at once.</summary>
public sealed class RepeatedWorkTests
{
    [Test]
    public void Intervals_are_spread_by_a_tenth()
    {
        var interval = TimeSpan.FromSeconds(10);
        Assert.That(Pause.Spread(interval, 0), Is.EqualTo(TimeSpan.FromSeconds(9)));
        Assert.That(Pause.Spread(interval, 0.5), Is.EqualTo(interval));
        Assert.That(Pause.Spread(interval, 1), Is.EqualTo(TimeSpan.FromSeconds(11)));
    }

    [TestCase(1, 0.5, 1)]
    [TestCase(2, 1, 2)]
    [TestCase(3, 2, 4)]
    [TestCase(4, 2.5, 5)]
    [TestCase(1_000_000, 2.5, 5)]
    public void The_pause_after_failures_doubles_up_to_a_limit(int failures, double shortest, double longest)
    {
        Assert.That(Pause.AfterFailures(failures, 0).TotalSeconds, Is.EqualTo(shortest));
        Assert.That(Pause.AfterFailures(failures, 1).TotalSeconds, Is.EqualTo(longest));
    }

    [Test]
    public async Task A_turn_that_fails_is_counted_and_tried_again()
    {
        var name = "work " + Guid.CreateVersion7();
        var clock = new InstantClock();
        var counted = 0L;
        using var listener = Count(name, n => counted += n);
        var turns = 0;
        await new RepeatedWork(name, clock, NullLogger.Instance).RunAsync(
            _ => ++turns switch
            {
                1 => throw new TimeoutException("the database is away"),
                2 => throw new InvalidOperationException("a fault"),
                3 => Task.FromResult<TimeSpan?>(TimeSpan.FromMinutes(7)),
                4 => throw new OperationCanceledException("a time limit within the turn"),
                _ => Task.FromResult<TimeSpan?>(null),
            }, CancellationToken.None);
        Assert.That(turns, Is.EqualTo(5));
        Assert.That(counted, Is.EqualTo(3));
        Assert.That(clock.Waits, Has.Count.EqualTo(4));
        Assert.That(clock.Waits[0].TotalSeconds, Is.InRange(0.5, 1));
        Assert.That(clock.Waits[1].TotalSeconds, Is.InRange(1, 2));
        Assert.That(clock.Waits[2], Is.EqualTo(TimeSpan.FromMinutes(7)));
        Assert.That(clock.Waits[3].TotalSeconds, Is.InRange(0.5, 1), "a success starts the count of failures anew");
    }

    [Test]
    public async Task A_passing_trouble_is_a_warning_and_a_fault_an_error()
    {
        var log = new LevelRecorder();
        var turns = 0;
        await new RepeatedWork("work", new InstantClock(), log).RunAsync(
            _ => ++turns switch
            {
                1 => throw new IOException("cut"),
                2 => throw new FormatException("a fault"),
                3 => Task.FromResult<TimeSpan?>(TimeSpan.FromMinutes(1)),
                _ => Task.FromResult<TimeSpan?>(null),
            }, CancellationToken.None);
        Assert.That(log.Levels, Is.EqualTo(new[] { LogLevel.Warning, LogLevel.Error, LogLevel.Information }));
    }

    [Test]
    public async Task Work_stops_at_once_within_a_turn_and_within_a_pause()
    {
        using var stop = new CancellationTokenSource();
        var inTurn = new RepeatedWork("work", TimeProvider.System, NullLogger.Instance).RunAsync(
            async ct =>
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, ct);
                return null;
            }, stop.Token);
        var inPause = new RepeatedWork("work", TimeProvider.System, NullLogger.Instance).RunAsync(
            _ => Task.FromResult<TimeSpan?>(TimeSpan.FromDays(1)), stop.Token);
        var cut = new RepeatedWork("work", TimeProvider.System, NullLogger.Instance).RunAsync(
            async ct =>
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, ct).ContinueWith(_ => { }, TaskScheduler.Default);
                throw new IOException("the connection was cut by the cancellation");
            }, stop.Token);
        Assert.That(inTurn.IsCompleted || inPause.IsCompleted || cut.IsCompleted, Is.False);
        await stop.CancelAsync();
        await Task.WhenAll(inTurn, inPause, cut).WaitAsync(TimeSpan.FromSeconds(5), TimeProvider.System);
    }

    private static MeterListener Count(string name, Action<long> add)
    {
        var listener = new MeterListener
        {
            InstrumentPublished = (instrument, self) =>
            {
                if (instrument.Name == "envplatform.background.failures")
                {
                    self.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((_, n, tags, _) =>
        {
            if (tags.Length == 1 && tags[0].Key == "work" && (string?)tags[0].Value == name)
            {
                add(n);
            }
        });
        listener.Start();
        return listener;
    }

    /// <summary>A clock on which every wait is over at once; it records how long it would have been.</summary>
    private sealed class InstantClock : TimeProvider
    {
        public List<TimeSpan> Waits { get; } = [];

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            Waits.Add(dueTime);
            return base.CreateTimer(callback, state, TimeSpan.Zero, period);
        }
    }

    private sealed class LevelRecorder : ILogger
    {
        public List<LogLevel> Levels { get; } = [];

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Levels.Add(logLevel);
    }
}
