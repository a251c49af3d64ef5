using EnvPlatform.Contracts;
using EnvPlatform.Postgres;

namespace EnvPlatform.Scanner.Scans;

/// <summary>What was found in a package set.</summary>
/// <param name="Keys">The vulnerabilities' keys, ascending.</param>
internal sealed record FoundInSet(VulnerabilityCounts Vulnerabilities, decimal? MaxCvss, int Kev, int NotChecked, int[] Keys);

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
    private readonly int[] _numbers;
    private readonly Vulnerability[] _vulnerabilities;
    private readonly int[] _lastSeen;
    private readonly List<int> _inSet = [];
    private int _turn;

    private SetFindings(
        Dictionary<int, int> packages, List<(int FoundId, int Key)> findings, Vulnerability[] vulnerabilities, IEnumerable<int> notChecked)
    {
        _packages = packages;
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
        var findings = await tx.QueryAsync<(int FoundId, int Key)>(
            """
            select f.found_id, v.key from findings f join vulnerabilities v on v.id = f.vulnerability_id
            where @contents::int[] is null or f.found_id = any(@contents)
            order by f.found_id
            """, new { contents });
        var keys = packageIds is null ? null : findings.Select(finding => finding.Key).Distinct().ToArray();
        var vulnerabilities = await tx.QueryAsync<Vulnerability>(
            "select key, severity, cvss, kev from vulnerabilities where @keys::int[] is null or key = any(@keys) order by key",
            new { keys });
        var notChecked = await tx.QueryAsync<int>(
            $"select package_id from packages where coverage = 'not_checked' {among}", new { packageIds });
        return new SetFindings(packages, findings, [.. vulnerabilities], notChecked);
    }

    /// <summary>Distinct vulnerabilities, however many of the packages have them.</summary>
    public FoundInSet CountIn(ReadOnlySpan<int> packageIds)
    {
        _turn++;
        _inSet.Clear();
        var notChecked = 0;
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
            foreach (var number in _numbers.AsSpan(found.Start, found.Count))
            {
                if (_lastSeen[number] == _turn)
                {
                    continue;
                }

                _lastSeen[number] = _turn;
                _inSet.Add(number);
            }
        }

        // In the order of their keys.
        _inSet.Sort();
        return Describe(notChecked);
    }

    private FoundInSet Describe(int notChecked)
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

        return new(new(keys.Length, critical, high, medium, low, unknown), maxCvss, kev, notChecked, keys);
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
