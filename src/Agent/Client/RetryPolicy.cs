using System.Net;

namespace EnvPlatform.Agent.Client;

/// <summary>The kind of failure, as far as it matters for a retry.</summary>
internal enum Failure
{
    /// <summary>No retry helps.</summary>
    Lasting,

    /// <summary>The connection was refused or broke: an instance of the platform is starting, stopping or gone.</summary>
    Connection,

    /// <summary>429, 502, 503, 504: the platform is busy or partly unavailable.</summary>
    Busy,

    /// <summary>
    /// The platform still considers the first attempt of this write running. Where the instance that ran it is gone, that lapses after a
    /// minute.
    /// </summary>
    Running,
}

/// <summary>
/// When a call is retried: exponential waits, half of each random, so that the agents of a fleet that failed together do not retry
/// together. Every call may be repeated: reads change nothing, and a write carries its <c>Idempotency-Key</c>.
/// </summary>
internal static class RetryPolicy
{
    /// <summary>The code of the 409 which says that the first attempt has not been answered yet.</summary>
    public const string RunningCode = "idempotent_request_running";

    private static readonly TimeSpan LongestAsked = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Total attempts; their longest waits (without those that the platform requested) add up to 1.4 s, 7.5 s and more than a minute.
    /// </summary>
    private static readonly Dictionary<Failure, (int Attempts, TimeSpan First, TimeSpan Longest)> Limits = new()
    {
        [Failure.Connection] = (4, TimeSpan.FromMilliseconds(200), TimeSpan.FromSeconds(1)),
        [Failure.Busy] = (5, TimeSpan.FromMilliseconds(500), TimeSpan.FromSeconds(4)),
        [Failure.Running] = (20, TimeSpan.FromMilliseconds(500), TimeSpan.FromSeconds(10)),
    };

    public static Failure Of(HttpRequestException failure) => failure.HttpRequestError switch
    {
        HttpRequestError.ConnectionError or HttpRequestError.ResponseEnded => Failure.Connection,
        // A reset in the middle of a request or a response has no kind of its own.
        HttpRequestError.Unknown when failure.InnerException is IOException => Failure.Connection,
        _ => Failure.Lasting,
    };

    public static Failure Of(HttpStatusCode status, string? code) => status switch
    {
        HttpStatusCode.TooManyRequests or HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable
            or HttpStatusCode.GatewayTimeout => Failure.Busy,
        HttpStatusCode.Conflict when code == RunningCode => Failure.Running,
        _ => Failure.Lasting,
    };

    /// <summary>How long to wait before the next attempt; null for no retry.</summary>
    /// <param name="attempt">The number of the attempt that failed, from 1.</param>
    /// <param name="asked">
    /// What the platform's <c>Retry-After</c> says; null where it says nothing. Longer waits than 30 seconds are not made.
    /// </param>
    /// <param name="random">From 0 to 1.</param>
    public static TimeSpan? WaitAfter(Failure failure, int attempt, TimeSpan? asked, double random)
    {
        if (!Limits.TryGetValue(failure, out var limit) || attempt >= limit.Attempts || asked > LongestAsked)
        {
            return null;
        }

        if (asked is { } given)
        {
            return given <= TimeSpan.Zero ? TimeSpan.Zero : given * (1 + (random / 4));
        }

        var doubled = limit.First * Math.Pow(2, attempt - 1);
        return (doubled < limit.Longest ? doubled : limit.Longest) * (0.5 + (random / 2));
    }
}
