using System.Security.Cryptography;
using System.Text;

using EnvPlatform.Policy.Activations;
using EnvPlatform.ServiceDefaults.Prefixes;

using StackExchange.Redis;

namespace EnvPlatform.Policy;

/// <summary>Every Redis key and channel of this service. All it holds can be rebuilt from PostgreSQL.</summary>
internal static class RedisKeys
{
    /// <summary>
    /// A decision about, or a finding at, places: "d:" and the hashes of the places; or a probe: "p:", instance and number.
    /// </summary>
    public static readonly RedisChannel Invalidations = new("policy:activation:invalidations", RedisChannel.PatternMode.Literal);

    /// <summary>
    /// The answer of an activation check, or the lease of the reader that is loading it from the database. All spellings of a prefix have
    /// one key, which an invalidation deletes; the answer says for which one it is.
    /// </summary>
    public static RedisKey Activation(Location location) =>
        $"policy:activation:{location.OrganizationId}:{location.MachineId}:"
        + $"{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(PrefixIdentity.Folded(location.Prefix))))}";
}
