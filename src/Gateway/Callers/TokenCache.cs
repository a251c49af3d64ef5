using System.Net;
using System.Threading.RateLimiting;

using EnvPlatform.Gateway.Limits;
using EnvPlatform.ServiceDefaults.Callers;

using Grpc.Core;

using Microsoft.Extensions.Options;

namespace EnvPlatform.Gateway.Callers;

/// <summary>
/// Decides on a token: by what is remembered while it is fresh, otherwise by what Identity says, and for a while by what is remembered when
/// Identity is away. An answer that is half its time old is fetched anew while it still serves. A good token is let in however many bad
/// ones come from the same address: unknown ones from there are looked up too, a few at a time.
/// </summary>
internal sealed partial class TokenCache(
    TokenMemory memory, AskIdentity identity, RateLimits limits, IOptions<GatewayOptions> options, TimeProvider clock,
    ILogger<TokenCache> log) : IDisposable
{
    /// <summary>
    /// Look-ups at once for addresses that sent too many bad tokens, and how many wait for one: so much of Identity a flood may use.
    /// </summary>
    private const int SuspectLookUps = 4;
    private const int WaitingSuspects = 512;

    /// <summary>
    /// How often at most Identity is asked whether the bearer has joined the organization that it names. Who asks sooner waits: an
    /// organization that was just made must be there for its maker.
    /// </summary>
    private static readonly TimeSpan MembershipInterval = TimeSpan.FromMilliseconds(100);

    private readonly TimeSpan _goodFor = TimeSpan.FromSeconds(options.Value.TokenCacheSeconds);
    private readonly TimeSpan _badFor = TimeSpan.FromMilliseconds(options.Value.BadTokenCacheMilliseconds);
    private readonly TimeSpan _grace = TimeSpan.FromSeconds(options.Value.TokenGraceSeconds);
    private readonly int _failuresPerMinute = options.Value.FailedAuthenticationsPerMinute;
    private readonly ConcurrencyLimiter _suspects = new(new()
    {
        PermitLimit = SuspectLookUps,
        QueueLimit = WaitingSuspects,
        QueueProcessingOrder = QueueProcessingOrder.OldestFirst,
    });

    /// <param name="organization">The organization that the request is about, slug or id, if any.</param>
    /// <param name="address">Where the request comes from: invalid tokens are counted by it.</param>
    public ValueTask<TokenLookup> FindAsync(
        string token, string? organization, RequestOrigin origin, IPAddress? address, CancellationToken ct)
    {
        var key = TokenKey.Of(token, organization);
        if (memory.Find(key) is not { } entry)
        {
            return AskAsync(memory.Add(key), null, token, organization, origin, address, ct);
        }

        if (entry.Known is not { } known)
        {
            return AskAsync(entry, null, token, organization, origin, address, ct);
        }

        if (!IsFresh(known))
        {
            return AskAsync(entry, known, token, organization, origin, address, ct);
        }

        if (known.Bearer is not { } bearer)
        {
            return new(Refuse(address));
        }

        if (!bearer.Admits(origin))
        {
            return new(RefuseFromThereAsync(token, organization, origin, address));
        }

        var age = clock.GetElapsedTime(known.At);
        if (organization is not null && !bearer.IsOf(organization))
        {
            return AskAsync(entry, known, token, organization, origin, address, ct, MembershipInterval - age);
        }

        if (age > _goodFor / 2)
        {
            _ = RefreshQuietlyAsync(entry, known, token, organization, origin);
        }

        return new(known.Good!);
    }

    /// <summary>Counts a bad token against the address that it came from.</summary>
    public TokenLookup Refuse(IPAddress? address) =>
        limits.OfFailures(address).TryTake(_failuresPerMinute) is { } wait
            ? new TokenLookup.TooManyFailures(wait)
            : TokenLookup.Bad.Instance;

    public void Dispose() => _suspects.Dispose();

    private bool IsFresh(TokenAnswer known) =>
        clock.GetElapsedTime(known.At) < (known.Bearer is null ? _badFor : _goodFor)
            && (known.Bearer is null || known.Bearer.ExpiresAt > clock.GetUtcNow());

    /// <param name="pause">How long to wait before asking; none when it is not positive.</param>
    private async ValueTask<TokenLookup> AskAsync(
        TokenEntry entry, TokenAnswer? seen, string token, string? organization, RequestOrigin origin, IPAddress? address,
        CancellationToken ct, TimeSpan pause = default)
    {
        if (pause > TimeSpan.Zero)
        {
            await Task.Delay(pause, clock, ct);
        }

        if (entry.Known?.Good is not null || limits.OfFailures(address).TryTake(_failuresPerMinute, take: false) is null)
        {
            return await LookUpAsync(entry, seen, token, organization, origin, address, ct);
        }

        using var turn = await _suspects.AcquireAsync(1, ct);
        return turn.IsAcquired
            ? await LookUpAsync(entry, seen, token, organization, origin, address, ct)
            : new TokenLookup.TooManyFailures(TimeSpan.FromSeconds(1));
    }

    private async Task<TokenLookup> LookUpAsync(
        TokenEntry entry, TokenAnswer? seen, string token, string? organization, RequestOrigin origin, IPAddress? address,
        CancellationToken ct)
    {
        try
        {
            var known = await identity.AskAsync(entry, seen, token, organization, origin).WaitAsync(ct);
            return known.Good is { } good && good.Bearer.Admits(origin) ? good : Refuse(address);
        }
        catch (RpcException exception)
        {
            LogAway(exception.StatusCode, exception.Status.Detail);
            return entry.Known is { Good: { } good } last && clock.GetElapsedTime(last.At) < _grace
                && last.Bearer!.ExpiresAt > clock.GetUtcNow() && good.Bearer.Admits(origin)
                ? good
                : TokenLookup.Unknown.Instance;
        }
    }

    /// <summary>
    /// The token is good, and not from there. Identity is told of it, for the audit log; it limits what it writes, and the address has no
    /// more tries than with bad tokens.
    /// </summary>
    private async Task<TokenLookup> RefuseFromThereAsync(string token, string? organization, RequestOrigin origin, IPAddress? address)
    {
        var refused = Refuse(address);
        if (refused is TokenLookup.Bad)
        {
            try
            {
                await identity.TellAsync(token, organization, origin);
            }
            catch (RpcException exception)
            {
                LogAway(exception.StatusCode, exception.Status.Detail);
            }
        }

        return refused;
    }

    private async Task RefreshQuietlyAsync(
        TokenEntry entry, TokenAnswer seen, string token, string? organization, RequestOrigin origin)
    {
        try
        {
            await identity.AskAsync(entry, seen, token, organization, origin);
        }
        catch (RpcException exception)
        {
            LogAway(exception.StatusCode, exception.Status.Detail);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Identity does not answer: {Status} {Detail}")]
    private partial void LogAway(StatusCode status, string detail);
}
