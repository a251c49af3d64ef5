using System.Security.Cryptography;
using System.Text;

using EnvPlatform.ServiceDefaults.Callers;

namespace EnvPlatform.Audit.Sinks;

/// <summary>What signs messages to webhooks, and the tokens of receivers: stored encrypted.</summary>
internal sealed class SinkSecrets(ServiceSecret secret)
{
    /// <summary>Before the secret of a webhook, as Standard Webhooks has it.</summary>
    public const string Prefix = "whsec_";

    private const string Purpose = "audit sinks";
    private const int Length = 32;

    /// <summary>A new secret that signs, as people are shown it once, and as it is stored.</summary>
    public (string Shown, byte[] Sealed) New()
    {
        var key = RandomNumberGenerator.GetBytes(Length);
        return (Prefix + Convert.ToBase64String(key), SealedSecret.Seal(secret, Purpose, key));
    }

    public byte[] Seal(string token) => SealedSecret.Seal(secret, Purpose, Encoding.UTF8.GetBytes(token));

    /// <summary>Null where the service's secret is another one than when it was stored.</summary>
    public byte[]? Open(byte[] stored) => SealedSecret.Open(secret, Purpose, stored);
}
