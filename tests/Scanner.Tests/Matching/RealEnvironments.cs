using System.Collections.Concurrent;
using System.Text.Json;

using EnvPlatform.Scanner.Advisories;
using EnvPlatform.Scanner.Advisories.Osv;
using EnvPlatform.Scanner.Mapping;
using EnvPlatform.Scanner.Mapping.Published;
using EnvPlatform.Scanner.Matching;
using EnvPlatform.Testing;

namespace EnvPlatform.Scanner.Tests.Matching;

/// <summary>The environments and feeds of the data folder.</summary>
internal static class RealEnvironments
{
    public sealed record RealEnvironment(string Id, InstalledPackage[] Packages);

    public static RealEnvironment[] Read() =>
        [.. File.ReadLines(TestData.File("environments", "environments.jsonl")).Select(line => Read(JsonDocument.Parse(line).RootElement))];

    public static Advisory[] Feed(string name)
    {
        using var file = File.OpenRead(TestData.File("advisories", name));
        var records = OsvArchive.Read(file).ToArray();
        Assert.That(records.Select(entry => entry.Record).OfType<OsvRecord.Broken>(), Is.Empty);
        return [.. records.Select(entry => entry.Record).OfType<OsvRecord.Valid>().Select(valid => valid.Advisory)];
    }

    /// <summary>The index of a feed; built once, since it is immutable.</summary>
    public static AdvisoryIndex Index(string feed) =>
        Indexes.GetOrAdd(feed, static name => new Lazy<AdvisoryIndex>(() => Build(name))).Value;

    /// <summary>The mapping after an import of conda-forge's published mapping and of the table kept by hand.</summary>
    public static ConventionMapping Published()
    {
        using var parselmouth = File.OpenRead(TestData.File("mapping", "parselmouth-conda-forge.json"));
        using var grayskull = File.OpenRead(TestData.File("mapping", "grayskull-pypi-to-conda.yaml"));
        return new ConventionMapping(CondaNames.BuiltIn, CondaChannels.BuiltIn, PublishedMapping.Of(
            ParselmouthFile.Read(parselmouth)
                .Select(line => new PublishedEntry(PublishedMapping.Parselmouth, CondaChannels.CondaForge, line.CondaName, line.PypiNames))
                .Concat(GrayskullFile.Read(grayskull).Select(
                    line => new PublishedEntry(PublishedMapping.Grayskull, CondaChannels.CondaForge, line.CondaName, line.PypiNames)))));
    }

    private static readonly ConcurrentDictionary<string, Lazy<AdvisoryIndex>> Indexes = new(StringComparer.Ordinal);

    private static AdvisoryIndex Build(string feed)
    {
        var advisories = Feed(feed);
        var complete = advisories.SelectMany(advisory => advisory.Affected).Select(affected => affected.Ecosystem).Distinct();
        return AdvisoryIndex.Build(advisories, VulnerabilityGroups.Of(advisories), ConventionMapping.BuiltIn, complete);
    }

    private static RealEnvironment Read(JsonElement environment) =>
        new(environment.GetProperty("id").GetString()!, [.. environment.GetProperty("packages").EnumerateArray().Select(Package)]);

    public static InstalledPackage Package(JsonElement package) => new(
        package.GetProperty("manager").GetString() == "pip" ? PackageManager.PyPI : PackageManager.Conda,
        package.GetProperty("name").GetString()!,
        package.GetProperty("version").GetString(),
        package.GetProperty("build").GetString(),
        package.TryGetProperty("channel", out var channel) ? channel.GetString() : null);
}
