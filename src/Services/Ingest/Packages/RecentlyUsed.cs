using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace EnvPlatform.Ingest.Packages;

/// <summary>
/// Remembers about the last <c>capacity</c> keys that were used: two generations, of which the older is dropped as a whole when the younger
/// is full. Reads take no lock.
/// </summary>
internal sealed class RecentlyUsed<TKey, TValue>(int capacity) where TKey : notnull
{
    private readonly Lock _turning = new();
    private ConcurrentDictionary<TKey, TValue> _young = new();
    private ConcurrentDictionary<TKey, TValue> _old = new();
    private int _added;

    public bool TryGet(TKey key, [MaybeNullWhen(false)] out TValue value)
    {
        if (_young.TryGetValue(key, out value))
        {
            return true;
        }

        if (!_old.TryGetValue(key, out value))
        {
            return false;
        }

        Add(key, value);
        return true;
    }

    public void Add(TKey key, TValue value)
    {
        if (!_young.TryAdd(key, value) || Interlocked.Increment(ref _added) < capacity / 2)
        {
            return;
        }

        lock (_turning)
        {
            if (_added >= capacity / 2)
            {
                _old = _young;
                _young = new();
                _added = 0;
            }
        }
    }
}
