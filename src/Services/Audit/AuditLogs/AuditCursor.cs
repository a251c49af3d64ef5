using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

using Microsoft.AspNetCore.WebUtilities;

namespace EnvPlatform.Audit.AuditLogs;

/// <summary>
/// A position in a list of audit events: the sort value and the number of an event. Its text is signed, and bound to the log, the filters and
/// the order that it was made for.
/// </summary>
internal sealed record AuditCursor(string? Value, long Seq)
{
    private const int MacLength = 16;

    public string ToText(byte[] key, string binding)
    {
        var payload = JsonSerializer.SerializeToUtf8Bytes(this);
        return WebEncoders.Base64UrlEncode([.. Mac(key, binding, payload), .. payload]);
    }

    /// <summary>Null when the text is not one of ours, or was made for another list.</summary>
    public static AuditCursor? Parse(string text, byte[] key, string binding)
    {
        try
        {
            var bytes = WebEncoders.Base64UrlDecode(text);
            return bytes.Length > MacLength && CryptographicOperations.FixedTimeEquals(Mac(key, binding, bytes.AsSpan(MacLength)), bytes.AsSpan(0, MacLength))
                ? JsonSerializer.Deserialize<AuditCursor>(bytes.AsSpan(MacLength))
                : null;
        }
        catch (FormatException)
        {
            return null;
        }
    }

    private static byte[] Mac(byte[] key, string binding, ReadOnlySpan<byte> payload)
    {
        using var hmac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, key);
        hmac.AppendData(Encoding.UTF8.GetBytes(binding));
        hmac.AppendData([0]);
        hmac.AppendData(payload);
        return hmac.GetHashAndReset()[..MacLength];
    }
}
