using System.Text;

using EnvPlatform.Conda;

namespace EnvPlatform.Scanner.Matching.Versions;

/// <summary>
/// A version of a Python distribution, in the order of PEP 440
/// (https://packaging.python.org/en/latest/specifications/version-specifiers/), its lenient spellings included.
/// </summary>
public readonly struct Pep440Version : IVersion<Pep440Version>
{
    private enum Stage : byte
    {
        // A development release of the final release comes before its first alpha.
        Development, Alpha, Beta, Candidate, Final,
    }

    private readonly record struct Part(int Start, int Length)
    {
        public ReadOnlySpan<char> Of(string? text) => text.AsSpan(Start, Length);
    }

    private readonly string? _text;
    private readonly ulong _head;
    private readonly Part _epoch;
    private readonly Part _release;
    private readonly Part _pre;
    private readonly Part _post;
    private readonly Part _dev;
    private readonly Part _local;
    private readonly Stage _stage;
    private readonly bool _isPost;
    private readonly bool _isDev;

    private Pep440Version(string text, ref Reader reader)
    {
        _text = text;
        _epoch = reader.Epoch;
        _release = reader.Release;
        _pre = reader.Pre;
        _post = reader.Post;
        _dev = reader.Dev;
        _local = reader.Local;
        _isPost = reader.IsPost;
        _isDev = reader.IsDev;
        _stage = reader.PreStage != Stage.Final ? reader.PreStage : _isDev && !_isPost ? Stage.Development : Stage.Final;
        _head = Head(_epoch.Of(text), _release.Of(text));
    }

    private Pep440Version(in Pep440Version other)
    {
        this = other;
        _local = default;
    }

    public string Text => _text ?? "0";

    public bool HasLocal => _local.Length > 0;

    public Pep440Version WithoutLocal => new(this);

    public static bool TryParse(string? text, out Pep440Version version)
    {
        version = default;
        if (string.IsNullOrEmpty(text))
        {
            return false;
        }

        var reader = new Reader(text);
        if (!reader.Read())
        {
            return false;
        }

        version = new Pep440Version(text, ref reader);
        return true;
    }

    /// <summary>
    /// The normal form of PEP 440: <c>v1.0-Beta.2</c> is <c>1.0b2</c>, <c>1.0-1</c> is <c>1.0.post1</c>, numbers without leading zeros.
    /// </summary>
    public string ToNormalForm()
    {
        var text = new StringBuilder();
        if (!VersionText.IsZero(_epoch.Of(_text)))
        {
            text.Append(Number(_epoch.Of(_text))).Append('!');
        }

        var release = _release.Of(_text);
        if (release.IsEmpty)
        {
            text.Append('0');
        }

        for (var isFirst = true; !release.IsEmpty; isFirst = false)
        {
            text.Append(isFirst ? "" : ".").Append(Number(Next(ref release, ".")));
        }

        text.Append(_stage switch { Stage.Alpha => "a", Stage.Beta => "b", Stage.Candidate => "rc", _ => "" });
        if (_stage is Stage.Alpha or Stage.Beta or Stage.Candidate)
        {
            text.Append(Number(_pre.Of(_text)));
        }

        if (_isPost)
        {
            text.Append(".post").Append(Number(_post.Of(_text)));
        }

        if (_isDev)
        {
            text.Append(".dev").Append(Number(_dev.Of(_text)));
        }

        var local = _local.Of(_text);
        for (var isFirst = true; !local.IsEmpty; isFirst = false)
        {
            var word = Next(ref local, "-_.");
            text.Append(isFirst ? '+' : '.').Append(VersionText.IsDigits(word) ? Number(word) : word.ToString().ToLowerInvariant());
        }

        return text.ToString();
    }

    public int CompareTo(Pep440Version other)
    {
        if (_head != other._head)
        {
            return _head.CompareTo(other._head);
        }

        var order = VersionText.CompareNumbers(_epoch.Of(_text), other._epoch.Of(other._text));
        if (order == 0)
        {
            order = CompareReleases(_release.Of(_text), other._release.Of(other._text));
        }

        if (order == 0)
        {
            order = (byte)_stage - (byte)other._stage;
        }

        if (order == 0)
        {
            order = VersionText.CompareNumbers(_pre.Of(_text), other._pre.Of(other._text));
        }

        if (order == 0)
        {
            order = _isPost.CompareTo(other._isPost);
        }

        if (order == 0)
        {
            order = VersionText.CompareNumbers(_post.Of(_text), other._post.Of(other._text));
        }

        if (order == 0)
        {
            order = other._isDev.CompareTo(_isDev);
        }

        if (order == 0)
        {
            order = VersionText.CompareNumbers(_dev.Of(_text), other._dev.Of(other._text));
        }

        return order != 0 ? order : CompareLocals(_local.Of(_text), other._local.Of(other._text));
    }

    public bool Equals(Pep440Version other) => CompareTo(other) == 0;

    public override bool Equals(object? obj) => obj is Pep440Version other && Equals(other);

    public override int GetHashCode()
    {
        var hash = new HashCode();
        VersionText.AddNumber(ref hash, _epoch.Of(_text));
        var release = _release.Of(_text);
        for (var i = 0; !release.IsEmpty; i++)
        {
            var number = Next(ref release, ".");
            if (VersionText.IsZero(number))
            {
                continue;
            }

            hash.Add(i);
            VersionText.AddNumber(ref hash, number);
        }

        hash.Add((byte)_stage);
        VersionText.AddNumber(ref hash, _pre.Of(_text));
        hash.Add(_isPost);
        VersionText.AddNumber(ref hash, _post.Of(_text));
        hash.Add(_isDev);
        VersionText.AddNumber(ref hash, _dev.Of(_text));
        var local = _local.Of(_text);
        while (!local.IsEmpty)
        {
            var word = Next(ref local, "-_.");
            if (VersionText.IsDigits(word))
            {
                VersionText.AddNumber(ref hash, word);
            }
            else
            {
                VersionText.AddWord(ref hash, word);
            }
        }

        return hash.ToHashCode();
    }

    public override string ToString() => Text;

    public static bool operator ==(Pep440Version left, Pep440Version right) => left.Equals(right);
    public static bool operator !=(Pep440Version left, Pep440Version right) => !left.Equals(right);
    public static bool operator <(Pep440Version left, Pep440Version right) => left.CompareTo(right) < 0;
    public static bool operator >(Pep440Version left, Pep440Version right) => left.CompareTo(right) > 0;
    public static bool operator <=(Pep440Version left, Pep440Version right) => left.CompareTo(right) <= 0;
    public static bool operator >=(Pep440Version left, Pep440Version right) => left.CompareTo(right) >= 0;

    // Epoch and the first three numbers in one word, so that most comparisons are one instruction. A number that does not fit is
    // written as the largest and ends the word: two heads that differ are then in the order of the versions, equal heads decide nothing.
    private static ulong Head(ReadOnlySpan<char> epoch, ReadOnlySpan<char> release)
    {
        const int limit = (1 << 20) - 1;
        var head = (ulong)Small(epoch, 15) << 60;
        if (head == 15UL << 60)
        {
            return head;
        }

        for (var shift = 40; shift >= 0 && !release.IsEmpty; shift -= 20)
        {
            var number = Small(Next(ref release, "."), limit);
            head |= (ulong)number << shift;
            if (number == limit)
            {
                break;
            }
        }

        return head;
    }

    private static ReadOnlySpan<char> Number(ReadOnlySpan<char> digits) => VersionText.IsZero(digits) ? "0" : digits.TrimStart('0');

    private static int Small(ReadOnlySpan<char> digits, int limit)
    {
        var value = 0;
        foreach (var digit in digits)
        {
            value = (value * 10) + (digit - '0');
            if (value >= limit)
            {
                return limit;
            }
        }

        return value;
    }

    private static int CompareReleases(ReadOnlySpan<char> a, ReadOnlySpan<char> b)
    {
        while (!a.IsEmpty || !b.IsEmpty)
        {
            var order = VersionText.CompareNumbers(Next(ref a, "."), Next(ref b, "."));
            if (order != 0)
            {
                return order;
            }
        }

        return 0;
    }

    private static int CompareLocals(ReadOnlySpan<char> a, ReadOnlySpan<char> b)
    {
        while (!a.IsEmpty && !b.IsEmpty)
        {
            var x = Next(ref a, "-_.");
            var y = Next(ref b, "-_.");
            var isNumber = VersionText.IsDigits(x);
            var order = isNumber.CompareTo(VersionText.IsDigits(y));
            if (order == 0)
            {
                order = isNumber ? VersionText.CompareNumbers(x, y) : VersionText.CompareWords(x, y);
            }

            if (order != 0)
            {
                return order;
            }
        }

        return b.IsEmpty.CompareTo(a.IsEmpty);
    }

    private static ReadOnlySpan<char> Next(ref ReadOnlySpan<char> rest, ReadOnlySpan<char> separators)
    {
        var end = rest.IndexOfAny(separators);
        var part = end < 0 ? rest : rest[..end];
        rest = end < 0 ? [] : rest[(end + 1)..];
        return part;
    }

    // The grammar of PEP 440, appendix B, read from left to right. Each optional part takes all it can; backtracking never helps a later
    // part, because every later part may have its own separator.
    private ref struct Reader(ReadOnlySpan<char> text)
    {
        private readonly ReadOnlySpan<char> _text = text;
        private int _at;
        private int _end;

        public Part Epoch, Release, Pre, Post, Dev, Local;
        public Stage PreStage = Stage.Final;
        public bool IsPost, IsDev;

        public bool Read()
        {
            (_at, _end) = VersionText.Strip(_text);
            if (_at < _end && (_text[_at] | 0x20) == 'v')
            {
                _at++;
            }

            if (!ReadRelease())
            {
                return false;
            }

            ReadPre();
            ReadPost();
            ReadDev();
            return ReadLocal() && _at == _end;
        }

        private bool ReadRelease()
        {
            var start = _at;
            var first = Number();
            if (first.Length == 0)
            {
                return false;
            }

            if (_at < _end && _text[_at] == '!')
            {
                Epoch = first;
                start = ++_at;
                if (Number().Length == 0)
                {
                    return false;
                }
            }

            while (_at + 1 < _end && _text[_at] == '.' && char.IsAsciiDigit(_text[_at + 1]))
            {
                _at++;
                Number();
            }

            Release = new Part(start, _at - start);
            return true;
        }

        private void ReadPre()
        {
            var start = _at;
            Separator();
            PreStage =
                Word("alpha") || Word("a") ? Stage.Alpha :
                Word("beta") || Word("b") ? Stage.Beta :
                Word("preview") || Word("pre") || Word("rc") || Word("c") ? Stage.Candidate : Stage.Final;
            if (PreStage == Stage.Final)
            {
                _at = start;
            }
            else
            {
                Pre = NumberAfterSeparator();
            }
        }

        private void ReadPost()
        {
            var start = _at;
            if (_at + 1 < _end && _text[_at] == '-' && char.IsAsciiDigit(_text[_at + 1]))
            {
                _at++;
                IsPost = true;
                Post = Number();
                return;
            }

            Separator();
            IsPost = Word("post") || Word("rev") || Word("r");
            if (IsPost)
            {
                Post = NumberAfterSeparator();
            }
            else
            {
                _at = start;
            }
        }

        private void ReadDev()
        {
            var start = _at;
            Separator();
            IsDev = Word("dev");
            if (IsDev)
            {
                Dev = NumberAfterSeparator();
            }
            else
            {
                _at = start;
            }
        }

        private bool ReadLocal()
        {
            if (_at >= _end || _text[_at] != '+')
            {
                return true;
            }

            var start = ++_at;
            while (true)
            {
                var word = _at;
                while (_at < _end && char.IsAsciiLetterOrDigit(_text[_at]))
                {
                    _at++;
                }

                if (_at == word)
                {
                    return false;
                }

                if (_at >= _end || _text[_at] is not ('-' or '_' or '.'))
                {
                    break;
                }

                _at++;
            }

            Local = new Part(start, _at - start);
            return true;
        }

        private Part NumberAfterSeparator()
        {
            Separator();
            return Number();
        }

        private void Separator()
        {
            if (_at < _end && _text[_at] is ('-' or '_' or '.'))
            {
                _at++;
            }
        }

        private Part Number()
        {
            var start = _at;
            while (_at < _end && char.IsAsciiDigit(_text[_at]))
            {
                _at++;
            }

            return new Part(start, _at - start);
        }

        private bool Word(ReadOnlySpan<char> word)
        {
            if (_end - _at < word.Length || VersionText.CompareWords(_text.Slice(_at, word.Length), word) != 0)
            {
                return false;
            }

            _at += word.Length;
            return true;
        }
    }
}
