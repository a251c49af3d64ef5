using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text.Json;

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
    private readonly Hit[] _hits;
    private readonly VersionScheme _scheme;
    private byte[]? _content;

    private Found(Hit[] hits, VersionScheme scheme) => (_hits, _scheme) = (hits, scheme);

    /// <summary>SHA-256 of the findings, by which they are stored once; null where nothing was found.</summary>
    public byte[]? Content =>
        _hits.Length == 0 ? null : _content ??= SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(Findings(), Json.Options));

    /// <summary>The vulnerabilities' ids in order, each once.</summary>
    public IEnumerable<string> Vulnerabilities =>
        _hits.Select(hit => hit.Advisory.VulnerabilityId).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal);

    public static Found Of(PackageMatch match) => Known.GetValue(match.Hits, hits => new(hits, match.Mapped.Scheme));

    /// <summary>Worked out at each call: far more is found over time than is worth to be kept.</summary>
    public Finding[] Findings() => Finding.Of(_hits, _scheme);
}
