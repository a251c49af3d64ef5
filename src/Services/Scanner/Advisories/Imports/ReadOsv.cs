using EnvPlatform.Scanner.Advisories.Osv;
using EnvPlatform.Scanner.Matching;

namespace EnvPlatform.Scanner.Advisories.Imports;

/// <summary>Reads a file of OSV records.</summary>
internal static class ReadOsv
{
    public static async Task<AdvisoryChange.Records> RunAsync(Stream file, OsvLimits limits, ImportProgress progress, CancellationToken ct)
    {
        var records = new Dictionary<string, SourceRecord>(StringComparer.Ordinal);
        var isArchive = false;
        foreach (var entry in OsvArchive.Read(file, limits, ct))
        {
            isArchive |= entry.Name.Length > 0;
            if (entry.Record is not OsvRecord.Valid { Advisory: var advisory })
            {
                progress.Reject((entry.Record as OsvRecord.Broken)?.Id, (entry.Record as OsvRecord.Broken)?.Reason ?? "", entry.Name);
                continue;
            }

            // Of several records with the same id the last modified counts.
            if (!records.TryGetValue(advisory.Id, out var other) || advisory.Modified >= other.Advisory.Modified)
            {
                records[advisory.Id] = new SourceRecord(advisory, entry.Json.ToArray());
            }

            await progress.ReadOneAsync(ct);
        }

        if (records.Count == 0)
        {
            throw new InvalidDataException(progress.Rejected == 0 ? "The file holds no records."
                : $"None of the {progress.Rejected} records of the file can be read.");
        }

        return new(records, AdvisoryChange.Osv, isArchive ? CompleteIn([.. records.Values]) : []);
    }

    /// <summary>
    /// The ecosystems of which an archive is a complete feed: a database exports one archive for an ecosystem, so those that at least half
    /// of its records are about. A collection of single records from many databases is not a complete feed.
    /// </summary>
    private static string[] CompleteIn(SourceRecord[] records) =>
    [
        .. records.SelectMany(record => record.Advisory.Affected.Select(affected => Ecosystems.Known(affected.Ecosystem)).OfType<string>()
            .Distinct(StringComparer.Ordinal))
            .CountBy(ecosystem => ecosystem, StringComparer.Ordinal).Where(pair => pair.Value * 2 >= records.Length)
            .Select(pair => pair.Key)
            // No database covers all of conda; that of a single native project has only records of conda.
            .Where(ecosystem => ecosystem != Ecosystems.Conda),
    ];
}
