using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace EnvPlatform.Scanner.Advisories.Osv;

/// <summary>Reads a record of the OSV schema 1.7 from JSON. Bad data is an answer, never an exception.</summary>
public static class OsvParser
{
    private const int MaxIdLength = 256;
    private const int MaxDepth = 64;

    public static OsvRecord Parse(ReadOnlyMemory<byte> json)
    {
        if (json.Span.StartsWith("\uFEFF"u8)) json = json[3..];
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = MaxDepth });
            return Read(document.RootElement);
        }
        catch (JsonException e)
        {
            return new OsvRecord.Broken(null, $"not JSON: line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}");
        }
    }

    private static OsvRecord Read(JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object) return new OsvRecord.Broken(null, "not an object");
        var reader = new Reader();
        var id = reader.Id(root);
        if (id is null) return new OsvRecord.Broken(null, reader.Problem ?? "id is missing");

        var modified = reader.Time(root, "modified");
        if (modified is null) reader.Complain("modified", "is missing");
        var advisory = new Advisory(
            id,
            reader.Strings(root, "aliases"),
            reader.Time(root, "published"),
            modified ?? default,
            reader.Time(root, "withdrawn"),
            reader.Text(root, "summary"),
            reader.Text(root, "details"),
            reader.Severities(root),
            reader.DatabaseSeverity(root),
            reader.Affected(root));
        return reader.Problem is null ? new OsvRecord.Valid(advisory) : new OsvRecord.Broken(id, reader.Problem);
    }

    // Reads on after a problem and keeps the first, so that the code above stays one expression.
    private sealed class Reader
    {
        public string? Problem { get; private set; }

        public void Complain(string property, string what) => Problem ??= $"{property} {what}";

        public string? Id(JsonElement record)
        {
            var id = Identifier(record, "id");
            if (id is { Length: 0 or > MaxIdLength }) Complain("id", $"is empty or longer than {MaxIdLength} characters");
            return Problem is null ? id : null;
        }

        public DateTimeOffset? Time(JsonElement parent, string property)
        {
            if (!Find(parent, property, JsonValueKind.String, out var value)) return null;
            if (String(value, property) is not null && value.TryGetDateTime(out var time))
            {
                // A time without an offset is UTC: the schema asks for Z, converters of YAML drop it.
                return time.Kind == DateTimeKind.Local ? new DateTimeOffset(time).ToUniversalTime()
                    : new DateTimeOffset(DateTime.SpecifyKind(time, DateTimeKind.Utc));
            }

            Complain(property, "is no time of RFC 3339");
            return null;
        }

        // Text for people: a NUL, which PostgreSQL's text cannot hold, is replaced and not worth a broken record.
        public string? Text(JsonElement parent, string property) =>
            Find(parent, property, JsonValueKind.String, out var value) ? String(value, property)?.Replace('\0', '\uFFFD') : null;

        public string[] Strings(JsonElement parent, string property)
        {
            if (!Find(parent, property, JsonValueKind.Array, out var array)) return [];
            var strings = new string[array.GetArrayLength()];
            var at = 0;
            foreach (var item in array.EnumerateArray()) strings[at++] = Checked(item, property) ?? "";
            return strings;
        }

        public SeverityVector[] Severities(JsonElement parent) =>
            Objects(parent, "severity", item => new SeverityVector(Required(item, "type"), Required(item, "score")));

        public string? DatabaseSeverity(JsonElement root) =>
            root.TryGetProperty("database_specific", out var own) && own.ValueKind == JsonValueKind.Object
            && own.TryGetProperty("severity", out var severity) && severity.ValueKind == JsonValueKind.String
                ? Checked(severity, "database_specific.severity")
                : null;

        public AffectedPackage[] Affected(JsonElement root) => [.. Objects(root, "affected", Package).OfType<AffectedPackage>()];

        // An entry without a package speaks of commits only, which nothing here is matched by.
        private AffectedPackage? Package(JsonElement entry) =>
            Find(entry, "package", JsonValueKind.Object, out var package)
                ? new AffectedPackage(
                    Required(package, "ecosystem"),
                    Required(package, "name"),
                    Identifier(package, "purl"),
                    [.. Objects(entry, "ranges", Range).OfType<AffectedRange>()],
                    Strings(entry, "versions"),
                    Severities(entry))
                : null;

        private AffectedRange? Range(JsonElement range)
        {
            var type = Required(range, "type");
            if (type is not ("ECOSYSTEM" or "SEMVER")) return null;
            if (!Find(range, "events", JsonValueKind.Array, out var events)) Complain("events", "are missing");
            else if (events.GetArrayLength() == 0) Complain("events", "are empty");
            return new AffectedRange(
                type == "SEMVER" ? RangeType.SemVer : RangeType.Ecosystem,
                Objects(range, "events", Event));
        }

        private RangeEvent Event(JsonElement item)
        {
            if (Identifier(item, "introduced") is { } introduced) return new RangeEvent(RangeEventKind.Introduced, introduced);
            if (Identifier(item, "fixed") is { } fixedIn) return new RangeEvent(RangeEventKind.Fixed, fixedIn);
            if (Identifier(item, "last_affected") is { } last) return new RangeEvent(RangeEventKind.LastAffected, last);
            if (Identifier(item, "limit") is { } limit) return new RangeEvent(RangeEventKind.Limit, limit);
            Complain("events", "hold one without introduced, fixed, last_affected or limit");
            return default;
        }

        private T[] Objects<T>(JsonElement parent, string property, Func<JsonElement, T> read)
        {
            if (!Find(parent, property, JsonValueKind.Array, out var array)) return [];
            var items = new List<T>(array.GetArrayLength());
            foreach (var item in array.EnumerateArray())
            {
                if (item.ValueKind == JsonValueKind.Object) items.Add(read(item));
                else Complain(property, "holds something else than objects");
                if (Problem is not null) return [];
            }

            return [.. items];
        }

        private string Required(JsonElement parent, string property)
        {
            var value = Identifier(parent, property);
            if (value is null) Complain(property, "is missing");
            return value ?? "";
        }

        private string? Identifier(JsonElement parent, string property) =>
            Find(parent, property, JsonValueKind.String, out var value) ? Checked(value, property) : null;

        private string? Checked(JsonElement value, string property)
        {
            if (value.ValueKind != JsonValueKind.String)
            {
                Complain(property, "holds something else than text");
                return null;
            }

            var text = String(value, property);
            if (text is not null && text.AsSpan().ContainsAnyInRange('\0', '\x1f')) Complain(property, "holds control characters");
            return text;
        }

        private string? String(JsonElement value, string property)
        {
            try
            {
                return value.GetString();
            }
            catch (InvalidOperationException)
            {
                // How System.Text.Json says that the text is no valid UTF-8 or escapes half of a surrogate pair.
                Complain(property, "is no valid Unicode text");
                return null;
            }
        }

        private bool Find(JsonElement parent, string property, JsonValueKind kind, [NotNullWhen(true)] out JsonElement value)
        {
            if (!parent.TryGetProperty(property, out value) || value.ValueKind is JsonValueKind.Null) return false;
            if (value.ValueKind == kind) return true;
            Complain(property, $"is {value.ValueKind} and not {kind}");
            return false;
        }
    }
}
