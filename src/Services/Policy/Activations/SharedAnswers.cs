using System.Text.Json;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Prefixes;

using Microsoft.Extensions.Options;

using StackExchange.Redis;

namespace EnvPlatform.Policy.Activations;

/// <summary>
/// The activation answers that all instances share in Redis. A reader that misses takes a lease on the key and may fill it only while the
/// lease exists; an invalidation deletes it, so an answer that was read before the change cannot be stored after it (the leases of Nishtala
/// et al., "Scaling Memcache at Facebook", NSDI 2013). A miss and an unavailable Redis look the same.
/// </summary>
internal sealed class SharedAnswers(InvalidationChannel channel, IOptions<PolicyOptions> options, TimeProvider clock)
{
    private const string FindOrLease =
        """
        local found = redis.call('get', KEYS[1])
        if found then return found end
        redis.call('set', KEYS[1], ARGV[1], 'px', ARGV[2])
        return ARGV[1]
        """;

    private const string FillIfLeased =
        """
        if redis.call('get', KEYS[1]) == ARGV[1] then redis.call('set', KEYS[1], ARGV[2], 'px', ARGV[3]) end
        return 0
        """;

    private static readonly TimeSpan LeaseTime = TimeSpan.FromSeconds(10);

    /// <summary>What Redis has: an answer and how long it is valid; or a lease to fill the key with; or neither.</summary>
    public async Task<(ActivationAnswer? Answer, TimeSpan Time, string? Lease)> FindAsync(Location location)
    {
        if (channel.Database is not { } redis)
        {
            return default;
        }

        var lease = "lease " + Guid.CreateVersion7().ToString("N");
        try
        {
            var found = (string?)await redis.ScriptEvaluateAsync(
                FindOrLease, [RedisKeys.Activation(location)], [lease, (long)LeaseTime.TotalMilliseconds])
                .WaitAsync(Timeout, clock);
            if (found == lease)
            {
                return (null, default, lease);
            }

            return found is ['{', ..] && JsonSerializer.Deserialize<Value>(found, Json.Options) is { } value
                && value.Prefix == PrefixIdentity.Exact(location.Prefix)
                ? (
                    value.Answer with { Owner = value.Owner },
                    TimeSpan.FromMilliseconds(value.GoodUntil - clock.GetUtcNow().ToUnixTimeMilliseconds()), null)
                : default;
        }
        catch (Exception exception) when (exception is RedisException or TimeoutException)
        {
            return default;
        }
    }

    public async Task FillAsync(Location location, string lease, ActivationAnswer answer, TimeSpan time)
    {
        if (channel.Database is not { } redis || time <= TimeSpan.Zero)
        {
            return;
        }

        var goodUntil = (clock.GetUtcNow() + time).ToUnixTimeMilliseconds();
        var value = JsonSerializer.Serialize(
            new Value(goodUntil, PrefixIdentity.Exact(location.Prefix), answer.Owner, answer), Json.Options);
        try
        {
            await redis.ScriptEvaluateAsync(FillIfLeased, [RedisKeys.Activation(location)], [lease, value, (long)time.TotalMilliseconds])
                .WaitAsync(Timeout, clock);
        }
        catch (Exception exception) when (exception is RedisException or TimeoutException)
        {
            // The lease expires; the next check reads the database.
        }
    }

    private TimeSpan Timeout => TimeSpan.FromMilliseconds(options.Value.RedisTimeoutMilliseconds);

    /// <param name="GoodUntil">Unix time in milliseconds: an answer does not grow older by moving from Redis into a memory.</param>
    /// <param name="Prefix">For which the answer is, in its exact form: Linux has folders that share a key.</param>
    private sealed record Value(long GoodUntil, string? Prefix, SubjectId? Owner, ActivationAnswer Answer);
}
