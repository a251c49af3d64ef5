namespace EnvPlatform.Scanner.Matching;

/// <summary>
/// Walks the slots of a table in ascending order and reports which vulnerabilities start and stop to affect: each stretch is visited twice.
/// </summary>
internal sealed class SlotWalk
{
    private readonly (int At, string Vulnerability)[] _begins;
    private readonly (int At, string Vulnerability)[] _ends;
    private readonly Dictionary<string, int> _depth = new(StringComparer.Ordinal);
    private readonly List<string> _begun = [];
    private readonly List<string> _ended = [];
    private readonly int _slots;
    private int _nextBegin;
    private int _nextEnd;

    public SlotWalk(int[] first, int[] last, Hit[] hits, int slots)
    {
        _slots = slots;
        var stretches = Enumerable.Range(0, hits.Length).Where(i => first[i] <= last[i]).ToArray();
        _begins = [.. stretches.Select(i => (first[i], hits[i].Advisory.VulnerabilityId)).OrderBy(one => one.Item1)];
        _ends = [.. stretches.Select(i => (last[i] + 1, hits[i].Advisory.VulnerabilityId)).OrderBy(one => one.Item1)];
    }

    /// <summary>The slot that the walk is in; -1 before the first step.</summary>
    public int Slot { get; private set; } = -1;

    /// <summary>Vulnerabilities that affect this slot and not the one before.</summary>
    public IReadOnlyList<string> Begun => _begun;

    /// <summary>Vulnerabilities that affected the slot before and not this one.</summary>
    public IReadOnlyList<string> Ended => _ended;

    public bool Next()
    {
        if (++Slot >= _slots)
        {
            return false;
        }

        _begun.Clear();
        _ended.Clear();
        // Begins first: what ends and begins at the same slot continues.
        for (; _nextBegin < _begins.Length && _begins[_nextBegin].At == Slot; _nextBegin++)
        {
            Enter(_begins[_nextBegin].Vulnerability);
        }

        for (; _nextEnd < _ends.Length && _ends[_nextEnd].At == Slot; _nextEnd++)
        {
            Leave(_ends[_nextEnd].Vulnerability);
        }

        return true;
    }

    private void Enter(string vulnerability)
    {
        var depth = _depth.GetValueOrDefault(vulnerability);
        _depth[vulnerability] = depth + 1;
        if (depth == 0)
        {
            _begun.Add(vulnerability);
        }
    }

    private void Leave(string vulnerability)
    {
        if (--_depth[vulnerability] == 0)
        {
            _ended.Add(vulnerability);
        }
    }
}
