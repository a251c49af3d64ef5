using System.IO.Compression;

using EnvPlatform.Scanner.Advisories.Osv;
using EnvPlatform.ServiceDefaults;

namespace EnvPlatform.Scanner.Advisories;

/// <summary>
/// The texts of the records in a feed's file: a zip of JSON files, a JSON object, an array of them or JSON lines; the file, and each entry
/// of a zip, may be compressed by gzip. Records are read one at a time.
/// </summary>
internal static class RecordArchive
{
    /// <param name="Name">The entry of the zip that the record is in; empty for a file of JSON.</param>
    /// <param name="Json">The record's text as it was found; null with the reason where there is none to show.</param>
    public readonly record struct Entry(string Name, byte[]? Json, string? Problem);

    /// <summary>Splits JSON text into its records, each at most that many bytes.</summary>
    public delegate IEnumerable<JsonObjects.Piece> Splitter(Stream json, int maxBytes);

    /// <exception cref="OsvArchiveException">
    /// While enumerating: the archive is damaged or beyond the limits; nothing of it should be kept.
    /// </exception>
    public static IEnumerable<Entry> Read(Stream stream, Splitter split, OsvLimits? limits, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(stream);
        return Counted(stream, new Budget(limits ?? OsvLimits.Default, split), ct);
    }

    private static IEnumerable<Entry> Counted(Stream stream, Budget budget, CancellationToken ct)
    {
        using var entries = Entries(stream, budget).GetEnumerator();
        while (true)
        {
            ct.ThrowIfCancellationRequested();
            try
            {
                if (!entries.MoveNext())
                {
                    yield break;
                }

                budget.CountRecord();
            }
            catch (InvalidDataException e)
            {
                throw new OsvArchiveException("The archive is damaged.", e);
            }

            yield return entries.Current;
        }
    }

    private static IEnumerable<Entry> Entries(Stream stream, Budget budget)
    {
        using var file = Rewindable(stream, budget);
        if (Begins(file, [0x1f, 0x8b]))
        {
            using var gzip = new GZipStream(file, CompressionMode.Decompress);
            using var unpacked = Rewindable(gzip, budget);
            foreach (var entry in ZipOrJson(unpacked, budget))
            {
                yield return entry;
            }
        }
        else
        {
            foreach (var entry in ZipOrJson(file, budget))
            {
                yield return entry;
            }
        }
    }

    private static IEnumerable<Entry> ZipOrJson(Stream file, Budget budget) =>
        Begins(file, "PK"u8) ? Zip(file, budget) : Json("", new Metered(file, budget), budget);

    private static IEnumerable<Entry> Zip(Stream file, Budget budget)
    {
        using var zip = new ZipArchive(file, ZipArchiveMode.Read, leaveOpen: true);
        if (zip.Entries.Count > budget.Limits.Records)
        {
            throw Budget.TooMany();
        }

        foreach (var entry in zip.Entries)
        {
            var packed = entry.FullName.EndsWith(".gz", StringComparison.OrdinalIgnoreCase);
            if (!IsJson(packed ? entry.FullName.AsSpan(0, entry.FullName.Length - 3) : entry.FullName))
            {
                continue;
            }

            using var content = entry.Open();
            using Stream json = new Metered(packed ? new GZipStream(content, CompressionMode.Decompress) : content, budget);
            foreach (var record in Json(entry.FullName, json, budget))
            {
                yield return record;
            }
        }
    }

    private static bool IsJson(ReadOnlySpan<char> name) =>
        name.EndsWith(".json", StringComparison.OrdinalIgnoreCase) || name.EndsWith(".jsonl", StringComparison.OrdinalIgnoreCase);

    private static IEnumerable<Entry> Json(string name, Stream json, Budget budget)
    {
        foreach (var piece in budget.Split(json, budget.Limits.RecordBytes))
        {
            yield return new Entry(name, piece.Json, piece.Problem);
        }
    }

    // A zip's directory is at its end, so a stream that cannot seek goes through a file that is deleted when closed.
    private static Stream Rewindable(Stream stream, Budget budget)
    {
        if (stream.CanSeek)
        {
            return new BufferedStream(new Unowned(stream));
        }

        var path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        var copy = new FileStream(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 64 << 10, FileOptions.DeleteOnClose);
        try
        {
            using var metered = new Metered(stream, budget);
            metered.CopyTo(copy);
            budget.Restart();
            copy.Position = 0;
            return copy;
        }
        catch
        {
            copy.Dispose();
            throw;
        }
    }

    private static bool Begins(Stream file, ReadOnlySpan<byte> magic)
    {
        Span<byte> head = stackalloc byte[4];
        var start = file.Position;
        var read = file.ReadAtLeast(head[..magic.Length], magic.Length, throwOnEndOfStream: false);
        file.Position = start;
        return head[..read].SequenceEqual(magic);
    }

    private sealed class Budget(OsvLimits limits, Splitter split)
    {
        private long _bytes;
        private int _records;

        public Splitter Split => split;

        public OsvLimits Limits => limits;

        public static OsvArchiveException TooMany() => new("The archive holds more records than the limit.");

        public void CountBytes(int bytes)
        {
            _bytes += bytes;
            if (_bytes > limits.TotalBytes)
            {
                throw new OsvArchiveException("The archive unpacks to more bytes than the limit.");
            }
        }

        public void CountRecord()
        {
            if (++_records > limits.Records)
            {
                throw TooMany();
            }
        }

        // Copying to a file is counted separately: the same bytes are not counted again when they are read.
        public void Restart() => _bytes = 0;
    }

    /// <summary>Counts what is read, and fails beyond the budget: the sizes that an archive declares are not trusted.</summary>
    private sealed class Metered(Stream inner, Budget budget) : ReadOnlyStream
    {
        public override int Read(Span<byte> buffer)
        {
            var read = inner.Read(buffer);
            budget.CountBytes(read);
            return read;
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                inner.Dispose();
            }

            base.Dispose(disposing);
        }
    }

    /// <summary>Leaves the caller's stream open when closed.</summary>
    private sealed class Unowned(Stream inner) : ReadOnlyStream
    {
        public override bool CanSeek => inner.CanSeek;

        public override long Length => inner.Length;

        public override long Position
        {
            get => inner.Position;
            set => inner.Position = value;
        }

        public override int Read(Span<byte> buffer) => inner.Read(buffer);

        public override long Seek(long offset, SeekOrigin origin) => inner.Seek(offset, origin);
    }
}
