using EnvPlatform.Scanner.Mapping;
using EnvPlatform.Scanner.Mapping.Published;

namespace EnvPlatform.Scanner.Advisories.Imports;

/// <summary>Reads a file of a published mapping.</summary>
internal static class ReadMapping
{
    public static async Task<AdvisoryChange.Mapping> RunAsync(
        Stream file, string source, string channel, ImportProgress progress, CancellationToken ct)
    {
        var lines = source == PublishedMapping.Grayskull ? GrayskullFile.Read(file) : ParselmouthFile.Read(file);
        var entries = new Dictionary<string, string[]>(StringComparer.Ordinal);
        var leftOut = new HashSet<string>(StringComparer.Ordinal);
        foreach (var line in lines)
        {
            if (line.Problem is not null)
            {
                progress.Reject(line.Name, line.Problem);
                leftOut.Add(line.Name);
                continue;
            }

            // For a duplicate name the last entry counts.
            entries[line.CondaName] = line.PypiNames;
            await progress.ReadOneAsync(ct);
        }

        if (entries.Count == 0)
        {
            throw new InvalidDataException(leftOut.Count == 0 ? "The mapping holds no names."
                : $"None of the {progress.Rejected} entries of the mapping can be read.");
        }

        return new(source, channel, entries, leftOut);
    }
}
