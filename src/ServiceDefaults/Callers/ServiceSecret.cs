using System.Security.Cryptography;
using System.Text;

using Microsoft.Extensions.Configuration;

namespace EnvPlatform.ServiceDefaults.Callers;

/// <summary>
/// The secret that the instances of one service share and no other service holds: setting <c>SERVICE_SECRET</c>, at least 32 characters of
/// randomness. It signs what the service gives out to read again later, such as the cursors of lists.
/// </summary>
public sealed class ServiceSecret
{
    private const int MinLength = 32;
    private readonly byte[] _secret;

    public ServiceSecret(string secret) => _secret = Checked(secret, MinLength, Setting);

    private static string Setting => "SERVICE_SECRET";

    public static ServiceSecret From(IConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        return new(configuration[Setting] ?? throw new InvalidOperationException($"The setting {Setting} is missing."));
    }

    /// <summary>A 32-byte key for a purpose (HKDF-SHA256, RFC 5869).</summary>
    public byte[] Derive(string purpose) => Derive(_secret, purpose);

    internal static byte[] Derive(byte[] secret, string purpose) =>
        HKDF.DeriveKey(HashAlgorithmName.SHA256, secret, 32, info: Encoding.UTF8.GetBytes(purpose));

    /// <exception cref="ArgumentException">It is shorter than <paramref name="minLength"/>.</exception>
    internal static byte[] Checked(string secret, int minLength, string name)
    {
        ArgumentNullException.ThrowIfNull(secret);
        return secret.Length >= minLength
            ? Encoding.UTF8.GetBytes(secret)
            : throw new ArgumentException($"{name} must have at least {minLength} characters.", nameof(secret));
    }
}
