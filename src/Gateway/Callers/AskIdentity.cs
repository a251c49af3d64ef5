using System.Diagnostics.Metrics;

using EnvPlatform.Contracts.Identity;
using EnvPlatform.Gateway.Limits;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Grpc.Core;

using Microsoft.Extensions.Options;

namespace EnvPlatform.Gateway.Callers;

/// <summary>
/// Asks Identity whose a token is, and what its bearer is in the organization of the request. Requests that ask for the same at the same
/// time share one call, and for a moment after Identity did not answer it is not asked.
/// </summary>
internal sealed class AskIdentity(
    Contracts.Identity.Tokens.TokensClient identity, TokenMemory memory, RateLimits limits,
    IOptions<GatewayOptions> options, TimeProvider clock)
{
    private static readonly TimeSpan RetryInterval = TimeSpan.FromMilliseconds(500);
    private static readonly Counter<long> Introspections = Telemetry.Meter.CreateCounter<long>(
        "envplatform.gateway.introspections", "{call}");
    private long _awaySince;

    /// <param name="seen">The answer that the caller has and that is not enough; a newer one is.</param>
    /// <exception cref="RpcException">Identity does not answer.</exception>
    public Task<TokenAnswer> AskAsync(TokenEntry entry, TokenAnswer? seen, string token, string? organization, RequestOrigin origin)
    {
        lock (entry)
        {
            // Another request's answer may have arrived since the caller read the entry.
            if (entry.Known is { } newer && !ReferenceEquals(newer, seen))
            {
                return Task.FromResult(newer);
            }

            // An answer requested before the latest revocation may be stale: it is not shared with later requests.
            var revocations = memory.Revocations;
            if (entry.Pending is { IsCompleted: false } pending && entry.PendingSince == revocations)
            {
                return pending;
            }

            entry.PendingSince = revocations;
            return entry.Pending = IntrospectAsync(entry, token, organization, origin, revocations);
        }
    }

    /// <summary>Tells Identity of a use of a token that the gateway refused by what it remembers. The answer is nobody's.</summary>
    /// <exception cref="RpcException">Identity does not answer.</exception>
    public async Task TellAsync(string token, string? organization, RequestOrigin origin)
    {
        Introspections.Add(1);
        await CallAsync(token, organization, origin);
    }

    private async Task<IntrospectReply> CallAsync(string token, string? organization, RequestOrigin origin) =>
        await identity.IntrospectAsync(
            new IntrospectRequest
            {
                Token = token,
                SourceAddress = origin.SourceAddress ?? "",
                UserAgent = origin.UserAgent ?? "",
                Organization = organization ?? "",
            },
            deadline: clock.GetUtcNow().UtcDateTime.AddMilliseconds(options.Value.IdentityTimeoutMilliseconds));

    private async Task<TokenAnswer> IntrospectAsync(
        TokenEntry entry, string token, string? organization, RequestOrigin origin, long revocationsBefore)
    {
        await Task.Yield();
        var since = Interlocked.Read(ref _awaySince);
        if (since != 0 && clock.GetElapsedTime(since) < RetryInterval)
        {
            throw new RpcException(new Status(StatusCode.Unavailable, "Identity was away a moment ago."));
        }

        try
        {
            Introspections.Add(1);
            var reply = await CallAsync(token, organization, origin);
            Interlocked.Exchange(ref _awaySince, 0);
            // A token that is good, but not from this address, is remembered as good: the bearer tells from where.
            return memory.Keep(
                entry, reply.Active || reply.Addresses is not null ? new Bearer(reply, limits) : null, revocationsBefore);
        }
        catch (RpcException)
        {
            Interlocked.Exchange(ref _awaySince, clock.GetTimestamp());
            throw;
        }
    }
}
