namespace EnvPlatform.Scanner.Advisories.Osv;

/// <summary>
/// The records of a feed's file: a zip of JSON files, a JSON object, an array of them or JSON lines; the file, and each entry of a zip,
/// may be compressed by gzip. Records are read one at a time.
/// </summary>
public static class OsvArchive
{
    /// <param name="Name">The entry of the zip that the record is in; empty for a file of JSON.</param>
    /// <param name="Json">The record's text as it was found; empty where there is none to show.</param>
    public readonly record struct Entry(string Name, OsvRecord Record, ReadOnlyMemory<byte> Json);

    /// <exception cref="OsvArchiveException">
    /// While enumerating: the archive is damaged or beyond the limits; nothing of it should be kept.
    /// </exception>
    public static IEnumerable<Entry> Read(Stream stream, OsvLimits? limits = null, CancellationToken ct = default) =>
        RecordArchive.Read(stream, JsonObjects.Split, limits, ct).Select(entry => entry.Json is null
            ? new Entry(entry.Name, new OsvRecord.Broken(null, entry.Problem ?? ""), default)
            : new Entry(entry.Name, OsvParser.Parse(entry.Json), entry.Json));
}
