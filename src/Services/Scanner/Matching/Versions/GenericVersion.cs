using EnvPlatform.Conda;

namespace EnvPlatform.Scanner.Matching.Versions;

/// <summary>
/// Versions of projects that follow no scheme: runs of digits and of letters, whatever separates them. Words for what comes before a
/// release (dev, snapshot, alpha, beta, pre, rc) are before its end, other letters after it and before a further number
/// (<c>9rc1</c>, <c>9</c>, <c>9e</c>, <c>9.1</c>; <c>9.3</c>, <c>9.3p2</c>); zeros at the end do not count.
/// </summary>
public readonly struct GenericVersion : IVersion<GenericVersion>
{
    private readonly string? _text;

    // Where what is compared ends.
    private readonly int _end;

    private GenericVersion(string text, int end) => (_text, _end) = (text, end);

    public string Text => _text ?? "0";

    public bool HasLocal => Compared.IndexOf('+') > 0;

    public GenericVersion WithoutLocal => Compared.IndexOf('+') is > 0 and var plus ? new(Text, plus) : this;

    private ReadOnlySpan<char> Compared => _text is null ? "0" : _text.AsSpan(0, _end);

    public static bool TryParse(string? text, out GenericVersion version)
    {
        version = default;
        if (string.IsNullOrEmpty(text))
        {
            return false;
        }

        var first = text[0] is 'v' or 'V' && text.Length > 1 ? 1 : 0;
        if (!char.IsAsciiDigit(text[first]))
        {
            return false;
        }

        foreach (var c in text)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('.' or '-' or '_' or '+' or '~' or ':'))
            {
                return false;
            }
        }

        version = new GenericVersion(text, text.Length);
        return true;
    }

    public int CompareTo(GenericVersion other)
    {
        var a = new Runs(Compared);
        var b = new Runs(other.Compared);
        while (a.Next() | b.Next())
        {
            var order = a.OrderTo(b);
            if (order != 0)
            {
                return order;
            }
        }

        return 0;
    }

    public bool Equals(GenericVersion other) => CompareTo(other) == 0;

    public override bool Equals(object? obj) => obj is GenericVersion other && Equals(other);

    public override int GetHashCode()
    {
        var hash = new HashCode();
        var runs = new Runs(Compared);
        for (var i = 0; runs.Next(); i++)
        {
            runs.AddTo(ref hash, i);
        }

        return hash.ToHashCode();
    }

    public override string ToString() => Text;

    public static bool operator ==(GenericVersion left, GenericVersion right) => left.Equals(right);
    public static bool operator !=(GenericVersion left, GenericVersion right) => !left.Equals(right);
    public static bool operator <(GenericVersion left, GenericVersion right) => left.CompareTo(right) < 0;
    public static bool operator >(GenericVersion left, GenericVersion right) => left.CompareTo(right) > 0;
    public static bool operator <=(GenericVersion left, GenericVersion right) => left.CompareTo(right) <= 0;
    public static bool operator >=(GenericVersion left, GenericVersion right) => left.CompareTo(right) >= 0;

    // Each run has a rank: words before a release, the end (and zero), other words, numbers.
    private ref struct Runs
    {
        private const int End = 6;
        private const int Word = 7;
        private const int Number = 8;

        private ReadOnlySpan<char> _rest;
        private ReadOnlySpan<char> _run;
        private int _rank;

        public Runs(ReadOnlySpan<char> text) => _rest = text.Length > 1 && text[0] is 'v' or 'V' ? text[1..] : text;

        public bool Next()
        {
            while (!_rest.IsEmpty && !char.IsAsciiLetterOrDigit(_rest[0]))
            {
                _rest = _rest[1..];
            }

            _run = [];
            _rank = End;
            if (_rest.IsEmpty)
            {
                return false;
            }

            var digits = char.IsAsciiDigit(_rest[0]);
            var length = 1;
            while (length < _rest.Length && (digits ? char.IsAsciiDigit(_rest[length]) : char.IsAsciiLetter(_rest[length])))
            {
                length++;
            }

            _run = _rest[..length];
            _rest = _rest[length..];
            _rank = !digits ? RankOf(_run) : VersionText.IsZero(_run) ? End : Number;
            return true;
        }

        public readonly int OrderTo(Runs other) =>
            _rank != other._rank ? _rank.CompareTo(other._rank)
            : _rank == Number ? VersionText.CompareNumbers(_run, other._run)
            : _rank == Word ? VersionText.CompareWords(_run, other._run)
            : 0;

        public readonly void AddTo(ref HashCode hash, int position)
        {
            if (_rank == End)
            {
                return;
            }

            hash.Add(position);
            hash.Add(_rank);
            if (_rank == Number)
            {
                VersionText.AddNumber(ref hash, _run);
            }
            else if (_rank == Word)
            {
                VersionText.AddWord(ref hash, _run);
            }
        }

        private static int RankOf(ReadOnlySpan<char> word) =>
            Is(word, "dev") ? 0
            : Is(word, "snapshot") ? 1
            : Is(word, "alpha") ? 2
            : Is(word, "beta") ? 3
            : Is(word, "pre") || Is(word, "preview") ? 4
            : Is(word, "rc") ? 5
            : Word;

        private static bool Is(ReadOnlySpan<char> word, string name) => word.Equals(name, StringComparison.OrdinalIgnoreCase);
    }
}
