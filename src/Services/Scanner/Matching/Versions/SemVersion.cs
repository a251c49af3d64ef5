using EnvPlatform.Conda;

namespace EnvPlatform.Scanner.Matching.Versions;

/// <summary>
/// A version of Semantic Versioning 2.0.0 (https://semver.org): three numbers, a pre-release that comes before them, build metadata that
/// does not count. A leading <c>v</c> is accepted, as records of the field write it.
/// </summary>
public readonly struct SemVersion : IVersion<SemVersion>
{
    private readonly string? _text;
    private readonly int _start;
    private readonly int _core;
    private readonly int _end;

    private SemVersion(string text, int start, int core, int end)
    {
        _text = text;
        _start = start;
        _core = core;
        _end = end;
    }

    public string Text => _text ?? "0.0.0";

    // Build metadata does not count in any comparison.
    public bool HasLocal => false;

    public SemVersion WithoutLocal => this;

    private ReadOnlySpan<char> Core => _text.AsSpan(_start, _core - _start);

    private ReadOnlySpan<char> Pre => _core == _end ? [] : _text.AsSpan(_core + 1, _end - _core - 1);

    public static bool TryParse(string? text, out SemVersion version)
    {
        version = default;
        if (string.IsNullOrEmpty(text))
        {
            return false;
        }

        var start = text[0] == 'v' ? 1 : 0;
        var plus = text.IndexOf('+', StringComparison.Ordinal);
        if (plus >= 0 && !AreIdentifiers(text.AsSpan(plus + 1), leadingZeros: true))
        {
            return false;
        }

        var end = plus < 0 ? text.Length : plus;
        var dash = text.AsSpan(0, end).IndexOf('-');
        if (dash >= 0 && !AreIdentifiers(text.AsSpan(dash + 1, end - dash - 1), leadingZeros: false))
        {
            return false;
        }

        var core = dash < 0 ? end : dash;
        if (core < start)
        {
            return false;
        }

        var rest = text.AsSpan(start, core - start);
        for (var i = 0; i < 3; i++)
        {
            if (rest.IsEmpty)
            {
                return false;
            }

            if (!IsNumber(Next(ref rest)))
            {
                return false;
            }
        }

        if (!rest.IsEmpty || text[core - 1] == '.')
        {
            return false;
        }

        version = new SemVersion(text, start, core, end);
        return true;
    }

    public int CompareTo(SemVersion other)
    {
        ReadOnlySpan<char> a = Core, b = other.Core;
        while (!a.IsEmpty || !b.IsEmpty)
        {
            var order = VersionText.CompareNumbers(Next(ref a), Next(ref b));
            if (order != 0)
            {
                return order;
            }
        }

        a = Pre;
        b = other.Pre;
        return a.IsEmpty || b.IsEmpty ? a.IsEmpty.CompareTo(b.IsEmpty) : ComparePre(a, b);
    }

    public bool Equals(SemVersion other) => CompareTo(other) == 0;

    public override bool Equals(object? obj) => obj is SemVersion other && Equals(other);

    public override int GetHashCode()
    {
        var hash = new HashCode();
        ReadOnlySpan<char> core = Core, pre = Pre;
        for (var i = 0; i < 3; i++)
        {
            VersionText.AddNumber(ref hash, Next(ref core));
        }

        foreach (var c in pre)
        {
            hash.Add(c);
        }

        return hash.ToHashCode();
    }

    public override string ToString() => Text;

    public static bool operator ==(SemVersion left, SemVersion right) => left.Equals(right);
    public static bool operator !=(SemVersion left, SemVersion right) => !left.Equals(right);
    public static bool operator <(SemVersion left, SemVersion right) => left.CompareTo(right) < 0;
    public static bool operator >(SemVersion left, SemVersion right) => left.CompareTo(right) > 0;
    public static bool operator <=(SemVersion left, SemVersion right) => left.CompareTo(right) <= 0;
    public static bool operator >=(SemVersion left, SemVersion right) => left.CompareTo(right) >= 0;

    private static int ComparePre(ReadOnlySpan<char> a, ReadOnlySpan<char> b)
    {
        while (!a.IsEmpty && !b.IsEmpty)
        {
            var x = Next(ref a);
            var y = Next(ref b);
            var isWord = !VersionText.IsDigits(x);
            var order = isWord.CompareTo(!VersionText.IsDigits(y));
            if (order == 0)
            {
                order = isWord ? Math.Sign(x.SequenceCompareTo(y)) : VersionText.CompareNumbers(x, y);
            }

            if (order != 0)
            {
                return order;
            }
        }

        return b.IsEmpty.CompareTo(a.IsEmpty);
    }

    private static bool AreIdentifiers(ReadOnlySpan<char> text, bool leadingZeros)
    {
        if (text.IsEmpty || text[^1] == '.')
        {
            return false;
        }

        while (!text.IsEmpty)
        {
            var word = Next(ref text);
            if (word.IsEmpty)
            {
                return false;
            }

            foreach (var c in word)
            {
                if (!char.IsAsciiLetterOrDigit(c) && c != '-')
                {
                    return false;
                }
            }

            if (!leadingZeros && VersionText.IsDigits(word) && !IsNumber(word))
            {
                return false;
            }
        }

        return true;
    }

    private static bool IsNumber(ReadOnlySpan<char> text) => VersionText.IsDigits(text) && (text.Length == 1 || text[0] != '0');

    private static ReadOnlySpan<char> Next(ref ReadOnlySpan<char> rest)
    {
        var end = rest.IndexOf('.');
        var part = end < 0 ? rest : rest[..end];
        rest = end < 0 ? [] : rest[(end + 1)..];
        return part;
    }
}
