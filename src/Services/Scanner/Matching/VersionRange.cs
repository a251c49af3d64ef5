using EnvPlatform.Conda;
using EnvPlatform.Scanner.Advisories;

namespace EnvPlatform.Scanner.Matching;

/// <summary>An interval of versions, with its text and its fix.</summary>
/// <param name="Low">The first; null is before every version.</param>
/// <param name="High">The end; null is after every version.</param>
/// <param name="FixedIn">The version that ends it, where the record marks it as a fix.</param>
/// <param name="IsLowExcluded">It begins after the first, which is not included.</param>
internal sealed record Interval<T>(T? Low, T? High, bool IsHighIncluded, string Text, string? FixedIn, bool IsLowExcluded = false)
    where T : struct, IVersion<T>;

/// <summary>
/// A range of an advisory as OSV evaluates it (https://ossf.github.io/osv-schema/#evaluation): its events in the order of versions switch
/// between affected and not; no version at or after every limit is affected.
/// </summary>
internal sealed class VersionRange<T>
    where T : struct, IVersion<T>
{
    private VersionRange(Interval<T>[] affected, T[] fixes, BoundReading[] boundsRead)
    {
        Affected = affected;
        Fixes = fixes;
        BoundsRead = boundsRead;
    }

    /// <summary>Disjoint, lowest first.</summary>
    public Interval<T>[] Affected { get; }

    public T[] Fixes { get; }

    /// <summary>Its bounds that are no versions, and what was read out of them; none for a range as it should be.</summary>
    public BoundReading[] BoundsRead { get; }

    /// <summary>
    /// Null when no version can be read out of an event: half a range would not mean what its author meant. Where a version was read out
    /// of a longer text, it is affected itself, whichever end it is: what the rest of the text says of it is not known.
    /// </summary>
    public static VersionRange<T>? TryCompile(AffectedRange range)
    {
        var events = new List<Event>(range.Events.Length);
        var boundsRead = new List<BoundReading>();
        T? limit = null;
        var isLimited = false;
        var isUnlimited = false;
        foreach (var (written, bound) in range.Events)
        {
            var (kind, text) = (written, bound);
            var version = default(T);
            var isStart = kind == RangeEventKind.Introduced && text == "0";
            var isEndless = kind == RangeEventKind.Limit && text == "*";
            if (!isStart && !isEndless && !T.TryParse(text, out version))
            {
                if (kind == RangeEventKind.Limit || BoundReading.TryRead(text, out version, out var isWhole) is not { } reading)
                {
                    return null;
                }

                boundsRead.Add(reading);
                text = reading.ReadAs;
                kind = isWhole ? kind : Including(kind);
            }

            if (kind != RangeEventKind.Limit)
            {
                events.Add(new Event(kind, isStart ? null : version, text, events.Count));
                continue;
            }

            isLimited = true;
            isUnlimited |= isEndless;
            if (!isEndless && (limit is not { } highest || version.CompareTo(highest) > 0))
            {
                limit = version;
            }
        }

        events.Sort();
        var fixes = events.Where(one => one is { Kind: RangeEventKind.Fixed, Version: not null }).Select(one => one.Version!.Value);
        return new VersionRange<T>(
            [.. Walk(boundsRead.Count > 0 ? WithLastEnds(events) : events, isLimited && !isUnlimited ? limit : null)], [.. fixes],
            [.. boundsRead]);
    }

    private static RangeEventKind Including(RangeEventKind kind) => kind switch
    {
        RangeEventKind.IntroducedAfter => RangeEventKind.Introduced,
        RangeEventKind.Fixed => RangeEventKind.LastAffected,
        _ => kind,
    };

    /// <summary>
    /// Sources that write such bounds list single versions as last affected, one after the other (<c>2.9.0-beta1</c>, <c>2.9.0-NA</c>):
    /// the last of them is meant.
    /// </summary>
    private static List<Event> WithLastEnds(List<Event> events) =>
    [
        .. events.Where((one, i) => one.Kind != RangeEventKind.LastAffected || i + 1 == events.Count
            || events[i + 1].Kind != RangeEventKind.LastAffected),
    ];

    private static IEnumerable<Interval<T>> Walk(List<Event> events, T? limit)
    {
        Event? opened = null;
        foreach (var one in events)
        {
            if (one.Kind is RangeEventKind.Introduced or RangeEventKind.IntroducedAfter)
            {
                opened ??= one;
                continue;
            }

            if (opened is not { } open)
            {
                continue;
            }

            opened = null;
            var isIncluded = one.Kind == RangeEventKind.LastAffected;
            if (Cut(open, one.Version, isIncluded, one.Text, isIncluded ? null : one.Text, limit) is { } closed)
            {
                yield return closed;
            }
        }

        if (opened is { } last && Cut(last, null, false, null, null, limit) is { } rest)
        {
            yield return rest;
        }
    }

    private static Interval<T>? Cut(Event low, T? high, bool isIncluded, string? highText, string? fixedIn, T? limit)
    {
        if (limit is { } most && (high is not { } end || end.CompareTo(most) >= 0))
        {
            (high, isIncluded, highText) = (most, false, most.Text);
        }

        var isAfter = low.Kind == RangeEventKind.IntroducedAfter;
        if (low.Version is { } start && high is { } stop
            && (isIncluded && !isAfter ? start.CompareTo(stop) > 0 : start.CompareTo(stop) >= 0))
        {
            return null;
        }

        var from = low.Version is null ? "" : (isAfter ? ">" : ">=") + low.Text;
        var to = highText is null ? "" : (isIncluded ? "<=" : "<") + highText;
        var text = from.Length > 0 && to.Length > 0 ? $"{from}, {to}" : from + to;
        return new Interval<T>(low.Version, high, isIncluded, text.Length == 0 ? "*" : text, fixedIn, isAfter);
    }

    // Events of one version keep the order of the record.
    private readonly record struct Event(RangeEventKind Kind, T? Version, string Text, int Position) : IComparable<Event>
    {
        public int CompareTo(Event other)
        {
            var order = (Version, other.Version) switch
            {
                (null, null) => 0,
                (null, _) => -1,
                (_, null) => 1,
                ({ } a, { } b) => a.CompareTo(b),
            };
            return order != 0 ? order : Position.CompareTo(other.Position);
        }

        public static bool operator <(Event left, Event right) => left.CompareTo(right) < 0;
        public static bool operator >(Event left, Event right) => left.CompareTo(right) > 0;
        public static bool operator <=(Event left, Event right) => left.CompareTo(right) <= 0;
        public static bool operator >=(Event left, Event right) => left.CompareTo(right) >= 0;
    }
}
