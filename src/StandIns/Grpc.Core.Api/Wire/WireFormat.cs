using System.Buffers;
using System.Globalization;
using System.Text;

namespace Grpc.Core.Wire;

/// <summary>Names and encodings of gRPC over HTTP/2 (doc/PROTOCOL-HTTP2.md of grpc/grpc).</summary>
internal static class WireFormat
{
    public const string ContentType = "application/grpc";
    public const string TimeoutHeader = "grpc-timeout";
    public const string StatusHeader = "grpc-status";
    public const string MessageHeader = "grpc-message";
    public const string EncodingHeader = "grpc-encoding";
    public const string AcceptEncodingHeader = "grpc-accept-encoding";
    public const string Identity = "identity";

    /// <summary>Length of what precedes each message: one byte of flags, four of length.</summary>
    public const int PrefixLength = 5;

    /// <summary>In bytes; what either side takes unless told otherwise.</summary>
    public const int DefaultMaxReceiveMessageSize = 4 * 1024 * 1024;

    private const long MaxTimeoutDigits = 99_999_999;

    private static readonly SearchValues<char> Plain = SearchValues.Create(
        string.Concat(Enumerable.Range(0x20, 0x7F - 0x20).Select(c => (char)c).Where(c => c != '%')));

    private static readonly HashSet<string> Reserved = new(StringComparer.OrdinalIgnoreCase)
    {
        TimeoutHeader, StatusHeader, MessageHeader, EncodingHeader, AcceptEncodingHeader, "content-type", "te", "host", "accept-encoding",
    };

    /// <summary>Whether a header belongs to the transport and is not metadata.</summary>
    public static bool IsReserved(string header) => header.StartsWith(':') || Reserved.Contains(header);

    /// <summary><c>application/grpc</c>, also with a format (<c>+proto</c>) or parameters.</summary>
    public static bool IsContentType(string? value) =>
        value is not null && value.StartsWith(ContentType, StringComparison.OrdinalIgnoreCase)
        && (value.Length == ContentType.Length || value[ContentType.Length] is ';' or '+');

    /// <summary>Text of a status as UTF-8, all but visible ASCII percent-encoded.</summary>
    public static string EncodeMessage(string text)
    {
        if (!text.AsSpan().ContainsAnyExcept(Plain))
            return text;
        var encoded = new StringBuilder(text.Length + 16);
        foreach (var b in Encoding.UTF8.GetBytes(text))
        {
            if (Plain.Contains((char)b))
                encoded.Append((char)b);
            else
                encoded.Append('%').Append(b.ToString("X2", CultureInfo.InvariantCulture));
        }

        return encoded.ToString();
    }

    /// <summary>The text again; a percent sign that begins no byte stays as it is, since a status must not be lost over its text.</summary>
    public static string DecodeMessage(string encoded)
    {
        if (!encoded.Contains('%', StringComparison.Ordinal))
            return encoded;
        var source = Encoding.UTF8.GetBytes(encoded);
        var length = 0;
        for (var i = 0; i < source.Length; i++)
        {
            if (source[i] == '%' && i + 2 < source.Length
                && byte.TryParse(source.AsSpan(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var b))
            {
                source[length++] = b;
                i += 2;
            }
            else
            {
                source[length++] = source[i];
            }
        }

        return Encoding.UTF8.GetString(source, 0, length);
    }

    /// <summary>At most eight digits and a unit, rounded up so that the peer never gives up first.</summary>
    public static string EncodeTimeout(TimeSpan timeout)
    {
        if (timeout <= TimeSpan.Zero)
            return "1n";
        foreach (var (unit, ticks) in (ReadOnlySpan<(char, long)>)
            [('m', TimeSpan.TicksPerMillisecond), ('S', TimeSpan.TicksPerSecond), ('M', TimeSpan.TicksPerMinute)])
        {
            var amount = ((timeout.Ticks - 1) / ticks) + 1;
            if (amount <= MaxTimeoutDigits)
                return string.Create(CultureInfo.InvariantCulture, $"{amount}{unit}");
        }

        return string.Create(CultureInfo.InvariantCulture, $"{Math.Min(((timeout.Ticks - 1) / TimeSpan.TicksPerHour) + 1, MaxTimeoutDigits)}H");
    }

    /// <summary>False when the header is not a timeout.</summary>
    public static bool TryDecodeTimeout(string? value, out TimeSpan timeout)
    {
        timeout = default;
        if (value is null || value.Length is < 2 or > 9
            || !uint.TryParse(value.AsSpan(0, value.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var amount))
            return false;
        decimal ticks = value[^1] switch
        {
            'n' => Math.Ceiling(amount / 100m),
            'u' => amount * (decimal)TimeSpan.TicksPerMicrosecond,
            'm' => amount * (decimal)TimeSpan.TicksPerMillisecond,
            'S' => amount * (decimal)TimeSpan.TicksPerSecond,
            'M' => amount * (decimal)TimeSpan.TicksPerMinute,
            'H' => amount * (decimal)TimeSpan.TicksPerHour,
            _ => -1,
        };
        if (ticks < 0)
            return false;
        timeout = TimeSpan.FromTicks((long)Math.Min(ticks, long.MaxValue));
        return true;
    }

    /// <summary>A metadata value as a header: text as it is, bytes as Base64 without padding.</summary>
    public static string EncodeValue(Metadata.Entry entry) =>
        entry.IsBinary ? Convert.ToBase64String(entry.Bytes).TrimEnd('=') : entry.Value;

    /// <summary>Adds a header as metadata: of a binary one every value between commas, with or without padding. What is no metadata is left out.</summary>
    /// <exception cref="FormatException">A binary value is not Base64.</exception>
    public static void AddHeader(Metadata metadata, string name, string value)
    {
        if (IsReserved(name) || !Metadata.IsKey(name.ToLowerInvariant()))
            return;
        if (!name.EndsWith(Metadata.BinaryHeaderSuffix, StringComparison.OrdinalIgnoreCase))
        {
            metadata.Add(name, value);
            return;
        }

        foreach (var part in value.Split(','))
        {
            var base64 = part.Trim().TrimEnd('=');
            metadata.Add(name, Convert.FromBase64String(base64.PadRight((base64.Length + 3) / 4 * 4, '=')));
        }
    }

    public static Status Parse(string status, string? message) => new(
        int.TryParse(status, NumberStyles.None, CultureInfo.InvariantCulture, out var code) && code is >= 0 and <= 16 ? (StatusCode)code : StatusCode.Unknown,
        message is null ? "" : DecodeMessage(message));
}
