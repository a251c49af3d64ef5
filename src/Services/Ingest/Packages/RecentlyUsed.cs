using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace EnvPlatform.Ingest.Packages;

/// <summary>
/// Remembers about the last <c>capacity</c> keys that were used: two generations, of which the older is forgotten whole when the younger is
/// full. Reads take no lock.
/// </summary>
internal sealed class RecentlyUsed<TKey, TValue>(int capacity) where TKey : notnull
{
    private readonly Lock turning = new();
    private ConcurrentDictionary<TKey, TValue> young = new();
    private ConcurrentDictionary<TKey, TValue> old = new();
    private int added;

    public bool TryGet(TKey key, [MaybeNullWhen(false)] out TValue value)
    {
        if (young.TryGetValue(key, out value))
        {
            return true;
        }

        if (!old.TryGetValue(key, out value))
        {
            return false;
        }

        Add(key, value);
        return true;
    }

    public void Add(TKey key, TValue value)
    {
        if (!young.TryAdd(key, value) || Interlocked.Increment(ref added) < capacity / 2)
        {
            return;
        }

        lock (turning)
        {
            if (added >= capacity / 2)
            {
                old = young;
                young = new();
                added = 0;
            }
        }
    }
}
