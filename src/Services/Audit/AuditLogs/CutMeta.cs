using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace EnvPlatform.Audit.AuditLogs;

/// <summary>
/// Details that are too large for an entry, or not valid Unicode: cut field by field, the longest texts and lists first, with a member
/// <c>truncated</c> that says which fields are not whole, and the SHA-256 and size of all of it.
/// </summary>
internal sealed class CutMeta
{
    private const string Mark = "truncated";

    /// <summary>Fields at most that the mark names.</summary>
    private const int MaxNamed = 16;

    // The last step is small whatever it is given.
    private static readonly Limits[] Steps =
    [
        new(8_192, 1_000, 16), new(2_048, 250, 12), new(512, 64, 8), new(128, 16, 6), new(32, 4, 4), new(16, 2, 2),
    ];

    private readonly Limits _limits;
    private readonly List<string> _cut = [];

    private CutMeta(Limits limits) => _limits = limits;

    /// <summary>In canonical JSON, no longer than <paramref name="most"/> bytes.</summary>
    /// <param name="whole">What the hash is of.</param>
    public static byte[] Fit(JsonElement meta, byte[] whole, int most)
    {
        var fitting = Steps.Select(limits => new CutMeta(limits).Encode(meta, whole));
        return fitting.FirstOrDefault(bytes => bytes.Length <= most) ?? new CutMeta(Steps[^1]).Encode(meta, whole);
    }

    private byte[] Encode(JsonElement meta, byte[] whole)
    {
        var kept = Copy(meta, "", 0) as JsonObject ?? new JsonObject { ["value"] = Copy(meta, "value", 0) };
        kept[Mark] = new JsonObject
        {
            ["fields"] = new JsonArray([.. _cut.Distinct(StringComparer.Ordinal).Take(MaxNamed).Select(field => (JsonNode)field)]),
            ["sha256"] = Convert.ToHexStringLower(SHA256.HashData(whole)),
            ["size"] = whole.Length,
        };
        return CanonicalJson.Encode(JsonSerializer.SerializeToElement(kept));
    }

    private JsonNode? Copy(JsonElement element, string field, int depth) => element.ValueKind switch
    {
        JsonValueKind.Object or JsonValueKind.Array when depth == _limits.Depth => Leave(field),
        JsonValueKind.Object => CopyObject(element, field, depth),
        JsonValueKind.Array => CopyArray(element, field, depth),
        JsonValueKind.String => Text(element, field),
        JsonValueKind.Number when element.GetRawText().Length > _limits.Text => Shortened(element.GetRawText(), field),
        JsonValueKind.Null or JsonValueKind.Undefined => null,
        _ => JsonValue.Create(element),
    };

    private JsonObject CopyObject(JsonElement element, string field, int depth)
    {
        var kept = new JsonObject();
        foreach (var member in element.EnumerateObject())
        {
            if (kept.Count == _limits.Items)
            {
                _cut.Add(field);
                break;
            }

            var name = Read(() => member.Name, field) is { } text ? Shortened(text, field) : "\uFFFD";
            kept[name] = Copy(member.Value, field.Length == 0 ? name : $"{field}.{name}", depth + 1);
        }

        return kept;
    }

    private JsonArray CopyArray(JsonElement element, string field, int depth)
    {
        if (element.GetArrayLength() > _limits.Items)
        {
            _cut.Add(field);
        }

        return [.. element.EnumerateArray().Take(_limits.Items).Select((item, i) => Copy(item, $"{field}[{i}]", depth + 1))];
    }

    private string Text(JsonElement element, string field) =>
        Read(element.GetString, field) is { } text ? Shortened(text, field) : "\uFFFD";

    // What is not valid Unicode has no text.
    private string? Read(Func<string?> read, string field)
    {
        try
        {
            return read();
        }
        catch (InvalidOperationException)
        {
            _cut.Add(field);
            return null;
        }
    }

    private string Shortened(string text, string field)
    {
        if (text.Length <= _limits.Text)
        {
            return text;
        }

        _cut.Add(field);
        var end = _limits.Text - 1;
        return text[..(char.IsHighSurrogate(text[end - 1]) ? end - 1 : end)] + "…";
    }

    private JsonNode? Leave(string field)
    {
        _cut.Add(field);
        return null;
    }

    /// <summary>What a step keeps: characters of a text, members or items of one object or list, and levels of them.</summary>
    private readonly record struct Limits(int Text, int Items, int Depth);
}
