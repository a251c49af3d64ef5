using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Net;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

using EnvPlatform.Contracts.Identity;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Gateway.Limits;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Grpc.Core;

using Microsoft.Extensions.Options;

namespace EnvPlatform.Gateway.Callers;

/// <summary>
/// What Identity said of tokens, by their SHA-256, for seconds. Requests that ask for the same token at the same time share one call. An answer that
/// is half its time old is fetched anew while it still serves. A revocation drops it at once, and any answer that was under way meanwhile.
/// </summary>
internal sealed partial class TokenCache : IDisposable
{
    private static readonly TimeSpan SweepInterval = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan RetryInterval = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// How often at most Identity is asked whether the bearer has joined the organization that it names. Who asks sooner waits: an organization
    /// that was just made must be there for its maker.
    /// </summary>
    private static readonly TimeSpan MembershipInterval = TimeSpan.FromMilliseconds(100);

    private static readonly Counter<long> Introspections = Telemetry.Meter.CreateCounter<long>("envplatform.gateway.introspections", "{call}");

    private readonly ConcurrentDictionary<TokenKey, Entry> entries = new();
    private readonly ConcurrentDictionary<TokenId, TokenKey> keys = new();
    private readonly Contracts.Identity.Tokens.TokensClient identity;
    private readonly RateLimits limits;
    private readonly GatewayOptions options;
    private readonly TimeProvider clock;
    private readonly ILogger<TokenCache> log;
    private readonly ITimer sweep;
    private readonly TimeSpan goodFor;
    private readonly TimeSpan badFor;
    private readonly TimeSpan grace;
    private int count;
    private long revocations;
    private long identityAwaySince;

    public TokenCache(
        Contracts.Identity.Tokens.TokensClient identity, RateLimits limits, IOptions<GatewayOptions> options, TimeProvider clock, ILogger<TokenCache> log)
    {
        (this.identity, this.limits, this.options, this.clock, this.log) = (identity, limits, options.Value, clock, log);
        goodFor = TimeSpan.FromSeconds(this.options.TokenCacheSeconds);
        badFor = TimeSpan.FromMilliseconds(this.options.BadTokenCacheMilliseconds);
        grace = TimeSpan.FromSeconds(this.options.TokenGraceSeconds);
        sweep = clock.CreateTimer(_ => Sweep(), null, SweepInterval, SweepInterval);
    }

    /// <param name="organization">The organization that the request is about, slug or id, if any.</param>
    /// <param name="address">Where the request comes from: bad tokens are counted by it.</param>
    public ValueTask<TokenLookup> FindAsync(string token, string? organization, RequestOrigin origin, IPAddress? address, CancellationToken ct)
    {
        var key = TokenKey.Of(token);
        if (!entries.TryGetValue(key, out var entry))
        {
            return AskAsync(Add(key), token, origin, address, ct);
        }

        if (entry.Known is not { } known || !IsFresh(known))
        {
            return AskAsync(entry, token, origin, address, ct);
        }

        if (known.Bearer is not { } bearer)
        {
            limits.OfFailures(address).Add();
            return new(TokenLookup.Bad.Instance);
        }

        var age = clock.GetElapsedTime(known.At);
        if (organization is not null && !bearer.IsOf(organization))
        {
            return AskAsync(entry, token, origin, address, ct, MembershipInterval - age);
        }

        if (age > goodFor / 2)
        {
            _ = RefreshQuietlyAsync(entry, token, origin);
        }

        return new(known.Good!);
    }

    /// <summary>Drops what is known of these tokens, and whatever Identity is being asked at this moment.</summary>
    public void Forget(IReadOnlyList<TokenId> tokens)
    {
        Interlocked.Increment(ref revocations);
        foreach (var token in tokens)
        {
            if (keys.TryRemove(token, out var key))
            {
                Remove(key);
            }
        }
    }

    public void Dispose() => sweep.Dispose();

    private bool IsFresh(Known known) =>
        clock.GetElapsedTime(known.At) < (known.Bearer is null ? badFor : goodFor) && (known.Bearer is null || known.Bearer.ExpiresAt > clock.GetUtcNow());

    /// <param name="pause">How long to wait before asking; none when it is not positive.</param>
    private async ValueTask<TokenLookup> AskAsync(
        Entry entry, string token, RequestOrigin origin, IPAddress? address, CancellationToken ct, TimeSpan pause = default)
    {
        if (pause > TimeSpan.Zero)
        {
            await Task.Delay(pause, clock, ct);
        }

        if (entry.Known is null && limits.OfFailures(address).TryTake(options.FailedAuthenticationsPerMinute, take: false) is { } wait)
        {
            return new TokenLookup.TooManyFailures(wait);
        }

        try
        {
            var known = await RefreshAsync(entry, token, origin).WaitAsync(ct);
            if (known.Good is { } good)
            {
                return good;
            }

            limits.OfFailures(address).Add();
            return TokenLookup.Bad.Instance;
        }
        catch (RpcException exception)
        {
            LogAway(exception.StatusCode, exception.Status.Detail);
            return entry.Known is { Good: { } good } last && clock.GetElapsedTime(last.At) < grace && last.Bearer!.ExpiresAt > clock.GetUtcNow()
                ? good
                : TokenLookup.Unknown.Instance;
        }
    }

