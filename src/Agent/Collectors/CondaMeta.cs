using System.Text.Json;

namespace EnvPlatform.Agent.Collectors;

/// <summary>Reads the records of an environment's <c>conda-meta</c> folder, and changes nothing there.</summary>
internal static class CondaMeta
{
    /// <summary>A record and the package that it describes.</summary>
    public sealed record Entry(Package Package, IReadOnlyList<string> DistributionFiles);

    /// <summary>
    /// Every record whose content agrees with its file name. Leftovers (<c>._*</c>, <c>*.json.c~</c>) are skipped silently, broken or
    /// misnamed records with a warning.
    /// </summary>
    public static IReadOnlyList<Entry> Read(string prefix, ICollection<string> warnings)
    {
        var files = Directory.EnumerateFiles(Path.Combine(prefix, "conda-meta"))
            .Where(file => IsRecord(Path.GetFileName(file)))
            .Order(StringComparer.Ordinal)
            .ToArray();

        var read = new (Entry? Entry, string? Warning)[files.Length];
        Parallel.For(0, files.Length, at => read[at] = ReadRecord(files[at]));

        foreach (var (_, warning) in read)
        {
            if (warning is not null)
            {
                warnings.Add(warning);
            }
        }

        return [.. read.Select(result => result.Entry).OfType<Entry>()];
    }

    private static bool IsRecord(string fileName) =>
        fileName.EndsWith(".json", StringComparison.Ordinal) && !fileName.StartsWith('.');

    private static (Entry?, string?) ReadRecord(string file)
    {
        var fileName = Path.GetFileName(file);
        try
        {
            var record = CondaRecord.Parse(File.ReadAllBytes(file));
            if (record.ToPackage() is not { } package)
            {
                return (null, $"conda-meta/{fileName} has no name, version or build and was skipped.");
            }

            if (fileName != $"{package.Name}-{package.Version}-{package.Build}.json")
            {
                return (null,
                    $"conda-meta/{fileName} describes {package.Name} {package.Version} {package.Build} and was skipped, as conda does.");
            }

            return (new Entry(package, record.DistributionFiles), null);
        }
        catch (JsonException)
        {
            return (null, $"conda-meta/{fileName} is not valid JSON and was skipped.");
        }
        catch (Exception)
        {
            // Whatever is wrong with one record, such as bytes that are not UTF-8, the others are read.
            return (null, $"conda-meta/{fileName} cannot be read and was skipped.");
        }
    }
}
