using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace EnvPlatform.Audit.AuditLogs;

/// <summary>
/// Canonical JSON (RFC 8785): members sorted by UTF-16 code units, no white space, the shortest escapes, numbers as ECMAScript writes them.
/// </summary>
/// <remarks>
/// Two cases that the RFC does not allow in its input are decided here: of members with the same name the last one counts, and a number
/// that a double cannot hold exactly (an integer beyond 2^53, 1e400) becomes a string of its digits, as appendix D advises, rather than a
/// different number.
/// </remarks>
public static class CanonicalJson
{
    private const double MaxExactInteger = 9_007_199_254_740_992;

    /// <exception cref="InvalidOperationException">A string is not valid Unicode (an unpaired surrogate).</exception>
    public static byte[] Encode(JsonElement element)
    {
        var buffer = new ArrayBufferWriter<byte>();
        Write(buffer, element);
        return buffer.WrittenSpan.ToArray();
    }

    internal static void Write(IBufferWriter<byte> to, JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                WriteObject(to, element);
                break;
            case JsonValueKind.Array:
                WriteArray(to, element);
                break;
            case JsonValueKind.String:
                WriteString(to, element.GetString());
                break;
            case JsonValueKind.Number:
                WriteNumber(to, element);
                break;
            case JsonValueKind.True:
                to.Write("true"u8);
                break;
            case JsonValueKind.False:
                to.Write("false"u8);
                break;
            default:
                to.Write("null"u8);
                break;
        }
    }

    internal static void WriteString(IBufferWriter<byte> to, string? text)
    {
        if (text is null)
        {
            to.Write("null"u8);
            return;
        }

        to.Write("\""u8);
        var start = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] is >= ' ' and not ('"' or '\\'))
            {
                continue;
            }

            Encoding.UTF8.GetBytes(text.AsSpan(start, i - start), to);
            Encoding.ASCII.GetBytes(Escape(text[i]), to);
            start = i + 1;
        }

        Encoding.UTF8.GetBytes(text.AsSpan(start), to);
        to.Write("\""u8);
    }

    /// <summary>A number as ECMAScript's Number::toString writes it (ECMA-262, 6.1.6.1.20).</summary>
    public static string FormatNumber(double number)
    {
        if (number == 0)
        {
            return "0";
        }

        // .NET gives the shortest digits that parse to the same number, as ECMAScript requires; only the layout differs.
        var text = Math.Abs(number).ToString("R", CultureInfo.InvariantCulture);
        var exponentAt = text.IndexOf('E', StringComparison.Ordinal);
        var mantissa = exponentAt < 0 ? text : text[..exponentAt];
        var exponent =
            exponentAt < 0 ? 0 : int.Parse(text.AsSpan(exponentAt + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        var pointAt = mantissa.IndexOf('.', StringComparison.Ordinal);
        var all = mantissa.Replace(".", "", StringComparison.Ordinal);
        var digits = all.TrimStart('0');
        // The value is 0.DIGITS times ten to this power.
        var point = (pointAt < 0 ? mantissa.Length : pointAt) - (all.Length - digits.Length) + exponent;
        digits = digits.TrimEnd('0');
        var layout = point switch
        {
            > 0 and <= 21 when digits.Length <= point => digits.PadRight(point, '0'),
            > 0 and <= 21 => $"{digits[..point]}.{digits[point..]}",
            > -6 and <= 0 => $"0.{new string('0', -point)}{digits}",
            _ => $"{digits[0]}{(digits.Length > 1 ? "." + digits[1..] : "")}e{(point > 0 ? "+" : "-")}{Math.Abs(point - 1)}",
        };
        return number < 0 ? "-" + layout : layout;
    }

    private static void WriteObject(IBufferWriter<byte> to, JsonElement element)
    {
        var members = new SortedDictionary<string, JsonElement>(StringComparer.Ordinal);
        foreach (var member in element.EnumerateObject())
        {
            members[member.Name] = member.Value;
        }

        to.Write("{"u8);
        var first = true;
        foreach (var (name, value) in members)
        {
            if (!first)
            {
                to.Write(","u8);
            }

            first = false;
            WriteString(to, name);
            to.Write(":"u8);
            Write(to, value);
        }

        to.Write("}"u8);
    }

    private static void WriteArray(IBufferWriter<byte> to, JsonElement element)
    {
        to.Write("["u8);
        var first = true;
        foreach (var item in element.EnumerateArray())
        {
            if (!first)
            {
                to.Write(","u8);
            }

            first = false;
            Write(to, item);
        }

        to.Write("]"u8);
    }

    private static void WriteNumber(IBufferWriter<byte> to, JsonElement element)
    {
        var number = element.GetDouble();
        var text = element.GetRawText();
        var isInteger = text.AsSpan().IndexOfAny('.', 'e', 'E') < 0;
        if (double.IsFinite(number) && !(isInteger && Math.Abs(number) >= MaxExactInteger))
        {
            Encoding.ASCII.GetBytes(FormatNumber(number), to);
        }
        else
        {
            WriteString(to, text);
        }
    }

    private static string Escape(char character) => character switch
    {
        '"' => "\\\"",
        '\\' => "\\\\",
        '\b' => "\\b",
        '\t' => "\\t",
        '\n' => "\\n",
        '\f' => "\\f",
        '\r' => "\\r",
        _ => $"\\u{(int)character:x4}",
    };
}
