using EnvPlatform.Scanner.Explanations;
using EnvPlatform.Scanner.Matching;
using EnvPlatform.Scanner.Matching.Versions;

namespace EnvPlatform.Scanner.Scans;

/// <summary>A vulnerability of a package, by one or more advisories.</summary>
/// <param name="FixedIn">Versions that end the ranges it is in, lowest first.</param>
/// <param name="Matches">Why, by advisory.</param>
internal sealed record Finding(string VulnerabilityId, string[] Advisories, string[] FixedIn, Evidence[] Matches)
{
    /// <summary>Maximum number of advisories of one vulnerability that are stored with a package: the first by id.</summary>
    public const int MaxAdvisories = 100;

    /// <summary>The findings of the hits of a match: one for each vulnerability, however many advisories speak of it.</summary>
    public static Finding[] Of(Hit[] found, VersionScheme scheme) =>
    [
        .. found.GroupBy(hit => hit.Advisory.VulnerabilityId, StringComparer.Ordinal).Select(hits => Of(hits, scheme))
            .OrderBy(finding => finding.VulnerabilityId, StringComparer.Ordinal),
    ];

    private static Finding Of(IGrouping<string, Hit> hits, VersionScheme scheme)
    {
        var byAdvisory = hits.OrderBy(hit => hit.Advisory.Id, StringComparer.Ordinal).Take(MaxAdvisories).ToArray();
        var fixedIn = FixedVersions.Of(scheme, hits.SelectMany(hit => hit.FixedIn));
        return new(hits.Key, [.. byAdvisory.Select(hit => hit.Advisory.Id)], fixedIn, [.. byAdvisory.Select(Evidence.Of)]);
    }
}
