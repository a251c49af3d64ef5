using System.Collections.Concurrent;
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
    private bool[] _isLocal = [];
    private Hit[]?[] _found = [];
    private readonly ConcurrentDictionary<(int Release, int Whole), Hit[]> _foundOfLocal = [];
    private FrozenDictionary<string, Hit[]> _byText = FrozenDictionary<string, Hit[]>.Empty;

    public PackageIdentity Identity => identity;

    public VersionScheme Scheme => scheme;

    /// <summary>All advisories of the project are in the starter set: a sample, not a source that lists everything.</summary>
    public bool IsSample { get; protected init; }

    /// <summary>What names the project and cannot be compared.</summary>
    public NotEvaluable[] NotEvaluable { get; protected init; } = [];

    /// <summary>The ids of those whose vulnerability no other advisory says more about.</summary>
    public string[] NotEvaluableIds { get; protected init; } = [];

    /// <summary>Every version that an advisory names as a fix, lowest first, with its slot.</summary>
    public (string Version, int Slot)[] Fixes { get; private set; } = [];

    public int Slots => _found.Length;

    /// <summary>What its versions may be hit by; the same advisory once or more.</summary>
    public IEnumerable<Hit> Hits => _hits.Concat(_byText.Values.SelectMany(hits => hits));

    /// <summary>The vulnerabilities of the advisories.</summary>
    public IEnumerable<string> Vulnerabilities => Hits.Select(hit => hit.Advisory.VulnerabilityId).Distinct(StringComparer.Ordinal);

    /// <summary>
    /// The slot that the version is in, without its local part; -1 when it is not a version of the scheme.
    /// </summary>
    public int SlotOf(string version) => SlotOf(version, out _);

    /// <param name="whole">The slot of the version with its local part, where a bound of the table has one; otherwise the same.</param>
    protected abstract int SlotOf(string version, out int whole);

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
        var slot = SlotOf(version, out var whole);
        isValid = slot >= 0;
        return !isValid ? _byText.GetValueOrDefault(version, [])
            : slot == whole ? At(slot)
            : _foundOfLocal.GetOrAdd((slot, whole), static (slots, table) => table.InSlots(slots.Release, slots.Whole), this);
    }

    /// <summary>
    /// The hits of the versions that begin with a release, by advisory id, and the vulnerabilities that affect some of these versions, not
    /// all: that which versions of a project exist is not known, so that all are affected only where no gap is left. Null when the release
    /// is no version of the scheme.
    /// </summary>
    public (Hit[] Hits, string[] OnlySome)? Match(VersionPrefix versions)
    {
        if (SlotsOf(versions) is not var (first, last))
        {
            return null;
        }

        var found = new List<Hit>();
        var covered = new Dictionary<string, bool[]>(StringComparer.Ordinal);
        for (var i = 0; i < _first.Length; i++)
        {
            var (from, to) = (Math.Max(first, _first[i]), Math.Min(last, _last[i]));
            if (from > to)
            {
                continue;
            }

            found.Add(_hits[i]);
            var id = _hits[i].Advisory.VulnerabilityId;
            if (!covered.TryGetValue(id, out var slots))
            {
                covered.Add(id, slots = new bool[last - first + 1]);
            }

            // Between bounds with a local part there are releases that are not meant.
            if (!_isLocal[i])
            {
                Array.Fill(slots, true, from - first, to - from + 1);
            }
        }

        return (OnePerAdvisory(found), [.. covered.Where(pair => pair.Value.Contains(false)).Select(pair => pair.Key)]);
    }

    /// <summary>The slots, both included, that versions which begin so are in; null when that is no version of the scheme.</summary>
    protected abstract (int First, int Last)? SlotsOf(VersionPrefix versions);

    /// <param name="stretches">By advisory id, so that the stretches of an advisory are neighbours.</param>
    protected void Fill(int slots, List<Stretch> stretches, (string Version, int Slot)[] fixes, Dictionary<string, List<Hit>> byText)
    {
        _found = new Hit[slots][];
        Fixes = fixes;
        _first = [.. stretches.Select(stretch => stretch.First)];
        _last = [.. stretches.Select(stretch => stretch.Last)];
        _hits = [.. stretches.Select(stretch => stretch.Hit)];
        _isLocal = [.. stretches.Select(stretch => stretch.IsLocal)];
        _byText = byText.ToFrozenDictionary(pair => pair.Key, pair => pair.Value.ToArray(), StringComparer.Ordinal);
    }

    // The hits of a slot are computed when the first package is in it, and cached: environments repeat the same few versions. Two threads
    // may both compute them, with the same result.
    private Hit[] Find(int slot)
    {
        var hits = InSlots(slot, slot);
        Volatile.Write(ref _found[slot], hits);
        return hits;
    }

    // A bound that names a local part is compared with the whole version, any other with the release.
    private Hit[] InSlots(int release, int whole)
    {
        List<Hit>? found = null;
        for (var i = 0; i < _first.Length; i++)
        {
            var slot = _isLocal[i] ? whole : release;
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
        // What the advisory says in so many words comes before what was read out of it.
        var inRange = hits.FindAll(hit => hit is { IsListed: false, BoundsRead.Length: 0 });
        if (inRange.Count == 0)
        {
            inRange = hits.FindAll(hit => hit.IsListed);
        }

        if (inRange.Count == 0)
        {
            inRange = hits;
        }

        var fixedIn = FixedVersions.Of(scheme, inRange.SelectMany(hit => hit.FixedIn));
        var ranges = inRange.Select(hit => hit.Range).Distinct(StringComparer.Ordinal).Take(shown);
        return inRange[0] with
        {
            Range = string.Join(" || ", ranges),
            FixedIn = fixedIn,
            BoundsRead = [.. inRange.SelectMany(hit => hit.BoundsRead).Distinct().Take(shown)],
        };
    }

    /// <summary>The slots, both included, in which an advisory says that the package is affected.</summary>
    /// <param name="IsLocal">One of its bounds has a local part.</param>
    public readonly record struct Stretch(int First, int Last, Hit Hit, bool IsLocal);
}