    private Task<Known> RefreshAsync(Entry entry, string token, RequestOrigin origin)
    {
        lock (entry)
        {
            // An answer that was asked for before the latest revocation may be out of date: it is not shared with those who come after.
            var now = Interlocked.Read(ref revocations);
            if (entry.Pending is { IsCompleted: false } pending && entry.PendingSince == now)
            {
                return pending;
            }

            entry.PendingSince = now;
            return entry.Pending = LoadAsync(entry, token, origin, now);
        }
    }

    private async Task RefreshQuietlyAsync(Entry entry, string token, RequestOrigin origin)
    {
        try
        {
            await RefreshAsync(entry, token, origin);
        }
        catch (RpcException exception)
        {
            LogAway(exception.StatusCode, exception.Status.Detail);
        }
    }

    private async Task<Known> LoadAsync(Entry entry, string token, RequestOrigin origin, long revocationsBefore)
    {
        await Task.Yield();
        var since = Interlocked.Read(ref identityAwaySince);
        if (since != 0 && clock.GetElapsedTime(since) < RetryInterval)
        {
            throw new RpcException(new Status(StatusCode.Unavailable, "Identity was away a moment ago."));
        }

        try
        {
            Introspections.Add(1);
            var reply = await identity.IntrospectAsync(
                new IntrospectRequest { Token = token, SourceAddress = origin.SourceAddress ?? "", UserAgent = origin.UserAgent ?? "" },
                deadline: clock.GetUtcNow().UtcDateTime.AddMilliseconds(options.IdentityTimeoutMilliseconds));
            Interlocked.Exchange(ref identityAwaySince, 0);
            return Remember(entry, reply.Active ? new Bearer(reply, limits) : null, revocationsBefore);
        }
        catch (RpcException)
        {
            Interlocked.Exchange(ref identityAwaySince, clock.GetTimestamp());
            throw;
        }
    }

    /// <summary>The order matters: whoever revokes first counts and then looks for the token, whoever remembers first files it and then looks at the count.</summary>
    private Known Remember(Entry entry, Bearer? bearer, long revocationsBefore)
    {
        var known = new Known(bearer, bearer is null ? null : new TokenLookup.Good(bearer), clock.GetTimestamp());
        if (bearer is not null)
        {
            keys[bearer.TokenId] = entry.Key;
        }

        entry.Known = known;
        if (Interlocked.Read(ref revocations) != revocationsBefore)
        {
            entry.Known = null;
        }

        return known;
    }

    private Entry Add(TokenKey key)
    {
        var entry = new Entry(key);
        if (Volatile.Read(ref count) >= options.MaxCachedTokens)
        {
            return entry;
        }

        var added = entries.GetOrAdd(key, entry);
        if (ReferenceEquals(added, entry))
        {
            Interlocked.Increment(ref count);
        }

        return added;
    }

    private void Remove(TokenKey key)
    {
        if (entries.TryRemove(key, out var entry))
        {
            entry.Known = null;
            Interlocked.Decrement(ref count);
        }
    }

    private void Sweep()
    {
        foreach (var (key, entry) in entries)
        {
            var keep = entry.Known is { } known
                ? clock.GetElapsedTime(known.At) < (known.Bearer is null ? badFor : goodFor + grace)
                : entry.Pending is { IsCompleted: false };
            if (!keep)
            {
                if (entry.Known?.Bearer is { } bearer)
                {
                    keys.TryRemove(bearer.TokenId, out _);
                }

                Remove(key);
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Identity does not answer: {Status} {Detail}")]
    private partial void LogAway(StatusCode status, string detail);

    private sealed record Known(Bearer? Bearer, TokenLookup.Good? Good, long At);

    private sealed class Entry(TokenKey key)
    {
        private volatile Known? known;

        public TokenKey Key { get; } = key;

        public Known? Known { get => known; set => known = value; }

        public Task<Known>? Pending { get; set; }

        public long PendingSince { get; set; }
    }

    /// <summary>The SHA-256 of a token.</summary>
    private readonly record struct TokenKey(ulong A, ulong B, ulong C, ulong D)
    {
        public static TokenKey Of(string token)
        {
            Span<byte> text = stackalloc byte[SecretFormat.Length];
            Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
            var length = Encoding.ASCII.GetBytes(token, text);
            SHA256.HashData(text[..length], hash);
            return MemoryMarshal.Read<TokenKey>(hash);
        }

        // The hash is spread evenly already.
        public override int GetHashCode() => (int)A;
    }
}
