using System.Collections.Frozen;

using EnvPlatform.Scanner.Matching.Versions;

namespace EnvPlatform.Scanner.Matching;

/// <summary>
/// The advisories of one project, compiled. The versions at which anything changes are sorted once; they divide all versions into slots: 0
/// before the first of them, 1 the first itself, 2 between the first and the second, and so on. Within a slot all versions are equivalent,
/// so that an advisory is a few stretches of slots, and a package needs one binary search and then integer comparisons.
/// </summary>
internal abstract class PackageTable(PackageIdentity identity, VersionScheme scheme)
{
    private int[] _first = [];
    private int[] _last = [];
    private Hit[] _hits = [];
    private Hit[]?[] _found = [];
    private FrozenDictionary<string, Hit[]> _byText = FrozenDictionary<string, Hit[]>.Empty;

    public PackageIdentity Identity => identity;

    public VersionScheme Scheme => scheme;

    /// <summary>All advisories of the project are in the starter set: a sample, not a source that lists everything.</summary>
    public bool IsSample { get; protected init; }

    /// <summary>Every version that an advisory names as a fix, lowest first, with its slot.</summary>
    public (string Version, int Slot)[] Fixes { get; private set; } = [];

    public int Slots => _found.Length;

    /// <summary>The vulnerabilities of the advisories.</summary>
    public IEnumerable<string> Vulnerabilities =>
        _hits.Concat(_byText.Values.SelectMany(hits => hits)).Select(hit => hit.Advisory.VulnerabilityId).Distinct(StringComparer.Ordinal);

    /// <summary>The slot that the version is in; -1 when it is not a version of the scheme.</summary>
    public abstract int SlotOf(string version);

    /// <summary>The version of a slot: for an odd slot the only one in it, for an even one the last before it.</summary>
    public abstract string VersionOf(int slot);

    /// <summary>What is affected from slot to slot.</summary>
    public SlotWalk Walk() => new(_first, _last, _hits, Slots);

    /// <summary>The hits of all versions in a slot.</summary>
    public Hit[] At(int slot) => _found[slot] ?? Find(slot);

    /// <summary>
    /// The hits of a version, by advisory id. <paramref name="isValid"/> is false when it could only be looked up as text.
    /// </summary>
    public Hit[] Match(string version, out bool isValid)
    {
        var slot = SlotOf(version);
        isValid = slot >= 0;
        return isValid ? _found[slot] ?? Find(slot) : _byText.GetValueOrDefault(version, []);
    }

    /// <param name="stretches">By advisory id, so that the stretches of an advisory are neighbours.</param>
    protected void Fill(int slots, List<Stretch> stretches, (string Version, int Slot)[] fixes, Dictionary<string, List<Hit>> byText)
    {
        _found = new Hit[slots][];
        Fixes = fixes;
        _first = [.. stretches.Select(stretch => stretch.First)];
        _last = [.. stretches.Select(stretch => stretch.Last)];
        _hits = [.. stretches.Select(stretch => stretch.Hit)];
        _byText = byText.ToFrozenDictionary(pair => pair.Key, pair => pair.Value.ToArray(), StringComparer.Ordinal);
    }

    // The hits of a slot are computed when the first package is in it, and cached: environments repeat the same few versions. Two threads
    // may both compute them, with the same result.
    private Hit[] Find(int slot)
    {
        var hits = InSlot(slot);
        Volatile.Write(ref _found[slot], hits);
        return hits;
    }

    private Hit[] InSlot(int slot)
    {
        List<Hit>? found = null;
        for (var i = 0; i < _first.Length; i++)
        {
            if (slot >= _first[i] && slot <= _last[i])
            {
                (found ??= []).Add(_hits[i]);
            }
        }

        return found is null ? [] : OnePerAdvisory(found);
    }

    // Hits of an advisory are neighbours.
    private Hit[] OnePerAdvisory(List<Hit> found)
    {
        var hits = new List<Hit>(found.Count);
        for (int start = 0, end; start < found.Count; start = end)
        {
            end = start + 1;
            while (end < found.Count && ReferenceEquals(found[end].Advisory, found[start].Advisory))
            {
                end++;
            }

            hits.Add(end == start + 1 ? found[start] : Merge(found.GetRange(start, end - start)));
        }

        return [.. hits];
    }

    private Hit Merge(List<Hit> hits)
    {
        const int shown = 8;
        var inRange = hits.FindAll(hit => !hit.IsListed);
        if (inRange.Count == 0)
        {
            inRange = hits;
        }

        var fixedIn = FixedVersions.Of(scheme, inRange.SelectMany(hit => hit.FixedIn));
        var ranges = inRange.Select(hit => hit.Range).Distinct(StringComparer.Ordinal).Take(shown);
        return inRange[0] with { Range = string.Join(" || ", ranges), FixedIn = fixedIn };
    }

    /// <summary>The slots, both included, in which an advisory says that the package is affected.</summary>
    public readonly record struct Stretch(int First, int Last, Hit Hit);
}
