using System.Text.Json.Serialization;

using EnvPlatform.Scanner.Explanations;
using EnvPlatform.Scanner.Mapping;
using EnvPlatform.Scanner.Matching;
using EnvPlatform.Scanner.Matching.Versions;

namespace EnvPlatform.Scanner.Scans;

/// <summary>A vulnerability of a package, by one or more advisories.</summary>
/// <param name="FixedIn">Versions that end the ranges it is in, lowest first.</param>
/// <param name="Matches">Why, by advisory.</param>
internal sealed record Finding(string VulnerabilityId, string[] Advisories, string[] FixedIn, Evidence[] Matches)
{
    /// <summary>
    /// The native library that all of its advisories are about, where conda's build of the package links to conda's own; null otherwise.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Library { get; init; }

    /// <summary>The conda packages that provide the library: where a set holds one of them, the package is not affected.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string[]? ProvidedBy { get; init; }

    /// <summary>Maximum number of advisories of one vulnerability that are stored with a package: the first by id.</summary>
    public const int MaxAdvisories = 100;

    /// <summary>The findings of the hits of a match: one for each vulnerability, however many advisories speak of it.</summary>
    /// <param name="rules">Those that hold for the package.</param>
    public static Finding[] Of(Hit[] found, VersionScheme scheme, BundledLibraries.Rule[] rules) =>
    [
        .. found.GroupBy(hit => hit.Advisory.VulnerabilityId, StringComparer.Ordinal).Select(hits => Of(hits, scheme, rules))
            .OrderBy(finding => finding.VulnerabilityId, StringComparer.Ordinal),
    ];

    private static Finding Of(IGrouping<string, Hit> hits, VersionScheme scheme, BundledLibraries.Rule[] rules)
    {
        var byAdvisory = hits.OrderBy(hit => hit.Advisory.Id, StringComparer.Ordinal).Take(MaxAdvisories).ToArray();
        var fixedIn = FixedVersions.Of(scheme, hits.SelectMany(hit => hit.FixedIn));
        // One record about the distribution's own code is enough for a finding.
        var rule = Array.Find(rules, one => hits.All(hit => one.Covers(hit.Advisory.Id)));
        return new(hits.Key, [.. byAdvisory.Select(hit => hit.Advisory.Id)], fixedIn, [.. byAdvisory.Select(Evidence.Of)])
        {
            Library = rule?.Library,
            ProvidedBy = rule?.ProvidedBy,
        };
    }
}
