using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text.Json;

using EnvPlatform.Scanner.Mapping;
using EnvPlatform.Scanner.Matching;
using EnvPlatform.Scanner.Matching.Versions;
using EnvPlatform.ServiceDefaults;

namespace EnvPlatform.Scanner.Scans;

/// <summary>
/// What was found in a package. The index gives all versions between two changes one array of hits, which belongs to one project: so
/// thousands of builds and versions are one object here, and one row (<c>found</c>).
/// </summary>
internal sealed class Found
{
    private static readonly ConditionalWeakTable<Hit[], Found> Known = [];
    private static readonly ConditionalWeakTable<Hit[], ConcurrentDictionary<BundledLibraries.Rule[], Found>> Linked = [];
    private readonly Hit[] _hits;
    private readonly VersionScheme _scheme;
    private readonly BundledLibraries.Rule[] _rules;
    private byte[]? _content;

    private Found(Hit[] hits, VersionScheme scheme, BundledLibraries.Rule[] rules) => (_hits, _scheme, _rules) = (hits, scheme, rules);

    /// <summary>SHA-256 of the findings, by which they are stored once; null where nothing was found.</summary>
    public byte[]? Content =>
        _hits.Length == 0 ? null : _content ??= SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(Findings(), Json.Options));

    /// <summary>What counts of it: the vulnerabilities' ids in order, each with the conda packages that may provide its library.</summary>
    public IEnumerable<string> Counted => Findings().Select(finding => CountedAs(finding.VulnerabilityId, finding.ProvidedBy));

    public static string CountedAs(string vulnerability, string[]? providedBy) => $"{vulnerability} {string.Join(' ', providedBy ?? [])}";

    /// <param name="package">The package that the match is of.</param>
    public static Found Of(PackageMatch match, in InstalledPackage package, string? subdir, AdvisoryIndex index)
    {
        var rules = match.Hits.Length == 0
            ? []
            : BundledLibraries.BuiltIn.Of(package, match.Mapped, index.Mapping.ChannelOf(package), subdir);
        var scheme = match.Mapped.Scheme;
        return rules.Length == 0
            ? Known.GetValue(match.Hits, hits => new(hits, scheme, []))
            : Linked.GetValue(match.Hits, _ => new(ReferenceEqualityComparer.Instance))
                .GetOrAdd(rules, static (rules, of) => new(of.Hits, of.Scheme, rules), (match.Hits, Scheme: scheme));
    }

    /// <summary>Worked out at each call: far more is found over time than is worth to be kept.</summary>
    public Finding[] Findings() => Finding.Of(_hits, _scheme, _rules);
}
