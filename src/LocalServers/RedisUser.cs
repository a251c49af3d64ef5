using System.Security.Cryptography;
using System.Text;

namespace EnvPlatform.LocalServers;

/// <summary>
/// A user of Redis, who may use the keys and channels that begin with the name and a colon, and administer nothing
/// (https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/).
/// </summary>
public sealed record RedisUser(string Name, string Password)
{
    /// <summary>The line of the settings file; it holds a hash of the password.</summary>
    internal string Definition
    {
        get
        {
            var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Password)));
            return $"user {Name} on #{hash} ~{Name}:* resetchannels &{Name}:* +@all -@admin -@dangerous +info";
        }
    }
}
