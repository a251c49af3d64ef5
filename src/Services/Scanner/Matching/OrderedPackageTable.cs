using EnvPlatform.Conda;
using EnvPlatform.Scanner.Advisories;
using EnvPlatform.Scanner.Advisories.Starter;
using EnvPlatform.Scanner.Matching.Versions;

namespace EnvPlatform.Scanner.Matching;

/// <summary>A project's table in the order of its versions.</summary>
internal sealed class OrderedPackageTable<T> : PackageTable
    where T : struct, IVersion<T>
{
    private readonly T[] _boundaries;
    private readonly bool _hasLocal;

    /// <param name="sources">In the order of their advisories' ids.</param>
    public OrderedPackageTable(PackageIdentity identity, VersionScheme scheme, List<AffectedSource> sources)
        : base(identity, scheme)
    {
        IsSample = sources.TrueForAll(source => StarterSet.Holds(source.Advisory.Id));
        var byText = new Dictionary<string, List<Hit>>(StringComparer.Ordinal);
        var pieces = new List<(Interval<T> Interval, Hit Hit)>();
        var fixes = new List<T>();
        var unread = new List<(AffectedSource Source, string Why)>();
        foreach (var source in sources)
        {
            var ranges = source.Affected.Ranges.Select(range => VersionRange<T>.TryCompile(range)).ToArray();
            IgnoredRanges += ranges.Count(range => range is null);
            var compiled = ranges.OfType<VersionRange<T>>().ToArray();
            if (WhyNotEvaluable(source.Affected, ranges) is { } why)
            {
                unread.Add((source, why));
            }

            fixes.AddRange(compiled.SelectMany(range => range.Fixes));
            foreach (var range in compiled)
            {
                foreach (var interval in range.Affected)
                {
                    pieces.Add((interval, new Hit(
                        source.Advisory, source.Index, interval.Text, interval.FixedIn is null ? [] : [interval.FixedIn], false)
                    {
                        BoundsRead = range.BoundsRead,
                    }));
                }
            }

            AddListed(source, new RangeUnion<T>([.. compiled.Where(range => range.BoundsRead.Length == 0)]), pieces, byText);
        }

        NotEvaluable = OfProject(identity, sources, unread);
        NotEvaluableIds =
        [
            .. NotEvaluable.Where(one => !one.IsCovered).Select(one => one.Advisory.Id).Distinct(StringComparer.Ordinal),
        ];

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
        _hasLocal = Array.Exists(_boundaries, boundary => boundary.HasLocal);
        fixes.Sort();
        Fill(
            (2 * _boundaries.Length) + 1, [.. pieces.Select(piece => StretchOf(piece.Interval, piece.Hit))],
            [.. Distinct(fixes).Select(fix => (fix.Text, SlotOf(fix)))], byText);
    }

    /// <summary>Ranges with an event that is not a version of the scheme, which are ignored.</summary>
    public int IgnoredRanges { get; }

    public override string VersionOf(int slot) => _boundaries[(slot - 1) / 2].Text;

    protected override int SlotOf(string version, out int whole)
    {
        if (!T.TryParse(version, out var parsed))
        {
            return whole = -1;
        }

        if (!parsed.HasLocal)
        {
            return whole = SlotOf(parsed);
        }

        var release = SlotOf(parsed.WithoutLocal);
        whole = _hasLocal ? SlotOf(parsed) : release;
        return release;
    }

    // How schemes write a version that comes before a release, the earliest that there may be.
    private static readonly string[] BeforeRelease = [".dev0", "-0", "-dev", "-alpha0", ".0-alpha0", ".0-0"];

    // Some schemes want three numbers.
    private static readonly string[] Paddings = ["", ".0", ".0.0"];

    protected override (int First, int Last)? SlotsOf(VersionPrefix versions)
    {
        foreach (var padding in Paddings)
        {
            if (!T.TryParse(versions.Release + padding, out var first) || !T.TryParse(versions.Next + padding, out var end))
            {
                continue;
            }

            foreach (var suffix in BeforeRelease)
            {
                if (T.TryParse(versions.Next + padding + suffix, out var before) && before.CompareTo(end) < 0
                    && before.CompareTo(first) > 0)
                {
                    end = before;
                }
            }

            // The end itself is not included, what comes before it is.
            var (low, high) = (SlotOf(first), SlotOf(end));
            return (low, Math.Max(low, high % 2 == 0 ? high : high - 1));
        }

        return null;
    }

    /// <summary>Why an entry does not say which versions are affected, or not all of them; null when it does.</summary>
    private static string? WhyNotEvaluable(AffectedPackage affected, VersionRange<T>?[] ranges)
    {
        if (affected.Unread.Length > 0)
        {
            return $"its version {affected.Unread[0]} cannot be compared";
        }

        if (Array.Exists(affected.Versions, version => T.TryParse(version, out _)))
        {
            return null;
        }

        if (Array.IndexOf(ranges, null) is >= 0 and var unread)
        {
            var bound = affected.Ranges[unread].Events.First(one => !IsReadable(one)).Version;
            return $"its bound {bound} is no version";
        }

        return ranges.Length > 0 ? null
            : affected.Versions.Length > 0 ? $"its version {affected.Versions[0]} is no version"
            : "it names neither a range of versions nor a version";
    }

    private static bool IsReadable(RangeEvent one) =>
        (one.Kind == RangeEventKind.Introduced && one.Version == "0") || (one.Kind == RangeEventKind.Limit && one.Version == "*")
        || T.TryParse(one.Version, out _)
        || (one.Kind != RangeEventKind.Limit && BoundReading.TryRead<T>(one.Version, out _, out _) is not null);

    /// <summary>
    /// What cannot be compared, and whether another advisory of the same vulnerability, all of whose entries can be, speaks of the project.
    /// </summary>
    private static NotEvaluable[] OfProject(
        PackageIdentity identity, List<AffectedSource> sources, List<(AffectedSource Source, string Why)> unread)
    {
        if (unread.Count == 0)
        {
            return [];
        }

        var advisories = unread.Select(one => one.Source.Advisory.Id).ToHashSet(StringComparer.Ordinal);
        var covered = sources.Where(source => !advisories.Contains(source.Advisory.Id)).Select(source => source.Advisory.VulnerabilityId)
            .ToHashSet(StringComparer.Ordinal);
        return
        [
            .. unread.Select(one => new NotEvaluable(
                one.Source.Advisory, identity, one.Source.Index, one.Why, covered.Contains(one.Source.Advisory.VulnerabilityId))),
        ];
    }

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
        return new Stretch(first, last, hit, interval.Low is { HasLocal: true } || interval.High is { HasLocal: true });
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
