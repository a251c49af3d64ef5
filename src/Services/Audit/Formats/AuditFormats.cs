using System.Collections.Frozen;
using System.Text.Json;

using EnvPlatform.Audit.AuditLogs;

namespace EnvPlatform.Audit.Formats;

/// <summary>The forms in which events leave the log, beside the items of a list.</summary>
internal static class AuditFormats
{
    public const string Json = "json";
    public const string JsonLines = "jsonl";

    private static readonly FrozenDictionary<string, Format> Formats = new Dictionary<string, Format>(StringComparer.Ordinal)
    {
        // The bytes of which the tree has the hash: so a line can be proved.
        [JsonLines] = new("application/jsonl", "jsonl", [], entry => [.. entry, (byte)'\n']),
        ["csv"] = new("text/csv; charset=utf-8", "csv", CsvFormat.Header, entry => CsvFormat.Line(Read(entry))),
        ["cloudevents"] = new("application/jsonl", "cloudevents.jsonl", [], entry => CloudEventsFormat.Line(Read(entry))),
        ["ocsf"] = new("application/jsonl", "ocsf.jsonl", [], entry => OcsfFormat.Line(Read(entry))),
        ["cef"] = new("text/plain; charset=utf-8", "cef", [], entry => CefFormat.Line(Read(entry))),
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>All of which a line is an event.</summary>
    public static IReadOnlyList<string> Lines { get; } = ["jsonl", "csv", "cloudevents", "ocsf", "cef"];

    public static byte[] Header(string format) => Formats[format].Header;

    public static byte[] Line(string format, byte[] entry) => Formats[format].Line(entry);

    public static string ContentTypeOf(string format) => Formats[format].ContentType;

    public static string ExtensionOf(string format) => Formats[format].Extension;

    private static AuditEvent Read(byte[] entry) => JsonSerializer.Deserialize<AuditEvent>(entry, ServiceDefaults.Json.Options)!;

    private sealed record Format(string ContentType, string Extension, byte[] Header, Func<byte[], byte[]> Line);
}
