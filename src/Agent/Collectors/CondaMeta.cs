using System.Text.Json;

using EnvPlatform.Agent.Collectors.Files;

namespace EnvPlatform.Agent.Collectors;

/// <summary>Reads the records of an environment's <c>conda-meta</c> folder, and changes nothing there.</summary>
internal static class CondaMeta
{
    /// <summary>A record and the package that it describes.</summary>
    public sealed record Entry(Package Package, IReadOnlyList<string> DistributionFiles);

    /// <summary>
    /// Every record whose content agrees with its file name, and of broken ones what the file name tells. Leftovers (<c>._*</c>,
    /// <c>*.json.c~</c>) are skipped silently; broken and misnamed records are reported, with a warning.
    /// </summary>
    public static IReadOnlyList<Entry> Read(string prefix, ICollection<NotExact> notExact, ICollection<string> warnings)
    {
        var files = Directory.EnumerateFiles(Path.Combine(prefix, "conda-meta"))
            .Where(file => IsRecord(Path.GetFileName(file)))
            .Order(StringComparer.Ordinal)
            .ToArray();

        var read = new Result[files.Length];
        Parallel.For(0, files.Length, at => read[at] = ReadRecord(files[at]));

        foreach (var (result, file) in read.Zip(files))
        {
            if (result.Reason is not null)
            {
                notExact.Add(new NotExact(Package.Conda, "conda-meta/" + Path.GetFileName(file), result.Reason));
                warnings.Add(result.Warning!);
            }
        }

        return [.. read.Select(result => result.Entry).OfType<Entry>()];
    }

    private static bool IsRecord(string fileName) =>
        fileName.EndsWith(".json", StringComparison.Ordinal) && !fileName.StartsWith('.');

    /// <param name="Reason">Why the record was not read in full; null where it was.</param>
    private readonly record struct Result(Entry? Entry, string? Reason = null, string? Warning = null);

    private static Result ReadRecord(string file)
    {
        var fileName = Path.GetFileName(file);
        try
        {
            var record = CondaRecord.Parse(File.ReadAllBytes(file));
            if (record.ToPackage() is not { } package)
            {
                return Broken(fileName, "has no name, version or build");
            }

            if (fileName != $"{package.Name}-{package.Version}-{package.Build}.json")
            {
                return new Result(
                    null, NotExact.MisnamedRecord,
                    $"conda-meta/{fileName} describes {package.Name} {package.Version} {package.Build} and was skipped, as conda does.");
            }

            return new Result(new Entry(package, record.DistributionFiles));
        }
        catch (JsonException)
        {
            return Broken(fileName, "is not valid JSON");
        }
        catch (Exception)
        {
            // Whatever is wrong with one record, such as bytes that are not UTF-8, the others are read.
            return Broken(fileName, "cannot be read");
        }
    }

    /// <summary>A killed conda or a full disk leaves records empty, cut off or full of NUL; their packages are installed.</summary>
    private static Result Broken(string fileName, string what)
    {
        var kept = PackageFileName.OfStem(fileName[..^".json".Length]) is var (name, version, build)
            && new Package(Package.Conda, name, version, build) is { } package && package.IsSound() ? package : null;
        return new Result(
            kept is null ? null : new Entry(kept, []), NotExact.UnreadableRecord,
            $"conda-meta/{fileName} {what}" + (kept is null
                ? " and was skipped: which package it describes is not known."
                : $": only its file name was read, {kept.Name} {kept.Version} {kept.Build}."));
    }
}
