namespace EnvPlatform.Gateway.Limits;

/// <summary>
/// The number of requests for one key in the last minute, over all gateways: this process's count, plus the others' from Redis as of the
/// last exchange. The minute slides: the previous minute's count is weighted by the part of it that is still within.
/// </summary>
/// <remarks>Several gateways together may exceed a limit by at most what arrives between two exchanges.</remarks>
internal sealed class RateCount(string key, TimeProvider clock)
{
    private const int Window = 60;
    private readonly Lock _gate = new();
    private long _minute;
    private long _unsent;
    private long _shared;
    private long _previous;

    public string Key { get; } = key;

    /// <summary>Counts a request; null when it is within the limit, otherwise how long to wait. A refused request does not count.</summary>
    /// <param name="take">False to check only.</param>
    public TimeSpan? TryTake(int limit, bool take = true)
    {
        var now = clock.GetUtcNow().ToUnixTimeMilliseconds() / 1_000d;
        lock (_gate)
        {
            Roll((long)now / Window);
            var left = Window - now % Window;
            var current = _shared + _unsent;
            if (current + _previous * left / Window >= limit)
            {
                // Either the weight of the previous minute drops enough, or this minute has to pass.
                var wait =
                    current >= limit || _previous == 0 ? left : (current + _previous * left / Window - limit + 1) * Window / _previous;
                return TimeSpan.FromSeconds(Math.Clamp(wait, 1, Window));
            }

            _unsent += take ? 1 : 0;
            return null;
        }
    }

    /// <summary>Counts something that has happened already.</summary>
    public void Add() => TryTake(int.MaxValue);

    /// <summary>The count that was not sent to Redis yet, and its minute.</summary>
    public (long Minute, long Unsent) Unsent()
    {
        lock (_gate)
        {
            Roll(clock.GetUtcNow().ToUnixTimeSeconds() / Window);
            return (_minute, _unsent);
        }
    }

    /// <summary>Stores Redis's counts for all gateways together, after <paramref name="sent"/> more were sent to it.</summary>
    public void Sent(long inMinute, long sent, long current, long before)
    {
        lock (_gate)
        {
            if (inMinute == _minute)
            {
                (_unsent, _shared, _previous) = (_unsent - sent, current, before);
            }
        }
    }

    /// <summary>True when there was no request for so long that dropping the key changes nothing.</summary>
    public bool IsIdle()
    {
        lock (_gate)
        {
            Roll(clock.GetUtcNow().ToUnixTimeSeconds() / Window);
            return _unsent == 0 && _shared == 0 && _previous == 0;
        }
    }

    private void Roll(long now)
    {
        if (now != _minute)
        {
            _previous = now == _minute + 1 ? _shared + _unsent : 0;
            (_minute, _shared, _unsent) = (now, 0, 0);
        }
    }
}
