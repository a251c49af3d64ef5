using System.Collections.Concurrent;
using System.Globalization;
using System.Text;

using EnvPlatform.Testing;

namespace EnvPlatform.EndToEnd.Fuzzing;

/// <summary>What a run came to: answers by status, and the requests that got none, or one that no request may get.</summary>
internal sealed record RequestFuzzResult(IReadOnlyDictionary<int, int> Answers, IReadOnlyCollection<string> Failures);

/// <summary>
/// Sends generated requests to the gateway, several at a time. An answer of 500 is a failure, as is an answer of 5xx, or none, to a request
/// that gets it each time it is sent: a machine that is busy may be late once.
/// </summary>
internal static class RequestFuzz
{
    private const int Tries = 6;
    private const int MaxFailures = 20;
    private const int MaxShown = 3_000;

    /// <param name="first">The number of the first request.</param>
    public static async Task<RequestFuzzResult> RunAsync(
        RequestGenerator generator, Uri gateway, long first, long requests, int parallel, Action<long>? progress, CancellationToken ct)
    {
        var answers = new ConcurrentDictionary<int, int>();
        var failures = new ConcurrentQueue<string>();
        var next = first - 1;
        await Task.WhenAll(Enumerable.Range(0, parallel).Select(_ => Task.Run(SendAsync, ct)));
        return new(answers.OrderBy(pair => pair.Key).ToDictionary(), failures);

        async Task SendAsync()
        {
            RawConnection? connection = null;
            long number;
            while ((number = Interlocked.Increment(ref next)) < first + requests && failures.Count < MaxFailures)
            {
                progress?.Invoke(number - first);
                var request = generator.Next(number);
                RawAnswer? answer = null;
                for (var tries = 0; tries < Tries && answer is null or { Status: > 500 }; tries++)
                {
                    if (tries > 1)
                    {
                        await Task.Delay(TimeSpan.FromSeconds(tries), TimeProvider.System, ct);
                    }

                    if (connection is not { IsOpen: true } || tries > 0)
                    {
                        connection?.Dispose();
                        connection = await RawConnection.OpenAsync(gateway, ct);
                    }

                    answer = await connection.SendAsync(Encoding.Latin1.GetBytes(request), ct);
                }

                answers.AddOrUpdate(answer?.Status ?? 0, 1, (_, count) => count + 1);
                if (answer is null or { Status: >= 500 } || answer.Body.Contains("   at ", StringComparison.Ordinal))
                {
                    failures.Enqueue(
                        $"request {number}: {Show(request)}\n  {answer?.Head.Split("\r\n")[0]} {Show(answer?.Body ?? "no answer")}");
                }
            }

            connection?.Dispose();
        }
    }

    private static string Show(string bytes)
    {
        var shown = new StringBuilder();
        foreach (var c in bytes.AsSpan(0, Math.Min(bytes.Length, MaxShown)))
        {
            shown = c is >= ' ' and < '\x7f' ? shown.Append(c) : shown.Append(CultureInfo.InvariantCulture, $"\\x{(int)c:x2}");
        }

        return bytes.Length > MaxShown ? $"{shown}... ({bytes.Length} bytes)" : shown.ToString();
    }
}
