using System.Collections.Concurrent;

using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Background;

using StackExchange.Redis;

namespace EnvPlatform.Policy.Activations;

/// <summary>
/// Tells every instance which answers are out of date, over a Redis channel, and knows whether this instance receives from the channel.
/// Redis does not store messages for an instance that is disconnected, so the memory is used only while this instance receives its own
/// probes, and is cleared when it starts to receive them again.
/// </summary>
internal sealed partial class InvalidationChannel(
    AnswerMemory memory, RedisConnection redis, TimeProvider clock, ILogger<InvalidationChannel> log)
    : BackgroundService
{
    private static readonly TimeSpan ProbeInterval = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan PublishTimeout = TimeSpan.FromSeconds(1);
    private readonly string _instance = Guid.CreateVersion7().ToString("N");
    private readonly ConcurrentDictionary<Location, long> _pending = new();
    private readonly Lock _gate = new();
    private IConnectionMultiplexer? _opened;
    private Task? _subscribing;
    private IConnectionMultiplexer? _connection;
    private long _pendingNumber;
    private long _probesSent;
    private long _lostAtProbe;
    private long _receivedAt;
    private volatile bool _receiving;

    /// <summary>Whether this instance receives invalidations, judged by its last probe.</summary>
    public bool IsLive => _receiving && clock.GetElapsedTime(Volatile.Read(ref _receivedAt)) < Silence;

    /// <summary>Redis; null until it has been reached once.</summary>
    public IDatabase? Database => Volatile.Read(ref _connection)?.GetDatabase();

    /// <summary>
    /// Call after the commit that changed these places. Drops what is kept in Redis, then tells every instance. While Redis is
    /// unavailable the places are remembered, and invalidated as soon as it is back.
    /// </summary>
    public async Task DropAsync(IReadOnlyCollection<Location> locations)
    {
        if (locations.Count == 0)
        {
            return;
        }

        var pending = new List<(Location Location, long Number)>(locations.Count);
        foreach (var location in locations)
        {
            memory.Drop(location.StableHash());
            var number = Interlocked.Increment(ref _pendingNumber);
            _pending[location] = number;
            pending.Add((location, number));
        }

        await InvalidateAsync(pending);
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        new RepeatedWork(nameof(InvalidationChannel), clock, log).RunAsync(ProbeAsync, stoppingToken);

    // An unavailable Redis is not a failure of the work: PostgreSQL answers meanwhile, and the next probe connects again.
    private async Task<TimeSpan?> ProbeAsync(CancellationToken ct)
    {
        try
        {
            if (_connection is null)
            {
                await ConnectAsync(ct);
            }

            await _connection!.GetSubscriber()
                .PublishAsync(RedisKeys.Invalidations, $"p:{_instance}:{Interlocked.Increment(ref _probesSent)}")
                .WaitAsync(PublishTimeout, clock, ct);
            if (IsLive && !_pending.IsEmpty)
            {
                await InvalidateAsync([.. _pending.Select(one => (one.Key, one.Value))]);
            }
        }
        catch (Exception exception) when (exception is RedisException or TimeoutException)
        {
            MarkLost(exception.GetType().Name);
        }

        return ProbeInterval;
    }

    private async Task ConnectAsync(CancellationToken ct)
    {
        var opened = await redis.OpenAsync(ct);
        if (_opened is null)
        {
            _opened = opened;
            opened.ConnectionFailed += (_, failure) => MarkLost(failure.FailureType.ToString());
        }

        // Each request for the subscription while Redis is unavailable would add another one.
        if (!opened.IsConnected)
        {
            throw new TimeoutException("Redis has not been reached yet.");
        }

        if (_subscribing is null or { IsFaulted: true } or { IsCanceled: true })
        {
            _subscribing = opened.GetSubscriber().SubscribeAsync(RedisKeys.Invalidations, (_, message) => Receive(message));
        }

        await _subscribing.WaitAsync(PublishTimeout, clock, ct);
        Volatile.Write(ref _connection, opened);
    }

    private async Task InvalidateAsync(List<(Location Location, long Number)> pending)
    {
        if (Database is not { } redis)
        {
            LogPending(_pending.Count, "it has not been reached yet");
            return;
        }

        try
        {
            await redis.KeyDeleteAsync([.. pending.Select(one => RedisKeys.Activation(one.Location))]).WaitAsync(PublishTimeout, clock);
            var hashes = string.Join(',', pending.Select(one => one.Location.StableHash().ToString("x")).Distinct());
            await redis.PublishAsync(RedisKeys.Invalidations, "d:" + hashes).WaitAsync(PublishTimeout, clock);
            foreach (var (location, number) in pending)
            {
                _pending.TryRemove(new(location, number));
            }
        }
        catch (Exception exception) when (exception is RedisException or TimeoutException)
        {
            LogPending(_pending.Count, exception.GetType().Name);
        }
    }

    private void Receive(string? message)
    {
        if (message?.StartsWith("d:", StringComparison.Ordinal) == true)
        {
            foreach (var range in message.AsSpan(2).Split(','))
            {
                if (ulong.TryParse(message.AsSpan(2)[range], System.Globalization.NumberStyles.HexNumber, null, out var hash))
                {
                    memory.Drop(hash);
                }
            }
        }
        else if (message?.Split(':') is ["p", var sender, var number] && sender == _instance && long.TryParse(number, out var probe))
        {
            ReceiveProbe(probe);
        }
    }

    private void ReceiveProbe(long probe)
    {
        lock (_gate)
        {
            if (probe <= _lostAtProbe)
            {
                return;
            }

            var wasLive = IsLive;
            if (!wasLive)
            {
                memory.Clear();
            }

            Volatile.Write(ref _receivedAt, clock.GetTimestamp());
            _receiving = true;
            if (!wasLive)
            {
                LogReceiving();
            }
        }
    }

    /// <summary>Only a probe that is sent after this moment proves that the channel works again.</summary>
    private void MarkLost(string reason)
    {
        lock (_gate)
        {
            _lostAtProbe = Volatile.Read(ref _probesSent);
            if (_receiving)
            {
                _receiving = false;
                LogLost(reason);
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Redis is available: activation answers are cached in memory")]
    private partial void LogReceiving();

    [LoggerMessage(Level = LogLevel.Warning, Message = "Redis is unavailable ({Reason}): PostgreSQL answers every activation check")]
    private partial void LogLost(string reason);

    [LoggerMessage(
        Level = LogLevel.Warning, Message = "The activation answers of {Count} places are invalidated when Redis is back: {Reason}")]
    private partial void LogPending(int count, string reason);
}
