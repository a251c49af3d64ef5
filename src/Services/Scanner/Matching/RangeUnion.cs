using EnvPlatform.Conda;

namespace EnvPlatform.Scanner.Matching;

/// <summary>
/// All ranges of an entry together, to ask whether a listed version is in any of them: in logarithmic time, however many there are.
/// </summary>
internal sealed class RangeUnion<T>
    where T : struct, IVersion<T>
{
    private readonly Interval<T>[] _byLow;

    // Of the intervals up to each one, the one that extends furthest.
    private readonly Interval<T>[] _furthest;
    private readonly T[] _fixes;

    public RangeUnion(VersionRange<T>[] ranges)
    {
        _byLow = [.. ranges.SelectMany(range => range.Affected)];
        Array.Sort(_byLow, CompareLow);
        _furthest = new Interval<T>[_byLow.Length];
        for (var i = 0; i < _byLow.Length; i++)
        {
            _furthest[i] = i > 0 && Reaches(_furthest[i - 1], _byLow[i]) ? _furthest[i - 1] : _byLow[i];
        }

        _fixes = [.. ranges.SelectMany(range => range.Fixes)];
        Array.Sort(_fixes);
    }

    public bool Contains(T version)
    {
        var count = CountUpTo(version);
        if (count == 0)
        {
            return false;
        }

        var reach = _furthest[count - 1];
        return reach.High is not { } high || (reach.IsHighIncluded ? version.CompareTo(high) <= 0 : version.CompareTo(high) < 0);
    }

    /// <summary>The first fix after a version.</summary>
    public string? FixAfter(T version)
    {
        var low = 0;
        var high = _fixes.Length;
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (_fixes[middle].CompareTo(version) > 0)
            {
                high = middle;
            }
            else
            {
                low = middle + 1;
            }
        }

        return low < _fixes.Length ? _fixes[low].Text : null;
    }

    // How many intervals begin at or before the version.
    private int CountUpTo(T version)
    {
        var low = 0;
        var high = _byLow.Length;
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (BeginsAfter(_byLow[middle], version))
            {
                high = middle;
            }
            else
            {
                low = middle + 1;
            }
        }

        return low;
    }

    private static bool BeginsAfter(Interval<T> interval, T version)
    {
        if (interval.Low is not { } start)
        {
            return false;
        }

        var order = start.CompareTo(version);
        return order > 0 || (order == 0 && interval.IsLowExcluded);
    }

    private static int CompareLow(Interval<T> a, Interval<T> b)
    {
        if (a.Low is not { } x)
        {
            return b.Low is null ? 0 : -1;
        }

        if (b.Low is not { } y)
        {
            return 1;
        }

        var order = x.CompareTo(y);
        return order != 0 ? order : a.IsLowExcluded.CompareTo(b.IsLowExcluded);
    }

    private static bool Reaches(Interval<T> a, Interval<T> b)
    {
        if (a.High is not { } x)
        {
            return true;
        }

        if (b.High is not { } y)
        {
            return false;
        }

        var order = x.CompareTo(y);
        return order > 0 || (order == 0 && (a.IsHighIncluded || !b.IsHighIncluded));
    }
}
