namespace EnvPlatform.Transparency;

/// <summary>Base64 (RFC 4648, section 4) in which a value has exactly one text: no white space, no bits that count for nothing.</summary>
public static class StrictBase64
{
    /// <summary>Null for what is not the one text of its bytes.</summary>
    public static byte[]? Decode(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var bytes = new byte[text.Length];
        return Convert.TryFromBase64String(text, bytes, out var length) && Convert.ToBase64String(bytes.AsSpan(0, length)) == text
            ? bytes[..length]
            : null;
    }
}
