using EnvPlatform.Scanner.Matching;

namespace EnvPlatform.Scanner.Advisories.Nvd;

/// <summary>
/// The years of which all records of NVD were imported. They are stored like complete ecosystems, as <c>NVD:2024</c>; when every year is
/// complete, so is NVD (<see cref="Ecosystems.Nvd"/>), and it remains so: records of later years come with the changes.
/// </summary>
internal static class NvdYears
{
    private const string Prefix = Ecosystems.Nvd + ":";

    /// <summary>NVD publishes the records of this year and all before it together.</summary>
    private const int First = 2002;

    /// <summary>The year of a CVE id; null for any other id.</summary>
    public static string? Of(string cve) =>
        cve.Length > 9 && cve.StartsWith("CVE-", StringComparison.OrdinalIgnoreCase) && int.TryParse(cve.AsSpan(4, 4), out var year)
            && year is >= 1988 and < 10_000
            ? Prefix + Math.Max(year, First)
            : null;

    /// <summary>What to store for new years, given what is stored: the new ones, and NVD itself if none is missing now.</summary>
    public static string[] Close(IReadOnlyCollection<string> complete, IEnumerable<string> added, int thisYear)
    {
        var fresh = added.Except(complete, StringComparer.Ordinal).ToList();
        var isClosed = fresh.Exists(ecosystem => ecosystem.StartsWith(Prefix, StringComparison.Ordinal))
            && !complete.Contains(Ecosystems.Nvd, StringComparer.Ordinal)
            && Enumerable.Range(First, thisYear - First + 1).All(year => complete.Contains(Prefix + year) || fresh.Contains(Prefix + year));
        if (isClosed)
        {
            fresh.Add(Ecosystems.Nvd);
        }

        return [.. fresh];
    }

    /// <summary>The ecosystems whose packages may count as checked when these became complete.</summary>
    public static string[] Covered(IEnumerable<string> complete) =>
    [
        .. complete.Where(ecosystem => !ecosystem.StartsWith(Prefix, StringComparison.Ordinal))
            .Select(ecosystem => ecosystem == Ecosystems.Nvd ? Ecosystems.Conda : ecosystem),
    ];
}
