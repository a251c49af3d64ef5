using System.Collections.Concurrent;

using EnvPlatform.Contracts.Ids;

using Microsoft.Extensions.Options;

namespace EnvPlatform.Gateway.Callers;

/// <summary>
/// The tokens that are remembered: so many at most, each for as long as its answer can be of use. A revocation drops an answer at once, and
/// any that was asked for before and comes after.
/// </summary>
internal sealed class TokenMemory : IDisposable
{
    private static readonly TimeSpan SweepInterval = TimeSpan.FromSeconds(5);
    private readonly ConcurrentDictionary<TokenKey, TokenEntry> _entries = new();
    private readonly ConcurrentDictionary<TokenId, TokenKey> _keys = new();
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

    /// <summary>How many revocations there have been; take it before an answer is asked for.</summary>
    public long Revocations => Interlocked.Read(ref _revocations);

    public TokenEntry? Find(TokenKey key) => _entries.TryGetValue(key, out var entry) ? entry : null;

    /// <summary>When the memory is full the entry lives as long as its request.</summary>
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
    /// Keeps an answer, unless a token was revoked since it was asked for. The order matters: whoever revokes first counts and then looks
    /// for the token, whoever keeps first files it and then looks at the count.
    /// </summary>
    public TokenAnswer Keep(TokenEntry entry, Bearer? bearer, long revocationsBefore)
    {
        var answer = new TokenAnswer(bearer, bearer is null ? null : new TokenLookup.Good(bearer), _clock.GetTimestamp());
        if (bearer is not null)
        {
            _keys[bearer.TokenId] = entry.Key;
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
            if (_keys.TryRemove(token, out var key))
            {
                Remove(key);
            }
        }
    }

    public void Dispose() => _sweep.Dispose();

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
                    _keys.TryRemove(bearer.TokenId, out _);
                }

                Remove(key);
            }
        }
    }
}
