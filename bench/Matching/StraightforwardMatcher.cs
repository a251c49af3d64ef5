using EnvPlatform.Scanner.Advisories;
using EnvPlatform.Scanner.Mapping;
using EnvPlatform.Scanner.Matching;
using EnvPlatform.Scanner.Matching.Versions;

namespace EnvPlatform.Bench.Matching;

/// <summary>
/// The baseline for the index: the advisories of a project in a dictionary, and for each package a loop over them that evaluates each as in
/// the OSV schema, with the same mapping and the same versions.
/// </summary>
internal sealed class StraightforwardMatcher
{
    private readonly ConventionMapping _mapping;
    private readonly Dictionary<PackageIdentity, List<(string Id, AffectedPackage Affected)>> _advisories = [];

    public StraightforwardMatcher(IEnumerable<Advisory> all, ConventionMapping mapping)
    {
        _mapping = mapping;
        foreach (var advisory in all.Where(advisory => advisory.Withdrawn is null))
        {
            foreach (var affected in advisory.Affected)
            {
                if (affected.Identity is not { } identity)
                {
                    continue;
                }

                if (!_advisories.TryGetValue(identity, out var list))
                {
                    _advisories.Add(identity, list = []);
                }

                list.Add((advisory.Id, affected));
            }
        }
    }

    /// <summary>How many advisories affect the package.</summary>
    public int Match(in InstalledPackage package)
    {
        var mapped = _mapping.Map(package);
        if (mapped.Answer == MappingAnswer.NotApplicable || string.IsNullOrEmpty(package.Version)
            || !_advisories.TryGetValue(mapped.Identity, out var list))
        {
            return 0;
        }

        var version = package.Version;
        return list.Where(one => Affects(one.Affected, version, mapped.Scheme)).Select(one => one.Id)
            .Distinct(StringComparer.Ordinal).Count();
    }

    private static bool Affects(AffectedPackage affected, string version, VersionScheme scheme) =>
        affected.Versions.Any(listed => listed == version || VersionOrder.Compare(scheme, listed, version) == 0)
        || affected.Ranges.Any(range => IsIn(range, version, scheme));

    private static bool IsIn(AffectedRange range, string version, VersionScheme scheme)
    {
        if (range.Events.Any(one => !IsStart(one) && VersionOrder.Compare(scheme, one.Version, one.Version) is null)
            || VersionOrder.Compare(scheme, version, version) is null)
        {
            return false;
        }

        var isAffected = false;
        foreach (var one in range.Events.Order(Comparer<RangeEvent>.Create((a, b) => Compare(a, b, scheme))))
        {
            var order = IsStart(one) ? -1 : VersionOrder.Compare(scheme, one.Version, version)!.Value;
            isAffected = one.Kind switch
            {
                RangeEventKind.Introduced when order <= 0 => true,
                RangeEventKind.IntroducedAfter when order < 0 => true,
                RangeEventKind.Fixed when order <= 0 => false,
                RangeEventKind.LastAffected when order < 0 => false,
                RangeEventKind.Limit when order <= 0 => false,
                _ => isAffected,
            };
        }

        return isAffected;
    }

    private static int Compare(RangeEvent a, RangeEvent b, VersionScheme scheme) =>
        IsStart(a) || IsStart(b) ? IsStart(b).CompareTo(IsStart(a)) : VersionOrder.Compare(scheme, a.Version, b.Version)!.Value;

    private static bool IsStart(RangeEvent one) => one is { Kind: RangeEventKind.Introduced, Version: "0" };
}
