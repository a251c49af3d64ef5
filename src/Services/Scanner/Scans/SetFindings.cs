using EnvPlatform.Contracts;
using EnvPlatform.Postgres;
using EnvPlatform.Scanner.Mapping;

namespace EnvPlatform.Scanner.Scans;

/// <summary>What was found in a package set.</summary>
/// <param name="Kev">Null where none is known to be exploited and no catalogue was imported.</param>
/// <param name="Keys">The keys, ascending, of the vulnerabilities that are counted: those that affect one of its packages.</param>
/// <param name="NotAffected">
/// The keys, ascending, of those that a package has only in its wheel, and not here (<see cref="Mapping.BundledLibraries"/>).
/// </param>
/// <param name="Libraries">The conda packages that it holds of those that provide such libraries, in order.</param>
internal sealed record FoundInSet(
    VulnerabilityCounts Vulnerabilities, decimal? MaxCvss, int? Kev, int NotChecked, int[] Keys, int[] NotAffected, string[] Libraries);

/// <summary>
/// The findings of packages, laid out for counting them over many sets: what was found as numbers, and for each number its severity and
/// score. Counting a set is then one look at each of its packages, and no allocation but the answer's. Not safe for use by two
/// threads.
/// </summary>
internal sealed class SetFindings
{
    private readonly Dictionary<int, int> _packages;
    private readonly Dictionary<int, Found> _contents = [];
    private readonly HashSet<int> _notChecked;
    private readonly Dictionary<int, int> _providers;
    private readonly int[] _numbers;
    private readonly ulong[] _providedBy;
    private readonly bool _isExploitedKnown;
    private readonly Vulnerability[] _vulnerabilities;
    private readonly int[] _lastSeen;
    private readonly int[] _lastNotAffected;
    private readonly List<int> _inSet = [];
    private readonly List<int> _notAffected = [];
    private int _turn;

    private SetFindings(
        Dictionary<int, int> packages, List<(int FoundId, int Key, string[]? ProvidedBy)> findings, Vulnerability[] vulnerabilities,
        IEnumerable<int> notChecked, Dictionary<int, int> providers, bool isExploitedKnown)
    {
        _isExploitedKnown = isExploitedKnown;
        _packages = packages;
        _providers = providers;
        _providedBy = [.. findings.Select(finding => Bits(finding.ProvidedBy))];
        _lastNotAffected = new int[vulnerabilities.Length];
        _vulnerabilities = vulnerabilities;
        _lastSeen = new int[vulnerabilities.Length];
        _numbers = new int[findings.Count];
        _notChecked = [.. notChecked];
        var numbers = vulnerabilities.Index().ToDictionary(pair => pair.Item.Key, pair => pair.Index);
        for (int start = 0, end; start < findings.Count; start = end)
        {
            for (end = start; end < findings.Count && findings[end].FoundId == findings[start].FoundId; end++)
            {
                _numbers[end] = numbers[findings[end].Key];
            }

            _contents.Add(findings[start].FoundId, new(start, end - start));
        }
    }

    /// <summary>Of these packages, or of all.</summary>
    public static async Task<SetFindings> ReadAsync(Tx tx, int[]? packageIds)
    {
        var among = packageIds is null ? "" : "and package_id = any(@packageIds)";
        var packages = (await tx.QueryAsync<(int PackageId, int FoundId)>(
            $"select package_id, found_id from packages where found_id is not null {among}", new { packageIds }))
            .ToDictionary(row => row.PackageId, row => row.FoundId);
        var contents = packageIds is null ? null : packages.Values.Distinct().ToArray();
        var findings = await tx.QueryAsync<(int FoundId, int Key, string[]? ProvidedBy)>(
            """
            select f.found_id, v.key, f.provided_by from findings f join vulnerabilities v on v.id = f.vulnerability_id
            where @contents::int[] is null or f.found_id = any(@contents)
            order by f.found_id
            """, new { contents });
        var keys = packageIds is null ? null : findings.Select(finding => finding.Key).Distinct().ToArray();
        var vulnerabilities = await tx.QueryAsync<Vulnerability>(
            "select key, severity, cvss, kev from vulnerabilities where @keys::int[] is null or key = any(@keys) order by key",
            new { keys });
        var notChecked = await tx.QueryAsync<int>(
            $"select package_id from packages where coverage = 'not_checked' {among}", new { packageIds });
        var providers = (await tx.QueryAsync<(int PackageId, string Name)>(
            $"select package_id, name from packages where manager = @Conda and name = any(@Names) {among}",
            new { LoggedPackage.Conda, Names = Libraries.ToArray(), packageIds }))
            .ToDictionary(row => row.PackageId, row => Array.BinarySearch(Libraries, row.Name, StringComparer.Ordinal));
        var isExploitedKnown = await tx.QuerySingleAsync<bool>("select kev_imported_at is not null from advisory_state");
        return new SetFindings(packages, findings, [.. vulnerabilities], notChecked, providers, isExploitedKnown);
    }

