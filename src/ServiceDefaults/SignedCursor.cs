using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

using Microsoft.AspNetCore.WebUtilities;

namespace EnvPlatform.ServiceDefaults;

/// <summary>
/// A position in a list as opaque text: JSON with an authentication code (the first 128 bits of HMAC-SHA256, RFC 2104) in base64url. It can
/// be read but not forged, and is bound to the list that it was made for.
/// </summary>
/// <param name="key">Secret, and the same in every instance.</param>
/// <param name="binding">
/// What distinguishes the list from others: its path, filters, order and reader. A cursor that was made with another binding is refused.
/// </param>
public sealed class SignedCursor(byte[] key, string binding)
{
    private const int MacLength = 16;

    public string Write<T>(T position)
    {
        var payload = JsonSerializer.SerializeToUtf8Bytes(position);
        return WebEncoders.Base64UrlEncode([.. Mac(payload), .. payload]);
    }

    /// <summary>Null when the text is not a cursor, was modified, or was made for another list.</summary>
    public T? Read<T>(string text) where T : class
    {
        try
        {
            var bytes = WebEncoders.Base64UrlDecode(text);
            return bytes.Length > MacLength
                && CryptographicOperations.FixedTimeEquals(Mac(bytes.AsSpan(MacLength)), bytes.AsSpan(0, MacLength))
                ? JsonSerializer.Deserialize<T>(bytes.AsSpan(MacLength))
                : null;
        }
        catch (FormatException)
        {
            return null;
        }
    }

    private byte[] Mac(ReadOnlySpan<byte> payload)
    {
        using var hmac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, key);
        hmac.AppendData(Encoding.UTF8.GetBytes(binding));
        hmac.AppendData([0]);
        hmac.AppendData(payload);
        return hmac.GetHashAndReset()[..MacLength];
    }
}
