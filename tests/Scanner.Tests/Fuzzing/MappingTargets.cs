using System.Text;

using EnvPlatform.Scanner.Mapping;
using EnvPlatform.Scanner.Mapping.Published;
using EnvPlatform.Scanner.Matching;

using static EnvPlatform.Scanner.Fuzzing.BrokenPropertyException;

namespace EnvPlatform.Scanner.Fuzzing;

/// <summary>
/// Published mappings: read, entries that cannot be read named, or refused whole. What is read can be stored and gives every package one
/// answer.
/// </summary>
internal static class MappingTargets
{
    public static FuzzTarget Parselmouth(FuzzCorpus corpus) => new(
        "parselmouth", random => RecordTargets.NextJson(random, corpus.Parselmouth),
        input => Check(input, PublishedMapping.Parselmouth, ParselmouthFile.Read),
        [
            new("names", n => "{" + FuzzTargets.List(n, i => $"\"a{i}\":[\"b{i}\"]") + "}"),
            new("one name", n => "{" + FuzzTargets.List(n, _ => "\"a\":null") + "}"),
            new("names of one", n => "{\"a\":[" + FuzzTargets.List(n, i => $"\"b{i}\"") + "]}"),
            new("broken entries", n => "{" + FuzzTargets.List(n, i => $"\"a{i}\":{i}") + "}"),
            new("depth", n => "{\"a\":" + FuzzTargets.Repeat("[", n)),
        ]);

    public static FuzzTarget Grayskull(FuzzCorpus corpus) => new(
        "grayskull",
        random => random.Next(20) == 0
            ? HostileText.Noise(random, ofBytes: true)
            : HostileText.Mutate(random, corpus.Grayskull[random.Next(corpus.Grayskull.Count)], corpus.Grayskull, ofBytes: true),
        input => Check(input, PublishedMapping.Grayskull, GrayskullFile.Read),
        [
            new("names", n => string.Concat(Enumerable.Range(0, n).Select(i => $"a{i}:\n  conda_forge: b{i}\n"))),
            new("names of one", n => string.Concat(Enumerable.Range(0, n).Select(i => $"a{i}:\n  conda_forge: b\n"))),
            new("lines of one", n => "a:\n" + FuzzTargets.Repeat("  b:\n", n)),
            new("broken entries", n => FuzzTargets.Repeat("a:\n", n)),
            new("spaces", n => "a:\n" + FuzzTargets.Repeat(" ", n)),
            new("comments", n => "a:\n  conda_forge: b" + FuzzTargets.Repeat(" #", n)),
            new("brackets", n => "a: " + FuzzTargets.Repeat("[", n)),
        ]);

    private static bool Check(string input, string source, Func<Stream, IReadOnlyList<PublishedLine>> read)
    {
        IReadOnlyList<PublishedLine> lines;
        try
        {
            using var file = new MemoryStream(Encoding.Latin1.GetBytes(input));
            lines = read(file);
        }
        catch (InvalidDataException)
        {
            return false;
        }

        foreach (var line in lines.Where(line => line.Problem is not null))
        {
            Require(FuzzTargets.IsStorable(line.Name) && line.Name.Length <= 200, "What is left out can be named.");
        }

        var entries = lines.Where(line => line.Problem is null)
            .Select(line => new PublishedEntry(source, CondaChannels.CondaForge, line.CondaName, line.PypiNames)).ToArray();
        var mapping = new ConventionMapping(CondaNames.BuiltIn, CondaChannels.BuiltIn, PublishedMapping.Of(entries));
        foreach (var entry in entries)
        {
            Require(entry.CondaName.Length is > 0 and <= 128 && entry.CondaName.All(char.IsAscii), "A name of conda is short and plain.");
            Require(Array.TrueForAll(entry.PypiNames, name => name.Length is > 0 and <= 128 && name.All(char.IsAscii)),
                "So are names of PyPI.");
            var mapped = mapping.Map(
                new InstalledPackage(PackageManager.Conda, entry.CondaName, "1.0", "py39_0", CondaChannels.CondaForge));
            Require(mapped.Basis != source switch { PublishedMapping.Grayskull => MappingBasis.Grayskull, _ => MappingBasis.Parselmouth }
                || mapped.Answer != MappingAnswer.Project
                || entry.PypiNames.Any(name => PackageIdentity.Of(Ecosystems.PyPI, name) == mapped.Identity)
                || entries.Count(other => other.CondaName == entry.CondaName) > 1,
                "A package is a project only that its entry names.");
        }

        return entries.Length > 0;
    }
}
