using System.Buffers;
using System.IO.Compression;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

using EnvPlatform.Conda;
using EnvPlatform.Scanner.Advisories;

using ZstdSharp;

namespace EnvPlatform.Scanner.Repodata;

/// <summary>
/// Reads a channel's <c>repodata.json</c>, as it is, in gzip or in Zstandard, entry by entry: of files of hundreds of megabytes, one entry
/// is in memory (https://docs.conda.io/projects/conda-build/en/stable/concepts/generating-index.html).
/// </summary>
internal sealed class RepodataReader : IDisposable
{
    // An entry has some kilobytes.
    private const int MaxEntryBytes = 4 << 20;
    private const int FirstBufferBytes = 256 << 10;
    private readonly Stream _json;
    private readonly Stream? _unpacking;
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(FirstBufferBytes);
    private int _start;
    private int _end;
    private bool _isFinal;
    private JsonReaderState _state = new(new JsonReaderOptions { MaxDepth = 64 });
    private Place _place = Place.Before;
    private int _skipUntil;

    private RepodataReader(Stream json, Stream? unpacking)
    {
        _json = json;
        _unpacking = unpacking;
    }

    private enum Place
    {
        Before, Top, Packages, Skipped, After,
    }

    private enum Outcome
    {
        MoreBytes, Continue, Entry, End,
    }

    /// <summary>The platform that the file says it is of; known at the end, and null where it says none.</summary>
    public string? Subdir { get; private set; }

    /// <summary>Whether the file has a list of packages at all, known at the end.</summary>
    public bool HasPackages { get; private set; }

    /// <param name="file">Of which the position can be set.</param>
    /// <param name="maxBytes">Of what it unpacks to.</param>
    public static RepodataReader Open(Stream file, long maxBytes)
    {
        Span<byte> head = stackalloc byte[4];
        file.Position = 0;
        var read = file.ReadAtLeast(head, head.Length, throwOnEndOfStream: false);
        file.Position = 0;
        Stream? unpacking = head[..read].StartsWith((ReadOnlySpan<byte>)[0x1f, 0x8b])
            ? new GZipStream(file, CompressionMode.Decompress, leaveOpen: true)
            : IsZstandard(head[..read]) ? new DecompressionStream(file, leaveOpen: true) : null;
        return new(new LimitedStream(unpacking ?? file, maxBytes), unpacking);
    }

    /// <summary>Whether a file begins as one of Zstandard does (RFC 8878, 3.1.1).</summary>
    public static bool IsZstandard(ReadOnlySpan<byte> head) => head.StartsWith((ReadOnlySpan<byte>)[0x28, 0xb5, 0x2f, 0xfd]);

