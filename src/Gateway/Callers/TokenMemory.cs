using System.Collections.Concurrent;
using System.Runtime.InteropServices;

using EnvPlatform.Contracts.Ids;

using Microsoft.Extensions.Options;

namespace EnvPlatform.Gateway.Callers;

/// <summary>
/// The tokens that are remembered, apart for each organization that they are used for: so many at most, and of one token so many, each for
/// as long as its answer can be of use. A revocation drops all answers about a token at once, and any that was asked for before and comes
/// after.
/// </summary>
internal sealed class TokenMemory : IDisposable
{
    /// <summary>One bearer who goes through all its organizations, or through names that are none, leaves room for the others.</summary>
    private const int MaxEntriesOfToken = 64;
    private static readonly TimeSpan SweepInterval = TimeSpan.FromSeconds(5);
    private readonly ConcurrentDictionary<TokenKey, TokenEntry> _entries = new();
    private readonly Lock _filing = new();
    private readonly Dictionary<TokenId, HashSet<TokenKey>> _keys = [];
    private readonly GatewayOptions _options;
    private readonly TimeProvider _clock;
    private readonly ITimer _sweep;
    private int _count;
    private long _revocations;

    public TokenMemory(IOptions<GatewayOptions> options, TimeProvider clock)
    {
        (_options, _clock) = (options.Value, clock);
        _sweep = clock.CreateTimer(_ => Sweep(), null, SweepInterval, SweepInterval);
    }

    /// <summary>The number of revocations so far; read it before an answer is requested.</summary>
    public long Revocations => Interlocked.Read(ref _revocations);

    public TokenEntry? Find(TokenKey key) => _entries.TryGetValue(key, out var entry) ? entry : null;

    /// <summary>When the cache is full the entry lives only as long as its request.</summary>
    public TokenEntry Add(TokenKey key)
    {
        var entry = new TokenEntry(key);
        if (Volatile.Read(ref _count) >= _options.MaxCachedTokens)
        {
            return entry;
        }

        var added = _entries.GetOrAdd(key, entry);
        if (ReferenceEquals(added, entry))
        {
            Interlocked.Increment(ref _count);
        }

        return added;
    }

    /// <summary>
    /// Caches an answer, unless a token was revoked since it was requested. The order matters: a revocation first counts and then removes
    /// the token; caching first adds the answer and then reads the count.
    /// </summary>
    public TokenAnswer Keep(TokenEntry entry, Bearer? bearer, long revocationsBefore)
    {
        var answer = new TokenAnswer(bearer, bearer is null ? null : new TokenLookup.Good(bearer), _clock.GetTimestamp());

        // An entry for which there was no room is not filed: no sweep would find it again.
        if (bearer is not null && ReferenceEquals(Find(entry.Key), entry) && !File(bearer.TokenId, entry.Key))
        {
            Remove(entry.Key);
            return answer;
        }

        entry.Known = answer;
        if (Revocations != revocationsBefore)
        {
            entry.Known = null;
        }

        return answer;
    }

    public void Forget(IReadOnlyList<TokenId> tokens)
    {
        Interlocked.Increment(ref _revocations);
        foreach (var token in tokens)
        {
            HashSet<TokenKey>? keys;
            lock (_filing)
            {
                _keys.Remove(token, out keys);
            }

            foreach (var key in keys ?? [])
            {
                Remove(key);
            }
        }
    }

    public void Dispose() => _sweep.Dispose();

    /// <summary>False when the token has as many entries as it may.</summary>
    private bool File(TokenId token, TokenKey key)
    {
        lock (_filing)
        {
            var keys = CollectionsMarshal.GetValueRefOrAddDefault(_keys, token, out _) ??= [];
            return keys.Contains(key) || (keys.Count < MaxEntriesOfToken && keys.Add(key));
        }
    }

    private void Unfile(TokenId token, TokenKey key)
    {
        lock (_filing)
        {
            if (_keys.TryGetValue(token, out var keys) && keys.Remove(key) && keys.Count == 0)
            {
                _keys.Remove(token);
            }
        }
    }

    private void Remove(TokenKey key)
    {
        if (_entries.TryRemove(key, out var entry))
        {
            entry.Known = null;
            Interlocked.Decrement(ref _count);
        }
    }

    private void Sweep()
    {
        var badFor = TimeSpan.FromMilliseconds(_options.BadTokenCacheMilliseconds);
        var goodFor = TimeSpan.FromSeconds(_options.TokenCacheSeconds + _options.TokenGraceSeconds);
        foreach (var (key, entry) in _entries)
        {
            var keep = entry.Known is { } known
                ? _clock.GetElapsedTime(known.At) < (known.Bearer is null ? badFor : goodFor)
                : entry.Pending is { IsCompleted: false };
            if (!keep)
            {
                if (entry.Known?.Bearer is { } bearer)
                {
                    Unfile(bearer.TokenId, key);
                }

                Remove(key);
            }
        }
    }
}
