using EnvPlatform.Scanner.Matching.Versions;

namespace EnvPlatform.Scanner.Matching;

/// <summary>Versions that fix what affects a package, as stored and shown.</summary>
internal static class FixedVersions
{
    /// <summary>More than any genuine record has.</summary>
    public const int MaxShown = 100;

    /// <summary>Lowest first, each once. Of too many the lowest, and the last one, which fixes everything.</summary>
    public static string[] Of(VersionScheme scheme, IEnumerable<string> versions)
    {
        var distinct = versions.Distinct(StringComparer.Ordinal).ToArray();
        if (distinct.Length < 2)
        {
            return distinct;
        }

        Array.Sort(distinct, (a, b) => VersionOrder.Compare(scheme, a, b) ?? 0);
        return distinct.Length <= MaxShown ? distinct : [.. distinct[..(MaxShown - 1)], distinct[^1]];
    }
}
