using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace EnvPlatform.Scanner.Advisories;

/// <summary>
/// Reads properties of a feed's record. It continues after a problem and keeps the first, so that a record can be read in one expression.
/// </summary>
internal class RecordReader
{
    private const int MaxDepth = 64;

    // Of ids, names and versions, which are compared, indexed and shown; a CPE name has as many at most.
    private const int MaxIdentifier = 2_048;

    public string? Problem { get; private set; }

    /// <summary>The record's JSON; null with the problem where it is none.</summary>
    public static JsonDocument? Open(ReadOnlyMemory<byte> json, out string problem)
    {
        if (json.Span.StartsWith("\uFEFF"u8))
        {
            json = json[3..];
        }

        problem = "";
        try
        {
            return JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = MaxDepth });
        }
        catch (JsonException e)
        {
            problem = $"not JSON: line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}";
            return null;
        }
    }

    public void Complain(string property, string what) => Problem ??= $"{property} {what}";

    public DateTimeOffset? Time(JsonElement parent, string property)
    {
        if (!Find(parent, property, JsonValueKind.String, out var value))
        {
            return null;
        }

        if (String(value, property) is not null && value.TryGetDateTime(out var time))
        {
            // A time without an offset is UTC: the schema asks for Z, converters of YAML drop it.
            if (time.Kind != DateTimeKind.Local)
            {
                return new DateTimeOffset(DateTime.SpecifyKind(time, DateTimeKind.Utc));
            }

            if (value.TryGetDateTimeOffset(out var local))
            {
                return local.ToUniversalTime();
            }
        }

        Complain(property, "is no time of RFC 3339");
        return null;
    }

    // Text for people: a NUL, which PostgreSQL's text cannot hold, is replaced and does not make the record broken.
    public string? Text(JsonElement parent, string property) =>
        Find(parent, property, JsonValueKind.String, out var value) ? String(value, property)?.Replace('\0', '\uFFFD') : null;

    public string[] Strings(JsonElement parent, string property)
    {
        if (!Find(parent, property, JsonValueKind.Array, out var array))
        {
            return [];
        }

        var strings = new string[array.GetArrayLength()];
        var at = 0;
        foreach (var item in array.EnumerateArray())
        {
            strings[at++] = Checked(item, property) ?? "";
        }

        return strings;
    }

    public T[] Objects<T>(JsonElement parent, string property, Func<JsonElement, T> read)
    {
        if (!Find(parent, property, JsonValueKind.Array, out var array))
        {
            return [];
        }

        var items = new List<T>(array.GetArrayLength());
        foreach (var item in array.EnumerateArray())
        {
            if (item.ValueKind == JsonValueKind.Object)
            {
                items.Add(read(item));
            }
            else
            {
                Complain(property, "holds something else than objects");
            }

            if (Problem is not null)
            {
                return [];
            }
        }

        return [.. items];
    }

    public string Required(JsonElement parent, string property)
    {
        var value = Identifier(parent, property);
        if (value is null)
        {
            Complain(property, "is missing");
        }

        return value ?? "";
    }

    public string? Identifier(JsonElement parent, string property) =>
        Find(parent, property, JsonValueKind.String, out var value) ? Checked(value, property) : null;

    public string? Checked(JsonElement value, string property)
    {
        if (value.ValueKind != JsonValueKind.String)
        {
            Complain(property, "holds something else than text");
            return null;
        }

        var text = String(value, property);
        if (text is not null && text.AsSpan().ContainsAnyInRange('\0', '\x1f'))
        {
            Complain(property, "holds control characters");
        }

        if (text?.Length > MaxIdentifier)
        {
            Complain(property, $"holds a text of more than {MaxIdentifier} characters");
        }

        return text;
    }

    /// <summary>Null where the text is not valid Unicode.</summary>
    protected static string? Valid(JsonElement value)
    {
        try
        {
            return value.GetString();
        }
        catch (InvalidOperationException)
        {
            // System.Text.Json's exception for text that is not valid UTF-8 or has an unpaired surrogate.
            return null;
        }
    }

    private string? String(JsonElement value, string property)
    {
        var text = Valid(value);
        if (text is null)
        {
            Complain(property, "is no valid Unicode text");
        }

        return text;
    }

    /// <summary>Whether there is such a member, of whatever type.</summary>
    public bool Has(JsonElement parent, string property, out JsonElement value)
    {
        try
        {
            return parent.TryGetProperty(property, out value);
        }
        catch (InvalidOperationException)
        {
            // System.Text.Json's exception for an invalid name, which may be this one.
            Complain(property, "cannot be looked for beside a name that is no valid Unicode text");
            value = default;
            return false;
        }
    }

    public bool Find(JsonElement parent, string property, JsonValueKind kind, [NotNullWhen(true)] out JsonElement value)
    {
        if (!Has(parent, property, out value) || value.ValueKind is JsonValueKind.Null)
        {
            return false;
        }

        if (value.ValueKind == kind)
        {
            return true;
        }

        Complain(property, $"is {value.ValueKind} and not {kind}");
        return false;
    }
}
