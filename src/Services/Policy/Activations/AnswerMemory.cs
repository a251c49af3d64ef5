using System.Collections.Concurrent;

namespace EnvPlatform.Policy.Activations;

/// <summary>
/// The activation answers that this process caches: bounded, and safe against slow readers. Places are spread over stripes, each with a
/// generation. A reader takes the stamp before it reads and stores it with the answer; an invalidation raises the generation, so an answer
/// that was read before the invalidation and stored after it carries an old stamp and is never returned.
/// </summary>
internal sealed class AnswerMemory(int capacity, TimeProvider clock)
{
    private const int Stripes = 4_096;
    private readonly long[] _generations = new long[Stripes];
    private long _epoch;
    private ConcurrentDictionary<Location, Entry> _young = new();
    private ConcurrentDictionary<Location, Entry> _old = new();

    /// <summary>Both parts only grow, so two sums are equal exactly when neither part changed in between.</summary>
    public long Stamp(ulong hash) => Volatile.Read(ref _generations[hash % Stripes]) + Volatile.Read(ref _epoch);

    public ActivationAnswer? Find(in Location location, ulong hash)
    {
        if (_young.TryGetValue(location, out var entry))
        {
            return IsGood(entry, hash) ? entry.Answer : null;
        }

        if (!_old.TryGetValue(location, out entry) || !IsGood(entry, hash))
        {
            return null;
        }

        Add(location, entry);
        return entry.Answer;
    }

    public void Keep(in Location location, long stamp, ActivationAnswer answer, TimeSpan time)
    {
        if (time > TimeSpan.Zero)
        {
            Add(location, new Entry(answer, stamp, clock.GetTimestamp() + (long)(time.TotalSeconds * clock.TimestampFrequency)));
        }
    }

    public void Drop(ulong hash) => Interlocked.Increment(ref _generations[hash % Stripes]);

    public void Clear() => Interlocked.Increment(ref _epoch);

    /// <summary>Half of the capacity is for what was used since the last turn; what was not used for two turns is dropped.</summary>
    private void Add(in Location location, Entry entry)
    {
        var current = _young;
        current[location] = entry;
        if (current.Count > capacity / 2 && Interlocked.CompareExchange(ref _young, new(), current) == current)
        {
            Volatile.Write(ref _old, current);
        }
    }

    private bool IsGood(Entry entry, ulong hash) => entry.Stamp == Stamp(hash) && clock.GetTimestamp() < entry.Expires;

    private sealed record Entry(ActivationAnswer Answer, long Stamp, long Expires);
}
