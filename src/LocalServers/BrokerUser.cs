using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace EnvPlatform.LocalServers;

/// <summary>
/// A user of RabbitMQ and what it may do, as regular expressions over the names of exchanges and queues
/// (https://www.rabbitmq.com/docs/access-control).
/// </summary>
public sealed record BrokerUser(string Name, string Password, string Configure, string Write, string Read)
{
    private const int SaltLength = 4;

    /// <summary>Roles beyond the permissions, such as <c>administrator</c>.</summary>
    public IReadOnlyList<string> Tags { get; init; } = [];

    /// <summary>
    /// The server's administrator. It may also send messages on behalf of other users: those that go back from an error queue keep the user
    /// who sent them.
    /// </summary>
    public static BrokerUser Administrator(string name, string password) =>
        new(name, password, ".*", ".*", ".*") { Tags = ["administrator", "impersonator"] };

    /// <summary>
    /// The definitions file that RabbitMQ loads at every start (<c>load_definitions</c>); it then creates no default user. Passwords are
    /// salted hashes.
    /// </summary>
    public static string Definitions(IReadOnlyCollection<BrokerUser> users)
    {
        ArgumentNullException.ThrowIfNull(users);
        return JsonSerializer.Serialize(new
        {
            vhosts = new[] { new { name = "/" } },
            users = users.Select(user => new
            {
                name = user.Name,
                password_hash = Hash(user.Password),
                hashing_algorithm = "rabbit_password_hashing_sha256",
                tags = user.Tags,
            }),
            permissions = users.Select(user => new
            {
                user = user.Name,
                vhost = "/",
                configure = user.Configure,
                write = user.Write,
                read = user.Read,
            }),
        });
    }

    /// <summary>Base64(salt, SHA-256(salt, password)).</summary>
    private static string Hash(string password)
    {
        Span<byte> hash = stackalloc byte[SaltLength + SHA256.HashSizeInBytes];
        RandomNumberGenerator.Fill(hash[..SaltLength]);
        SHA256.HashData([.. hash[..SaltLength], .. Encoding.UTF8.GetBytes(password)], hash[SaltLength..]);
        return Convert.ToBase64String(hash);
    }
}
