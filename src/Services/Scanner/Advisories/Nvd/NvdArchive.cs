using System.Text.Json;

using EnvPlatform.Scanner.Advisories.Osv;
using EnvPlatform.ServiceDefaults;

namespace EnvPlatform.Scanner.Advisories.Nvd;

/// <summary>
/// The records of a file of NVD: answers of its API and yearly feeds (an object that holds <c>vulnerabilities</c>), single records, an
/// array of them or JSON lines; zip and gzip as for OSV. Records are read one at a time, however large the answer that holds them.
/// </summary>
public static class NvdArchive
{
    // In an API response a few hundred bytes precede the array.
    private const int HeadBytes = 16 << 10;

    /// <param name="Name">The entry of the zip that the record is in; empty for a file of JSON.</param>
    /// <param name="Json">The record's text as it was found; empty where there is none to show.</param>
    public readonly record struct Entry(string Name, NvdRecord Record, ReadOnlyMemory<byte> Json);

    /// <exception cref="OsvArchiveException">
    /// While enumerating: the archive is damaged or beyond the limits; nothing of it should be kept.
    /// </exception>
    public static IEnumerable<Entry> Read(Stream stream, OsvLimits? limits = null, CancellationToken ct = default) =>
        RecordArchive.Read(stream, Split, limits, ct).Select(entry => entry.Json is null
            ? new Entry(entry.Name, new NvdRecord.Broken(null, entry.Problem ?? ""), default)
            : new Entry(entry.Name, NvdParser.Parse(entry.Json), entry.Json));

    private static IEnumerable<JsonObjects.Piece> Split(Stream json, int maxBytes)
    {
        var head = new byte[HeadBytes];
        var read = json.ReadAtLeast(head, head.Length, throwOnEndOfStream: false);
        var array = ArrayIn(head.AsSpan(0, read));
        var rest = new Resumed(head.AsMemory(array ?? 0, read - (array ?? 0)), json);
        return array is null ? JsonObjects.Split(rest, maxBytes) : JsonObjects.SplitArray(rest, maxBytes);
    }

    /// <summary>Where the array of an API response begins; null when the file holds bare records.</summary>
    private static int? ArrayIn(ReadOnlySpan<byte> head)
    {
        var mark = head.StartsWith("\uFEFF"u8) ? 3 : 0;
        var reader = new Utf8JsonReader(head[mark..], isFinalBlock: false, default);
        try
        {
            while (reader.Read())
            {
                if (reader is not { TokenType: JsonTokenType.PropertyName, CurrentDepth: 1 })
                {
                    continue;
                }

                if (reader.ValueTextEquals("cve"u8))
                {
                    return null;
                }

                if (reader.ValueTextEquals("vulnerabilities"u8))
                {
                    return reader.Read() && reader.TokenType == JsonTokenType.StartArray ? mark + (int)reader.TokenStartIndex : null;
                }
            }
        }
        catch (JsonException)
        {
            // Not JSON, or several objects: the splitter reports which.
        }

        return null;
    }

    /// <summary>A stream whose beginning was read already.</summary>
    private sealed class Resumed(ReadOnlyMemory<byte> head, Stream rest) : ReadOnlyStream
    {
        private ReadOnlyMemory<byte> _head = head;

        public override int Read(Span<byte> buffer)
        {
            if (_head.IsEmpty)
            {
                return rest.Read(buffer);
            }

            var length = Math.Min(buffer.Length, _head.Length);
            _head.Span[..length].CopyTo(buffer);
            _head = _head[length..];
            return length;
        }
    }
}
