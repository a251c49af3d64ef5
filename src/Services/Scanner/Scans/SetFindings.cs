using Dapper;

using EnvPlatform.Contracts;
using EnvPlatform.Postgres;

namespace EnvPlatform.Scanner.Scans;

/// <summary>What was found in a package set.</summary>
/// <param name="Keys">The vulnerabilities' keys, ascending.</param>
internal sealed record FoundInSet(VulnerabilityCounts Vulnerabilities, decimal? MaxCvss, int Kev, int NotChecked, int[] Keys);

/// <summary>
/// The findings of packages, laid out for counting them over many sets: each package's vulnerabilities as numbers, and for each number its
/// severity and score. Counting a set is then one pass over its packages, and allocates only the result. Not safe for use by two
/// threads.
/// </summary>
internal sealed class SetFindings
{
    private readonly Dictionary<int, (int Start, int Count)> _packages = [];
    private readonly HashSet<int> _notChecked;
    private readonly int[] _found;
    private readonly Vulnerability[] _vulnerabilities;
    private readonly int[] _lastSeen;
    private readonly List<int> _inSet = [];
    private int _turn;

    private SetFindings(List<(int PackageId, int Key)> findings, Vulnerability[] vulnerabilities, IEnumerable<int> notChecked)
    {
        _vulnerabilities = vulnerabilities;
        _lastSeen = new int[vulnerabilities.Length];
        _found = new int[findings.Count];
        _notChecked = [.. notChecked];
        var numbers = vulnerabilities.Index().ToDictionary(pair => pair.Item.Key, pair => pair.Index);
        for (int start = 0, end; start < findings.Count; start = end)
        {
            for (end = start; end < findings.Count && findings[end].PackageId == findings[start].PackageId; end++)
            {
                _found[end] = numbers[findings[end].Key];
            }

            _packages.Add(findings[start].PackageId, (start, end - start));
        }
    }

    /// <summary>Of these packages, or of all.</summary>
    public static async Task<SetFindings> ReadAsync(Tx tx, int[]? packageIds)
    {
        var among = packageIds is null ? "" : "where package_id = any(@packageIds)";
        var findings = new List<(int, int)>();
        await using (var rows = await tx.Connection.ExecuteReaderAsync(
            $"""
            select package_id, v.key from package_findings f join vulnerabilities v on v.id = f.vulnerability_id {among} order by package_id
            """, new { packageIds }))
        {
            while (await rows.ReadAsync())
            {
                findings.Add((rows.GetInt32(0), rows.GetInt32(1)));
            }
        }

        var keys = packageIds is null ? null : findings.Select(finding => finding.Item2).Distinct().ToArray();
        var vulnerabilities = await tx.QueryAsync<Vulnerability>(
            "select key, severity, cvss, kev from vulnerabilities where @keys::int[] is null or key = any(@keys) order by key",
            new { keys });
        var notChecked = await tx.QueryAsync<int>(
            $"select package_id from packages {(packageIds is null ? "where" : among + " and")} coverage = 'not_checked'",
            new { packageIds });
        return new SetFindings(findings, [.. vulnerabilities], notChecked);
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

            if (!_packages.TryGetValue(package, out var found))
            {
                continue;
            }

            foreach (var number in _found.AsSpan(found.Start, found.Count))
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
}
