namespace EnvPlatform.Gateway.Limits;

/// <summary>
/// How many requests came under one key in the last minute, over all gateways: this process's count, plus what Redis said of the others at the last
/// exchange. The last minute slides: of the minute before this one, the part that is still within counts evenly.
/// </summary>
/// <remarks>Several gateways together may let through what arrives between two exchanges in excess of a limit, never more.</remarks>
internal sealed class RateCount(string key, TimeProvider clock)
{
    private const int Window = 60;
    private readonly Lock gate = new();
    private long minute;
    private long unsent;
    private long shared;
    private long previous;

    public string Key { get; } = key;

    /// <summary>Counts a request; null when it is within the limit, otherwise how long to wait. One that is refused does not count.</summary>
    /// <param name="take">False to look only.</param>
    public TimeSpan? TryTake(int limit, bool take = true)
    {
        var now = clock.GetUtcNow().ToUnixTimeMilliseconds() / 1_000d;
        lock (gate)
        {
            Roll((long)now / Window);
            var left = Window - now % Window;
            var current = shared + unsent;
            if (current + previous * left / Window >= limit)
            {
                // Either the weight of the minute before sinks enough, or this minute has to pass.
                var wait = current >= limit || previous == 0 ? left : (current + previous * left / Window - limit + 1) * Window / previous;
                return TimeSpan.FromSeconds(Math.Clamp(wait, 1, Window));
            }

            unsent += take ? 1 : 0;
            return null;
        }
    }

    /// <summary>Counts something that has happened already.</summary>
    public void Add() => TryTake(int.MaxValue);

    /// <summary>What Redis has not been told of yet, and the minute that it belongs to.</summary>
    public (long Minute, long Unsent) Unsent()
    {
        lock (gate)
        {
            Roll(clock.GetUtcNow().ToUnixTimeSeconds() / Window);
            return (minute, unsent);
        }
    }

    /// <summary>Takes over what Redis counts for all gateways together, after it was told of <paramref name="sent"/> more.</summary>
    public void Sent(long inMinute, long sent, long current, long before)
    {
        lock (gate)
        {
            if (inMinute == minute)
            {
                (unsent, shared, previous) = (unsent - sent, current, before);
            }
        }
    }

    /// <summary>True when nothing came for so long that forgetting the key changes nothing.</summary>
    public bool IsIdle()
    {
        lock (gate)
        {
            Roll(clock.GetUtcNow().ToUnixTimeSeconds() / Window);
            return unsent == 0 && shared == 0 && previous == 0;
        }
    }

    private void Roll(long now)
    {
        if (now != minute)
        {
            previous = now == minute + 1 ? shared + unsent : 0;
            (minute, shared, unsent) = (now, 0, 0);
        }
    }
}