    private static readonly string[] Libraries = [.. BundledLibraries.BuiltIn.Providers];

    // A name that the table does not have any more provides nothing.
    private static ulong Bits(string[]? names)
    {
        var bits = 0UL;
        foreach (var name in names ?? [])
        {
            if (Array.BinarySearch(Libraries, name, StringComparer.Ordinal) is >= 0 and var i)
            {
                bits |= 1UL << i;
            }
        }

        return bits;
    }

    /// <summary>Distinct vulnerabilities, however many of the packages have them.</summary>
    public FoundInSet CountIn(ReadOnlySpan<int> packageIds)
    {
        _turn++;
        _inSet.Clear();
        _notAffected.Clear();
        var notChecked = 0;
        var libraries = 0UL;
        foreach (var package in packageIds)
        {
            if (_providers.TryGetValue(package, out var provider))
            {
                libraries |= 1UL << provider;
            }
        }

        foreach (var package in packageIds)
        {
            if (_notChecked.Contains(package))
            {
                notChecked++;
            }

            // Of many packages with the same findings, these are looked at once.
            if (!_packages.TryGetValue(package, out var id) || !_contents.TryGetValue(id, out var found) || found.LastSeen == _turn)
            {
                continue;
            }

            found.LastSeen = _turn;
            for (var i = found.Start; i < found.Start + found.Count; i++)
            {
                var isProvided = (_providedBy[i] & libraries) != 0;
                var (seen, list) = isProvided ? (_lastNotAffected, _notAffected) : (_lastSeen, _inSet);
                var number = _numbers[i];
                if (seen[number] != _turn)
                {
                    seen[number] = _turn;
                    list.Add(number);
                }
            }
        }

        // In the order of their keys.
        _inSet.Sort();
        _notAffected.Sort();
        return Describe(notChecked, libraries);
    }

    private FoundInSet Describe(int notChecked, ulong libraries)
    {
        int critical = 0, high = 0, medium = 0, low = 0, unknown = 0, kev = 0;
        decimal? maxCvss = null;
        var keys = new int[_inSet.Count];
        for (var i = 0; i < keys.Length; i++)
        {
            var vulnerability = _vulnerabilities[_inSet[i]];
            keys[i] = vulnerability.Key;
            if (vulnerability.Kev)
            {
                kev++;
            }

            if (maxCvss is null || vulnerability.Cvss > maxCvss)
            {
                maxCvss = vulnerability.Cvss;
            }

            switch (vulnerability.Severity)
            {
                case "critical": critical++; break;
                case "high": high++; break;
                case "medium": medium++; break;
                case "low": low++; break;
                case "unknown": unknown++; break;
            }
        }

        return new(
            new(keys.Length, critical, high, medium, low, unknown), maxCvss, _isExploitedKnown || kev > 0 ? kev : null, notChecked, keys,
            [.. _notAffected.Select(number => _vulnerabilities[number].Key)],
            [.. Libraries.Where((_, i) => (libraries & (1UL << i)) != 0)]);
    }

    private sealed record Vulnerability(int Key, string Severity, decimal? Cvss, bool Kev);

    /// <summary>Where the numbers of what was found stand, and the set in which it was looked at last.</summary>
    private sealed class Found(int start, int count)
    {
        public int Start => start;

        public int Count => count;

        public int LastSeen { get; set; }
    }
}
