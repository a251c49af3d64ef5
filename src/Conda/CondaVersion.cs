namespace EnvPlatform.Conda;

/// <summary>
/// A version in conda's order: epoch, then components between <c>.</c>, <c>_</c> (or <c>-</c> where there is no underscore), each of
/// runs of digits and of letters; <c>dev</c> before every other word, words before numbers, <c>post</c> after them
/// (https://docs.conda.io/projects/conda/en/stable/user-guide/concepts/pkg-specs.html).
/// </summary>
public readonly struct CondaVersion : IVersion<CondaVersion>
{
    private readonly string? _text;
    private readonly int _epochStart;
    private readonly int _start;
    private readonly int _bodyEnd;
    private readonly int _end;

    private CondaVersion(string text, int epochStart, int start, int bodyEnd, int end)
    {
        _text = text;
        _epochStart = epochStart;
        _start = start;
        _bodyEnd = bodyEnd;
        _end = end;
    }

    public string Text => _text ?? "0";

    public bool HasLocal => _bodyEnd != _end;

    public CondaVersion WithoutLocal => new(_text ?? "0", _epochStart, _start, _bodyEnd, _bodyEnd);

    private ReadOnlySpan<char> Epoch => _text.AsSpan(_epochStart, Math.Max(0, _start - _epochStart - 1));

    private ReadOnlySpan<char> Body => _text.AsSpan(_start, _bodyEnd - _start);

    private ReadOnlySpan<char> Local => _bodyEnd == _end ? [] : _text.AsSpan(_bodyEnd + 1, _end - _bodyEnd - 1);

    public static bool TryParse(string? text, out CondaVersion version)
    {
        version = default;
        if (text is null)
        {
            return false;
        }

        var (begin, end) = VersionText.Strip(text);
        var all = text.AsSpan(begin, end - begin);
        if (all.IsEmpty || !HasOnlyAllowed(all))
        {
            return false;
        }

        var bang = all.IndexOf('!');
        if (bang >= 0 && (!VersionText.IsDigits(all[..bang]) || all[(bang + 1)..].Contains('!')))
        {
            return false;
        }

        var body = all[(bang + 1)..];
        var plus = body.IndexOf('+');
        if (plus >= 0 && (!AreComponents(body[(plus + 1)..], isLocal: true) || body[(plus + 1)..].Contains('+')))
        {
            return false;
        }

        if (!AreComponents(plus < 0 ? body : body[..plus], isLocal: false))
        {
            return false;
        }

        var start = begin + bang + 1;
        version = new CondaVersion(text, begin, start, plus < 0 ? end : start + plus, end);
        return true;
    }

    public int CompareTo(CondaVersion other)
    {
        var order = VersionText.CompareNumbers(Epoch, other.Epoch);
        if (order == 0)
        {
            order = CompareComponents(Body, other.Body, isLocal: false);
        }

        return order != 0 ? order : CompareComponents(Local, other.Local, isLocal: true);
    }

    public bool Equals(CondaVersion other) => CompareTo(other) == 0;

    public override bool Equals(object? obj) => obj is CondaVersion other && Equals(other);

    public override int GetHashCode()
    {
        var hash = new HashCode();
        VersionText.AddNumber(ref hash, Epoch);
        AddComponents(ref hash, Body, isLocal: false);
        AddComponents(ref hash, Local, isLocal: true);
        return hash.ToHashCode();
    }

    public override string ToString() => Text;

    public static bool operator ==(CondaVersion left, CondaVersion right) => left.Equals(right);
    public static bool operator !=(CondaVersion left, CondaVersion right) => !left.Equals(right);
    public static bool operator <(CondaVersion left, CondaVersion right) => left.CompareTo(right) < 0;
    public static bool operator >(CondaVersion left, CondaVersion right) => left.CompareTo(right) > 0;
    public static bool operator <=(CondaVersion left, CondaVersion right) => left.CompareTo(right) <= 0;
    public static bool operator >=(CondaVersion left, CondaVersion right) => left.CompareTo(right) >= 0;

    private static bool HasOnlyAllowed(ReadOnlySpan<char> text)
    {
        var dash = false;
        var underscore = false;
        foreach (var c in text)
        {
            dash |= c == '-';
            underscore |= c == '_';
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('*' or '.' or '+' or '!' or '_' or '-'))
            {
                return false;
            }
        }

        return !(dash && underscore);
    }

    private static bool AreComponents(ReadOnlySpan<char> text, bool isLocal)
    {
        if (text.IsEmpty)
        {
            return false;
        }

        while (true)
        {
            if (NextComponent(ref text, isLocal).IsEmpty)
            {
                return false;
            }

            if (text.IsEmpty)
            {
                return true;
            }

            text = text[1..];
            if (text.IsEmpty)
            {
                return false;
            }
        }
    }

    // Takes a component and leaves the rest with its separator in front. A separator at the very end of the body belongs to
    // the last component, as in openssl's 1.0.1_.
    private static ReadOnlySpan<char> NextComponent(ref ReadOnlySpan<char> rest, bool isLocal)
    {
        var end = rest.IndexOfAny('.', '_', '-');
        if (end >= 0 && !isLocal && end == rest.Length - 1 && rest[end] != '.')
        {
            end = -1;
        }

        var component = end < 0 ? rest : rest[..end];
        rest = end < 0 ? [] : rest[end..];
        return component;
    }

    private static ReadOnlySpan<char> TakeComponent(ref ReadOnlySpan<char> rest, bool isLocal)
    {
        var component = NextComponent(ref rest, isLocal);
        if (!rest.IsEmpty)
        {
            rest = rest[1..];
        }

        return component;
    }

    private static int CompareComponents(ReadOnlySpan<char> a, ReadOnlySpan<char> b, bool isLocal)
    {
        while (!a.IsEmpty || !b.IsEmpty)
        {
            var x = new Runs(TakeComponent(ref a, isLocal));
            var y = new Runs(TakeComponent(ref b, isLocal));
            while (x.Next() | y.Next())
            {
                var order = x.OrderTo(y);
                if (order != 0)
                {
                    return order;
                }
            }
        }

        return 0;
    }

    private static void AddComponents(ref HashCode hash, ReadOnlySpan<char> text, bool isLocal)
    {
        hash.Add(isLocal);
        for (var i = 0; !text.IsEmpty; i++)
        {
            var runs = new Runs(TakeComponent(ref text, isLocal));
            for (var j = 0; runs.Next(); j++)
            {
                // Zeros equal missing parts, so they affect only the positions of what follows.
                if (runs.IsZero)
                {
                    continue;
                }

                hash.Add(i);
                hash.Add(j);
                runs.AddTo(ref hash);
            }
        }
    }

    /// <summary>The runs of a component, with a zero in front of one that starts with a letter; past its end, zeros.</summary>
    private ref struct Runs(ReadOnlySpan<char> component)
    {
        private enum Kind : byte
        {
            Development, Word, Number, Post,
        }

        private ReadOnlySpan<char> _rest = component;
        private ReadOnlySpan<char> _run;
        private Kind _kind;
        private bool _started;

        public readonly bool IsZero => _kind == Kind.Number && VersionText.IsZero(_run);

        public bool Next()
        {
            var isFirst = !_started;
            _started = true;
            _run = [];
            _kind = Kind.Number;
            if (_rest.IsEmpty)
            {
                return false;
            }

            var first = _rest[0];
            if (isFirst && !char.IsAsciiDigit(first))
            {
                return true;
            }

            var end = char.IsAsciiDigit(first) ? _rest.IndexOfAnyExceptInRange('0', '9')
                : first == '*' ? _rest.IndexOfAnyExcept('*')
                : EndOfWord(_rest);
            _run = end < 0 ? _rest : _rest[..end];
            _rest = end < 0 ? [] : _rest[end..];
            if (!char.IsAsciiDigit(first))
            {
                _kind = _run.Equals("post", StringComparison.OrdinalIgnoreCase) ? Kind.Post
                    : _run.Equals("dev", StringComparison.OrdinalIgnoreCase) ? Kind.Development
                    : Kind.Word;
            }

            return true;
        }

        public readonly int OrderTo(Runs other)
        {
            if (_kind != other._kind)
            {
                return OrderOf(this, other);
            }

            return _kind switch
            {
                Kind.Number => VersionText.CompareNumbers(_run, other._run),
                Kind.Word => CompareWords(_run, other._run),
                _ => 0,
            };
        }

        public readonly void AddTo(ref HashCode hash)
        {
            hash.Add((byte)_kind);
            if (_kind == Kind.Number)
            {
                VersionText.AddNumber(ref hash, _run);
            }
            else if (_kind == Kind.Word)
            {
                foreach (var c in _run)
                {
                    hash.Add(Letter(c));
                }
            }
        }

        // conda stores dev in capitals, which sorts it before every other word except asterisks.
        private static int OrderOf(Runs a, Runs b)
        {
            if (a._kind == Kind.Development && b._kind == Kind.Word)
            {
                return b._run[0] == '*' ? 1 : -1;
            }

            if (a._kind == Kind.Word && b._kind == Kind.Development)
            {
                return a._run[0] == '*' ? -1 : 1;
            }

            return (byte)a._kind - (byte)b._kind;
        }

        private static int EndOfWord(ReadOnlySpan<char> text)
        {
            for (var i = 1; i < text.Length; i++)
            {
                if (char.IsAsciiDigit(text[i]) || text[i] == '*')
                {
                    return i;
                }
            }

            return -1;
        }

        private static int CompareWords(ReadOnlySpan<char> a, ReadOnlySpan<char> b)
        {
            var common = Math.Min(a.Length, b.Length);
            for (var i = 0; i < common; i++)
            {
                var order = Letter(a[i]).CompareTo(Letter(b[i]));
                if (order != 0)
                {
                    return Math.Sign(order);
                }
            }

            return a.Length.CompareTo(b.Length);
        }

        private static char Letter(char c) => c == '-' ? '_' : VersionText.Lower(c);
    }
}
