using EnvPlatform.Scanner.Advisories;
using EnvPlatform.Scanner.Advisories.Starter;
using EnvPlatform.Scanner.Matching.Versions;

namespace EnvPlatform.Scanner.Matching;

/// <summary>A project's table in the order of its versions.</summary>
internal sealed class OrderedPackageTable<T> : PackageTable
    where T : struct, IVersion<T>
{
    private readonly T[] _boundaries;

    /// <param name="sources">In the order of their advisories' ids.</param>
    public OrderedPackageTable(PackageIdentity identity, VersionScheme scheme, List<AffectedSource> sources)
        : base(identity, scheme)
    {
        IsSample = sources.TrueForAll(source => StarterSet.Holds(source.Advisory.Id));
        var byText = new Dictionary<string, List<Hit>>(StringComparer.Ordinal);
        var pieces = new List<(Interval<T> Interval, Hit Hit)>();
        var fixes = new List<T>();
        foreach (var source in sources)
        {
            var ranges = source.Affected.Ranges.Select(range => VersionRange<T>.TryCompile(range)).ToArray();
            IgnoredRanges += ranges.Count(range => range is null);
            var compiled = ranges.OfType<VersionRange<T>>().ToArray();
            fixes.AddRange(compiled.SelectMany(range => range.Fixes));
            foreach (var interval in compiled.SelectMany(range => range.Affected))
            {
                pieces.Add((interval, new Hit(
                    source.Advisory, source.Index, interval.Text, interval.FixedIn is null ? [] : [interval.FixedIn], false)));
            }

            AddListed(source, new RangeUnion<T>(compiled), pieces, byText);
        }

        var boundaries = new List<T>(pieces.Count * 2);
        foreach (var (interval, _) in pieces)
        {
            if (interval.Low is { } low)
            {
                boundaries.Add(low);
            }

            if (interval.High is { } high)
            {
                boundaries.Add(high);
            }
        }

        boundaries.Sort();
        _boundaries = Distinct(boundaries);
        fixes.Sort();
        Fill(
            (2 * _boundaries.Length) + 1, [.. pieces.Select(piece => StretchOf(piece.Interval, piece.Hit))],
            [.. Distinct(fixes).Select(fix => (fix.Text, SlotOf(fix)))], byText);
    }

    /// <summary>Ranges with an event that is not a version of the scheme, which are ignored.</summary>
    public int IgnoredRanges { get; }

    public override string VersionOf(int slot) => _boundaries[(slot - 1) / 2].Text;

    public override int SlotOf(string version) => T.TryParse(version, out var parsed) ? SlotOf(parsed) : -1;

    private int SlotOf(T version)
    {
        // Not Span.BinarySearch, which would box the version.
        var low = 0;
        var high = _boundaries.Length;
        while (low < high)
        {
            var middle = (low + high) / 2;
            var order = _boundaries[middle].CompareTo(version);
            if (order == 0)
            {
                return (2 * middle) + 1;
            }

            if (order < 0)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return 2 * low;
    }

    private Stretch StretchOf(Interval<T> interval, Hit hit)
    {
        var first = interval.Low is { } low ? SlotOf(low) + (interval.IsLowExcluded ? 1 : 0) : 0;
        var last = interval.High is { } high ? SlotOf(high) - (interval.IsHighIncluded ? 0 : 1) : 2 * _boundaries.Length;
        return new Stretch(first, last, hit);
    }

    private static void AddListed(
        AffectedSource source, RangeUnion<T> ranges, List<(Interval<T>, Hit)> pieces, Dictionary<string, List<Hit>> byText)
    {
        foreach (var text in source.Affected.Versions)
        {
            var isVersion = T.TryParse(text, out var version);
            if (isVersion && ranges.Contains(version))
            {
                continue;
            }

            string[] fixedIn = isVersion && ranges.FixAfter(version) is { } fix ? [fix] : [];
            var hit = new Hit(source.Advisory, source.Index, "=" + text, fixedIn, true);
            if (isVersion)
            {
                pieces.Add((new Interval<T>(version, version, true, hit.Range, null), hit));
                continue;
            }

            // Sources come by advisory, so a text that an advisory lists twice has its hit at the end.
            if (!byText.TryGetValue(text, out var hits))
            {
                byText.Add(text, hits = []);
            }

            if (hits.Count == 0 || !ReferenceEquals(hits[^1].Advisory, hit.Advisory))
            {
                hits.Add(hit);
            }
        }
    }

    private static T[] Distinct(List<T> sorted)
    {
        var distinct = new List<T>(sorted.Count);
        foreach (var version in sorted)
        {
            if (distinct.Count == 0 || distinct[^1].CompareTo(version) != 0)
            {
                distinct.Add(version);
            }
        }

        return [.. distinct];
    }
}

/// <summary>An entry of an advisory's <c>affected</c>, and its index.</summary>
internal readonly record struct AffectedSource(IndexedAdvisory Advisory, AffectedPackage Affected, int Index);
