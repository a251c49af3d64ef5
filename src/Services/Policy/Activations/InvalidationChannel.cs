using System.Collections.Concurrent;

using EnvPlatform.ServiceDefaults;

using StackExchange.Redis;

namespace EnvPlatform.Policy.Activations;

/// <summary>
/// Tells every instance which answers are out of date, over a Redis channel, and knows whether this instance hears what is said there.
/// Redis keeps no message for who is away, so the memory is trusted only while this instance hears its own probes, and is cleared whenever
/// it begins to hear them again.
/// </summary>
internal sealed partial class InvalidationChannel(
    AnswerMemory memory, RedisConnection redis, TimeProvider clock, ILogger<InvalidationChannel> log)
    : BackgroundService
{
    private static readonly TimeSpan ProbeInterval = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan PublishTimeout = TimeSpan.FromSeconds(1);
    private readonly string _instance = Guid.CreateVersion7().ToString("N");
    private readonly ConcurrentDictionary<Location, long> _owed = new();
    private readonly Lock _gate = new();
    private IConnectionMultiplexer? _opened;
    private Task? _subscribing;
    private IConnectionMultiplexer? _connection;
    private long _owedNumber;
    private long _probesSent;
    private long _deafUntilProbe;
    private long _heardAt;
    private volatile bool _hearing;

    /// <summary>Whether invalidations reach this instance, as far as can be known.</summary>
    public bool IsLive => _hearing && clock.GetElapsedTime(Volatile.Read(ref _heardAt)) < Silence;

    /// <summary>Redis; null while it has never been there.</summary>
    public IDatabase? Database => Volatile.Read(ref _connection)?.GetDatabase();

    /// <summary>
    /// Call after the commit that changed these places. Drops what is kept in Redis, then tells every instance. When Redis is away the
    /// places are remembered and dropped as soon as it is back.
    /// </summary>
    public async Task DropAsync(IReadOnlyCollection<Location> locations)
    {
        if (locations.Count == 0)
        {
            return;
        }

        var debts = new List<(Location Location, long Number)>(locations.Count);
        foreach (var location in locations)
        {
            memory.Drop(location.StableHash());
            var number = Interlocked.Increment(ref _owedNumber);
            _owed[location] = number;
            debts.Add((location, number));
        }

        await PayAsync(debts);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(ProbeInterval, clock);
        do
        {
            try
            {
                if (_connection is null)
                {
                    await ConnectAsync(stoppingToken);
                }

                await _connection!.GetSubscriber()
                    .PublishAsync(RedisKeys.Invalidations, $"p:{_instance}:{Interlocked.Increment(ref _probesSent)}")
                    .WaitAsync(PublishTimeout, clock, stoppingToken);
                if (IsLive && !_owed.IsEmpty)
                {
                    await PayAsync([.. _owed.Select(debt => (debt.Key, debt.Value))]);
                }
            }
            catch (Exception exception) when (exception is RedisException or TimeoutException)
            {
                BecomeDeaf(exception.GetType().Name);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private async Task ConnectAsync(CancellationToken ct)
    {
        var opened = await redis.OpenAsync(ct);
        if (_opened is null)
        {
            _opened = opened;
            opened.ConnectionFailed += (_, failure) => BecomeDeaf(failure.FailureType.ToString());
        }

        // Asked for again and again while Redis is away, the subscription would be there as often.
        if (!opened.IsConnected)
        {
            throw new TimeoutException("Redis has not been reached yet.");
        }

        if (_subscribing is null or { IsFaulted: true } or { IsCanceled: true })
        {
            _subscribing = opened.GetSubscriber().SubscribeAsync(RedisKeys.Invalidations, (_, message) => Hear(message));
        }

        await _subscribing.WaitAsync(PublishTimeout, clock, ct);
        Volatile.Write(ref _connection, opened);
    }

    private async Task PayAsync(List<(Location Location, long Number)> debts)
    {
        if (Database is not { } redis)
        {
            LogOwed(_owed.Count, "it has not been reached yet");
            return;
        }

        try
        {
            await redis.KeyDeleteAsync([.. debts.Select(debt => RedisKeys.Activation(debt.Location))]).WaitAsync(PublishTimeout, clock);
            var hashes = string.Join(',', debts.Select(debt => debt.Location.StableHash().ToString("x")).Distinct());
            await redis.PublishAsync(RedisKeys.Invalidations, "d:" + hashes).WaitAsync(PublishTimeout, clock);
            foreach (var (location, number) in debts)
            {
                _owed.TryRemove(new(location, number));
            }
        }
        catch (Exception exception) when (exception is RedisException or TimeoutException)
        {
            LogOwed(_owed.Count, exception.GetType().Name);
        }
    }

    private void Hear(string? message)
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
            HearProbe(probe);
        }
    }

    private void HearProbe(long probe)
    {
        lock (_gate)
        {
            if (probe <= _deafUntilProbe)
            {
                return;
            }

            var wasLive = IsLive;
            if (!wasLive)
            {
                memory.Clear();
            }

            Volatile.Write(ref _heardAt, clock.GetTimestamp());
            _hearing = true;
            if (!wasLive)
            {
                LogHearing();
            }
        }
    }

    /// <summary>Only a probe that is sent after this moment proves that the channel is there again.</summary>
    private void BecomeDeaf(string reason)
    {
        lock (_gate)
        {
            _deafUntilProbe = Volatile.Read(ref _probesSent);
            if (_hearing)
            {
                _hearing = false;
                LogDeaf(reason);
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Redis is there: activation answers are kept in memory")]
    private partial void LogHearing();

    [LoggerMessage(Level = LogLevel.Warning, Message = "Redis is away ({Reason}): PostgreSQL answers every activation check")]
    private partial void LogDeaf(string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Count} places wait for Redis to have their activation answers dropped: {Reason}")]
    private partial void LogOwed(int count, string reason);
}
