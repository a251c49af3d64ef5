using EnvPlatform.Scanner.Advisories.Osv;
using EnvPlatform.Scanner.Matching;

namespace EnvPlatform.Scanner.Advisories.Imports;

/// <summary>Reads a file of OSV records.</summary>
internal static class ReadOsv
{
    /// <param name="complete">The file holds all records of the ecosystem that it is of, somebody said.</param>
    public static async Task<AdvisoryChange.Records> RunAsync(
        Stream file, bool complete, OsvLimits limits, ImportProgress progress, CancellationToken ct)
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

        var counts = CountsOf([.. records.Values]);
        return complete
            ? new(records, AdvisoryChange.Osv, Mainly(counts, records.Count), Counts: counts)
            : new(
                records, AdvisoryChange.Osv, isArchive ? Official(counts, records.Keys.ToHashSet(StringComparer.Ordinal)) : [],
                Counts: counts);
    }

    private static Dictionary<string, int> CountsOf(SourceRecord[] records) =>
        records.SelectMany(record => record.Advisory.Affected.Select(affected => Ecosystems.Known(affected.Ecosystem)).OfType<string>()
            .Distinct(StringComparer.Ordinal)).CountBy(ecosystem => ecosystem, StringComparer.Ordinal)
            .ToDictionary(StringComparer.Ordinal);

    /// <summary>
    /// The ecosystems that a file stated to be complete is of: those that at least half of its records name. A database exports one file
    /// for an ecosystem, whose records may name packages of others too. No database covers all of conda.
    /// </summary>
    private static string[] Mainly(Dictionary<string, int> counts, int records) =>
        [.. counts.Where(pair => pair.Value * 2 >= records && pair.Key != Ecosystems.Conda).Select(pair => pair.Key)];

    private static string[] Official(Dictionary<string, int> counts, HashSet<string> ids) =>
    [
        .. OfficialExport.All.Where(export => export.Matches(ids, counts.GetValueOrDefault(export.Ecosystem)))
            .Select(export => export.Ecosystem),
    ];
}
