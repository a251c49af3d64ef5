using System.Diagnostics;

namespace EnvPlatform.Bench.Load;

/// <summary>
/// Requests a second, and the 50th and 99th percentile of their duration in milliseconds; failures are counted separately.
/// </summary>
internal sealed record Measured(string What, double PerSecond, double P50, double P99, int Failures)
{
    public override string ToString() => $"| {What} | {PerSecond:N0} | {P50:N2} | {P99:N2} | {Failures} |";
}

/// <summary>Runs one kind of request from many concurrent workers for a time.</summary>
internal static class Meter
{
    /// <param name="request">Sends the n-th request; false when the answer was not as expected.</param>
    public static async Task<Measured> RunAsync(
        string what, int seconds, int workers, Func<int, CancellationToken, Task<bool>> request, CancellationToken ct)
    {
        // The first second warms up connections and code, and is not counted.
        await BatchAsync(1, workers, request, -1_000_000_000, ct);
        var clock = Stopwatch.StartNew();
        var results = await BatchAsync(seconds, workers, request, 0, ct);
        var elapsed = clock.Elapsed.TotalSeconds;
        var sorted = results.SelectMany(result => result.Durations).Order().ToArray();
        return new(
            what, sorted.Length / elapsed, Percentile(sorted, 0.50), Percentile(sorted, 0.99), results.Sum(result => result.Failures));
    }

    private static async Task<Worker[]> BatchAsync(
        int seconds, int workers, Func<int, CancellationToken, Task<bool>> request, int first, CancellationToken ct)
    {
        var end = Stopwatch.GetTimestamp() + seconds * Stopwatch.Frequency;
        var next = first;
        return await Task.WhenAll(Enumerable.Range(0, workers).Select(_ => Task.Run(async () =>
        {
            var worker = new Worker([], 0);
            while (Stopwatch.GetTimestamp() < end)
            {
                var start = Stopwatch.GetTimestamp();
                var good = await request(Interlocked.Increment(ref next), ct);
                if (good)
                {
                    worker.Durations.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
                }
                else
                {
                    worker = worker with { Failures = worker.Failures + 1 };
                }
            }

            return worker;
        }, ct)));
    }

    private static double Percentile(double[] sorted, double p) =>
        sorted.Length == 0 ? 0 : sorted[Math.Min(sorted.Length - 1, (int)(sorted.Length * p))];

    private sealed record Worker(List<double> Durations, int Failures);
}
