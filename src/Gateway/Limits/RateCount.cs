namespace EnvPlatform.Gateway.Limits;

/// <summary>
/// How many requests came under one key in the last minute, over all gateways: this process's count, plus what Redis said of the others at
/// the last exchange. The last minute slides: of the minute before this one, the part that is still within counts evenly.
/// </summary>
/// <remarks>Several gateways together may let through what arrives between two exchanges in excess of a limit, never more.</remarks>
internal sealed class RateCount(string key, TimeProvider clock)
{
    private const int Window = 60;
    private readonly Lock _gate = new();
    private long _minute;
    private long _unsent;
    private long _shared;
    private long _previous;

    public string Key { get; } = key;

    /// <summary>
    /// Counts a request; null when it is within the limit, otherwise how long to wait. One that is refused does not count.
    /// </summary>
    /// <param name="take">False to look only.</param>
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
                // Either the weight of the minute before sinks enough, or this minute has to pass.
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

    /// <summary>What Redis has not been told of yet, and the minute that it belongs to.</summary>
    public (long Minute, long Unsent) Unsent()
    {
        lock (_gate)
        {
            Roll(clock.GetUtcNow().ToUnixTimeSeconds() / Window);
            return (_minute, _unsent);
        }
    }

    /// <summary>Takes over what Redis counts for all gateways together, after it was told of <paramref name="sent"/> more.</summary>
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

    /// <summary>True when nothing came for so long that forgetting the key changes nothing.</summary>
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