    /// <summary>The next entry; null at the end of the file.</summary>
    /// <exception cref="InvalidDataException">The file is damaged, or no repodata; nothing of it should be kept.</exception>
    public async ValueTask<Entry?> NextAsync(CancellationToken ct)
    {
        try
        {
            while (true)
            {
                switch (Step(out var entry))
                {
                    case Outcome.Entry:
                        return entry;
                    case Outcome.End:
                        return null;
                    case Outcome.MoreBytes:
                        await FillAsync(ct);
                        break;
                }
            }
        }
        catch (JsonException exception)
        {
            throw new InvalidDataException(
                $"The file is no JSON of repodata: line {exception.LineNumber + 1}, byte {exception.BytePositionInLine + 1}.", exception);
        }
        catch (ZstdException exception)
        {
            throw new InvalidDataException($"The file is damaged: {exception.Message}", exception);
        }
        catch (InvalidOperationException exception)
        {
            // System.Text.Json's exception for a name that is no valid Unicode.
            throw new InvalidDataException("The file is no JSON of repodata: a name is no valid Unicode text.", exception);
        }
    }

    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_buffer);
        _unpacking?.Dispose();
    }

    private Outcome Step(out Entry entry)
    {
        entry = default;
        var reader = new Utf8JsonReader(_buffer.AsSpan(_start, _end - _start), _isFinal, _state);
        var place = _place;
        var outcome = Step(ref reader, ref place, out entry);
        if (outcome != Outcome.MoreBytes)
        {
            _place = place;
            _start += (int)reader.BytesConsumed;
            _state = reader.CurrentState;
        }

        return outcome;
    }

    private Outcome Step(ref Utf8JsonReader reader, ref Place place, out Entry entry)
    {
        entry = default;
        if (!reader.Read())
        {
            return !_isFinal ? Outcome.MoreBytes
                : place == Place.After ? Outcome.End
                : throw new InvalidDataException("The file ends in the middle.");
        }

        switch (place)
        {
            case Place.Before when reader.TokenType == JsonTokenType.StartObject:
                place = Place.Top;
                return Outcome.Continue;
            case Place.Before:
                throw new InvalidDataException("The file is no JSON object.");
            case Place.Top when reader.TokenType == JsonTokenType.EndObject:
                place = Place.After;
                return Outcome.Continue;
            case Place.Top:
                return Member(ref reader, ref place);
            case Place.Packages when reader.TokenType == JsonTokenType.EndObject:
                place = Place.Top;
                return Outcome.Continue;
            case Place.Packages:
                return Package(ref reader, out entry);
            case Place.Skipped:
                place = reader.CurrentDepth <= _skipUntil && reader.TokenType is JsonTokenType.EndObject or JsonTokenType.EndArray
                    ? Place.Top : place;
                return Outcome.Continue;
            default:
                return Outcome.Continue;
        }
    }

    private Outcome Member(ref Utf8JsonReader reader, ref Place place)
    {
        var isList = reader.ValueTextEquals("packages"u8) || reader.ValueTextEquals("packages.conda"u8);
        var isInfo = reader.ValueTextEquals("info"u8);
        if (!reader.Read())
        {
            return Ended();
        }

        if (isList && reader.TokenType == JsonTokenType.StartObject)
        {
            HasPackages = true;
            place = Place.Packages;
        }
        else if (isList && reader.TokenType != JsonTokenType.Null)
        {
            throw new InvalidDataException("The list of packages is no JSON object.");
        }
        else if (isInfo && reader.TokenType == JsonTokenType.StartObject)
        {
            if (!JsonDocument.TryParseValue(ref reader, out var info))
            {
                return Ended();
            }

            using (info)
            {
                Subdir = info.RootElement.TryGetProperty("subdir", out var subdir) && subdir.ValueKind == JsonValueKind.String
                    ? subdir.GetString() : null;
            }
        }
        else if (reader.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray)
        {
            _skipUntil = reader.CurrentDepth;
            place = Place.Skipped;
        }

        return Outcome.Continue;
    }

    private Outcome Package(ref Utf8JsonReader reader, out Entry entry)
    {
        entry = default;
        string file;
        try
        {
            file = reader.GetString()!;
        }
        catch (InvalidOperationException)
        {
            file = "";
        }

        if (!reader.Read())
        {
            return Ended();
        }

        var start = (int)reader.TokenStartIndex;
        if (!reader.TrySkip())
        {
            return Ended();
        }

        entry = Read(file, _buffer.AsSpan(_start + start, (int)reader.BytesConsumed - start));
        return Outcome.Entry;
    }

    private Outcome Ended() => _isFinal ? throw new InvalidDataException("The file ends in the middle.") : Outcome.MoreBytes;

    private async ValueTask FillAsync(CancellationToken ct)
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            (_start, _end) = (0, _end - _start);
        }

        if (_end == _buffer.Length)
        {
            if (_end >= MaxEntryBytes)
            {
                throw new InvalidDataException($"The file holds an entry of more than {MaxEntryBytes} bytes.");
            }

            var larger = ArrayPool<byte>.Shared.Rent(_buffer.Length * 2);
            _buffer.AsSpan(0, _end).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = larger;
        }

        try
        {
            var read = await _json.ReadAsync(_buffer.AsMemory(_end), ct);
            _end += read;
            _isFinal = read == 0;
        }
        catch (EndOfStreamException exception)
        {
            throw new InvalidDataException("The file ends in the middle.", exception);
        }
    }

    private static Entry Read(string file, ReadOnlySpan<byte> json)
    {
        RepodataEntry? read;
        try
        {
            read = JsonSerializer.Deserialize(json, RepodataJson.Default.RepodataEntry);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            return new(file, null, "is not as entries of repodata are");
        }

        return read is null ? new(file, null, "is null")
            : read.Problem() is { } problem ? new(file, null, problem)
            : new(file, read.ToBuild(), null);
    }

    /// <summary>An entry of the file.</summary>
    /// <param name="File">The package's file.</param>
    /// <param name="Build">Null where the entry cannot be read.</param>
    /// <param name="Problem">Why not.</param>
    public readonly record struct Entry(string File, ChannelBuild? Build, string? Problem);
}

/// <summary>What is read of an entry of repodata.</summary>
internal sealed record RepodataEntry(
    string? Name, string? Version, string? Build, long BuildNumber, string?[]? Depends, string?[]? Constrains,
    [property: JsonPropertyName("track_features")] JsonElement TrackFeatures)
{
    private const int MaxText = 2_048;
    private const int MaxSpecs = 2_000;
    private static readonly SearchValues<char> OfName = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789_.-+");

    /// <summary>Why the entry cannot be used; null when it can.</summary>
    public string? Problem() =>
        Name is not { Length: > 0 and <= 255 } || Name.AsSpan().ContainsAnyExcept(OfName) ? "its name is none of conda's"
        : Version is not { Length: <= MaxText } || !CondaVersion.TryParse(Version, out _) ? "its version is none of conda's"
        : Build is null || !IsText(Build) ? "its build is no text"
        : Depends?.Length > MaxSpecs || Constrains?.Length > MaxSpecs ? "it depends on too much"
        : (Depends ?? []).Concat(Constrains ?? []).All(spec => spec is not null && IsText(spec)) ? null
        : "it depends on something that is no text";

    public ChannelBuild ToBuild() => new(
        Name!, Version!, Build!, BuildNumber, [.. (Depends ?? []).OfType<string>()], [.. (Constrains ?? []).OfType<string>()],
        TrackFeatures.ValueKind is JsonValueKind.String && TrackFeatures.GetString() is { Length: > 0 }
            || (TrackFeatures.ValueKind is JsonValueKind.Array && TrackFeatures.GetArrayLength() > 0));

    private static bool IsText(string text) => text.Length <= MaxText && !text.AsSpan().ContainsAnyInRange('\0', '\x1f');
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(RepodataEntry))]
[JsonSerializable(typeof(string))]
internal sealed partial class RepodataJson : JsonSerializerContext
{
    /// <summary>Escapes what must be escaped, and no more.</summary>
    public static RepodataJson Plain { get; } = new(new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
}
