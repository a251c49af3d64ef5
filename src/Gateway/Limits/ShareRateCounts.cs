using System.Diagnostics.Metrics;

using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Background;

using Microsoft.Extensions.Options;

using StackExchange.Redis;

namespace EnvPlatform.Gateway.Limits;

/// <summary>
/// Adds this gateway's request counts to those in Redis, several times a second, and reads back the sums. While Redis is unavailable each
/// gateway limits by its own counts.
/// </summary>
internal sealed partial class ShareRateCounts(
    RateLimits limits, RedisConnection redis, IConfiguration configuration, IOptions<GatewayOptions> options, TimeProvider clock,
    ILogger<ShareRateCounts> log)
    : BackgroundService
{
    /// <summary>
    /// Adds to the count of a minute, which expires when it is no longer needed, and returns it with that of the previous minute.
    /// </summary>
    private const string Script =
        """
        local current = redis.call('incrby', KEYS[1], ARGV[1])
        redis.call('expire', KEYS[1], 150)
        return {current, tonumber(redis.call('get', KEYS[2]) or 0)}
        """;

    private static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan ForgetInterval = TimeSpan.FromMinutes(1);
    private static readonly Counter<long> Failed = Telemetry.Meter.CreateCounter<long>(
        "envplatform.gateway.rate_exchanges_failed", "{exchange}");

    /// <summary>Platforms that share a Redis are distinguished by the same setting as those that share a broker.</summary>
    private readonly string _prefix =
        configuration["Messaging:Prefix"] is { Length: > 0 } given ? given + ":gateway:rate:" : "gateway:rate:";
    private bool _away;
    private long _forgotten;

    protected override Task ExecuteAsync(CancellationToken stoppingToken)
    {
        _forgotten = clock.GetTimestamp();
        return new RepeatedWork(nameof(ShareRateCounts), clock, log).RunAsync(ExchangeAsync, stoppingToken);
    }

    private async Task<TimeSpan?> ExchangeAsync(CancellationToken ct)
    {
        if (clock.GetElapsedTime(_forgotten) > ForgetInterval)
        {
            limits.ForgetIdle();
            _forgotten = clock.GetTimestamp();
        }

        try
        {
            var database = (await redis.OpenAsync(ct)).GetDatabase();
            await Task.WhenAll(limits.Counts.Select(count => ExchangeAsync(database, count))).WaitAsync(ct);
            if (_away)
            {
                _away = false;
                LogBack();
            }

            return TimeSpan.FromMilliseconds(options.Value.RateSyncMilliseconds);
        }
        catch (Exception exception) when (exception is RedisException or TimeoutException)
        {
            Failed.Add(1);
            if (!_away)
            {
                _away = true;
                LogAway(exception.Message);
            }

            return RetryInterval;
        }
    }

    private async Task ExchangeAsync(IDatabase database, RateCount count)
    {
        var (minute, unsent) = count.Unsent();
        if (unsent == 0)
        {
            return;
        }

        // The braces keep both minutes of a key on one node of a cluster.
        RedisKey[] keys = [$"{_prefix}{{{count.Key}}}:{minute}", $"{_prefix}{{{count.Key}}}:{minute - 1}"];
        var sums = (long[])(await database.ScriptEvaluateAsync(Script, keys, [unsent]))!;
        count.Sent(minute, unsent, sums[0], sums[1]);
    }

    [LoggerMessage(
        Level = LogLevel.Warning, Message = "Redis is unavailable; until it is back each gateway limits requests alone: {Reason}")]
    private partial void LogAway(string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "Redis is back; the request limits apply to all gateways together")]
    private partial void LogBack();
}
