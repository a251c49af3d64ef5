using EnvPlatform.Scanner.Advisories.Nvd;
using EnvPlatform.Scanner.Advisories.Osv;

namespace EnvPlatform.Scanner.Advisories.Imports;

/// <summary>
/// Reads a file of NVD. Most of its records are about software that no conda package holds: only those are kept that concern a project of
/// the table, now or when they were last imported.
/// </summary>
internal static class ReadNvd
{
    /// <param name="known">Ids of the records of NVD that are stored.</param>
    /// <param name="complete">The file holds all records of the years that it has records of.</param>
    public static async Task<AdvisoryChange.Records> RunAsync(
        Stream file, HashSet<string> known, bool complete, OsvLimits limits, ImportProgress progress, CancellationToken ct)
    {
        var records = new Dictionary<string, SourceRecord>(StringComparer.Ordinal);
        var exploited = new Dictionary<string, DateOnly>(StringComparer.Ordinal);
        var years = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var entry in NvdArchive.Read(file, limits, ct))
        {
            if (entry.Record is not NvdRecord.Valid { Advisory: var advisory, ExploitedSince: var since })
            {
                progress.Reject((entry.Record as NvdRecord.Broken)?.Id, (entry.Record as NvdRecord.Broken)?.Reason ?? "", entry.Name);
                continue;
            }

            if (complete && advisory.Aliases.Select(NvdYears.Of).FirstOrDefault() is { } year)
            {
                years[year] = years.GetValueOrDefault(year) + 1;
            }

            if ((advisory.Affected.Length > 0 || known.Contains(advisory.Id))
                && (!records.TryGetValue(advisory.Id, out var other) || advisory.Modified >= other.Advisory.Modified))
            {
                records[advisory.Id] = new SourceRecord(advisory, entry.Json.ToArray());
                if (since is { } day)
                {
                    exploited[advisory.Aliases[0].ToLowerInvariant()] = day;
                }
            }

            await progress.ReadOneAsync(ct);
        }

        if (progress.Read == 0)
        {
            throw new InvalidDataException(progress.Rejected == 0 ? "The file holds no records."
                : $"None of the {progress.Rejected} records of the file can be read.");
        }

        return new(records, AdvisoryChange.Nvd, [.. years.Keys], exploited, Counts: years);
    }
}
