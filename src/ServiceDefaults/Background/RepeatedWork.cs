using System.Data.Common;
using System.Diagnostics.Metrics;

using Microsoft.Extensions.Logging;

namespace EnvPlatform.ServiceDefaults.Background;

/// <summary>
/// Runs a turn of background work again and again until the service stops. A failure of any kind is logged, counted
/// (<c>envplatform.background.failures</c>, tag <c>work</c>) and followed by another try after a growing pause; it does not end the work.
/// </summary>
/// <param name="name">What the work is called in logs and metrics.</param>
public sealed partial class RepeatedWork(string name, TimeProvider clock, ILogger log)
{
    private static readonly Counter<long> Failures = Telemetry.Meter.CreateCounter<long>(
        "envplatform.background.failures", "{failure}", "Turns of background work that failed and are tried again.");

    /// <param name="turnAsync">Does the pending work and returns how long to wait before the next turn; null when the work is over.</param>
    /// <returns>Completes when the work is over, or <paramref name="ct"/> is cancelled; without an exception in either case.</returns>
    public async Task RunAsync(Func<CancellationToken, Task<TimeSpan?>> turnAsync, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(turnAsync);
        var failures = 0;
        try
        {
            while (!ct.IsCancellationRequested)
            {
                TimeSpan pause;
                try
                {
                    if (await turnAsync(ct) is not { } next)
                    {
                        return;
                    }

                    pause = next;
                    if (failures > 0)
                    {
                        LogRecovered(name, failures);
                        failures = 0;
                    }
                }
                catch (Exception exception) when (!ct.IsCancellationRequested)
                {
                    // The outermost frame of the work: whatever went wrong, the next turn may succeed, and nothing else would restart it.
                    pause = Pause.AfterFailures(++failures, Random.Shared.NextDouble());
                    Note(exception, pause);
                }

                await Task.Delay(pause, clock, ct);
            }
        }
        catch (Exception) when (ct.IsCancellationRequested)
        {
            // Stopped within a turn or a pause; a connection that breaks during cancellation throws an exception of its own.
        }
    }

    private void Note(Exception exception, TimeSpan pause)
    {
        Failures.Add(1, new KeyValuePair<string, object?>("work", name));
        if (exception is DbException { IsTransient: true } or IOException or TimeoutException)
        {
            LogWaiting(name, pause.TotalSeconds, exception.Message);
        }
        else
        {
            LogFailed(name, pause.TotalSeconds, exception);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Work} is tried again in {Seconds:0.0} s: {Reason}")]
    private partial void LogWaiting(string work, double seconds, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Work} failed and is tried again in {Seconds:0.0} s")]
    private partial void LogFailed(string work, double seconds, Exception exception);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Work} succeeded after {Failures} failures")]
    private partial void LogRecovered(string work, int failures);
}
