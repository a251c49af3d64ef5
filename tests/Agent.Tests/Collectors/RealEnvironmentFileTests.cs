using System.Text.Json;

using EnvPlatform.Agent.Collectors;
using EnvPlatform.Agent.Collectors.Files;

namespace EnvPlatform.Agent.Tests.Collectors;

/// <summary>Every environment file of the real data is read as in the independent reading of it, <c>environments.jsonl</c>.</summary>
/// <remarks>
/// Where that reading differs from what the API expects, the only differences are these rules:
/// (1) it calls the manager of PyPI packages pip and their channel pypi; the API says pypi and no channel;
/// (2) it keeps packages without a version; the agent reports them as not exact;
/// (3) it takes the end of a source archive's name for the version (GEOPY-433.zip is a branch); the agent wants the distribution's own name
///     before it, and reports the rest as not exact;
/// (4) it names a channel in a local folder by its path; the canonical name is the file URL;
/// (5) it takes file names out of URLs as they are; the ! of an epoch is written %21 there, and conda-meta has the !;
/// (6) it takes name=3.9 of a file that somebody wrote for exactly 3.9; the agent, as conda, for any 3.9.x.
/// </remarks>
public sealed class RealEnvironmentFileTests
{
    private static readonly Dictionary<string, IReadOnlyList<CollectedEnvironment>> Read = new(StringComparer.Ordinal);

    [Test]
    public void Every_row_reads_the_same_packages_with_version_build_channel_and_subdir()
    {
        var folder = TestData.Path("environments");
        var rows = 0;
        Assert.Multiple(() =>
        {
            foreach (var line in File.ReadLines(Path.Combine(folder, "environments.jsonl")))
            {
                using var row = JsonDocument.Parse(line);
                Compare(folder, row.RootElement);
                rows++;
            }
        });
        Assert.That(rows, Is.GreaterThan(0));
    }

    private static void Compare(string folder, JsonElement row)
    {
        var id = row.GetProperty("id").GetString();
        var platform = Text(row, "platform");
        var environment = Environment(Path.Combine(folder, Text(row, "original")!), platform, Text(row, "format") == "conda-lock");

        var expected = new List<string>();
        var open = 0;
        var isWritten = row.GetProperty("packages").EnumerateArray().Any(package => Text(package, "version") is null);
        foreach (var package in row.GetProperty("packages").EnumerateArray())
        {
            if (!(isWritten && IsPartial(package)) && Expected(package) is { } text)
            {
                expected.Add(text);
            }
            else
            {
                open++;
            }
        }

        var actual = environment.Packages.Select(p => $"{p.Manager}|{p.Channel}|{p.Subdir}|{p.Name}|{p.Version}|{p.Build}");
        Assert.That(actual, Is.EquivalentTo(expected), id);
        Assert.That(environment.NotExact, Has.Count.EqualTo(open), id);
        if (platform is not null)
        {
            Assert.That(environment.Platform, Is.EqualTo(platform), id);
        }

        if (Text(row, "name") is { } name)
        {
            Assert.That(environment.Name, Is.EqualTo(name), id);
        }

        Assert.That(environment.Warnings, Is.Empty, id);
    }

    private static CollectedEnvironment Environment(string file, string? platform, bool isLock)
    {
        if (!Read.TryGetValue(file, out var environments))
        {
            Read[file] = environments = EnvironmentFile.Read(file, null);
        }

        return isLock ? environments.Single(environment => environment.Platform == platform) : environments.Single();
    }

    private static bool IsPartial(JsonElement package) => // rule 6
        Text(package, "manager") == "conda" && Text(package, "build") is null && Text(package, "version") is { } version
        && version.Split('.').Length < 3;

    private static string? Expected(JsonElement package)
    {
        var name = Text(package, "name");
        var version = Text(package, "version");
        var pip = Text(package, "manager") == "pip";
        if (version is null)
        {
            return null; // rule 2
        }

        if (Text(package, "url") is { } url && pip
            && !Path.GetFileName(url).Replace('_', '-').StartsWith(name + "-", StringComparison.OrdinalIgnoreCase))
        {
            return null; // rule 3
        }

        if (pip)
        {
            return $"pypi|||{name}|{version}|"; // rule 1
        }

        var channel = Text(package, "channel");
        if (channel is ['/', ..])
        {
            channel = "file://" + channel; // rule 4
        }

        return $"conda|{channel}|{Text(package, "subdir")}|{name}|{Uri.UnescapeDataString(version)}|{Text(package, "build")}"; // rule 5
    }

    private static string? Text(JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
