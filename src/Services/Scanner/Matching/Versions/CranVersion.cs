using EnvPlatform.Conda;

namespace EnvPlatform.Scanner.Matching.Versions;

/// <summary>
/// A version of an R package: numbers between <c>.</c> and <c>-</c>, compared one by one, the shorter first where one is the start of the
/// other (R's <c>package_version</c>). conda writes CRAN's <c>-</c> as <c>_</c>, which is accepted as the same.
/// </summary>
public readonly struct CranVersion : IVersion<CranVersion>
{
    private readonly string? _text;

    private CranVersion(string text) => _text = text;

    public string Text => _text ?? "0";

    // R has none: each number counts, the one after a dash too.
    public bool HasLocal => false;

    public CranVersion WithoutLocal => this;

    public static bool TryParse(string? text, out CranVersion version)
    {
        version = default;
        if (string.IsNullOrEmpty(text))
        {
            return false;
        }

        var at = 0;
        while (true)
        {
            var digits = VersionText.DigitsAt(text, at);
            at += digits;
            if (digits == 0 || (at < text.Length && text[at] is not ('.' or '-' or '_')))
            {
                return false;
            }

            if (at == text.Length)
            {
                break;
            }

            at++;
        }

        version = new CranVersion(text);
        return true;
    }

    public int CompareTo(CranVersion other)
    {
        ReadOnlySpan<char> a = Text, b = other.Text;
        while (!a.IsEmpty && !b.IsEmpty)
        {
            var order = VersionText.CompareNumbers(Next(ref a), Next(ref b));
            if (order != 0)
            {
                return order;
            }
        }

        return b.IsEmpty.CompareTo(a.IsEmpty);
    }

    public bool Equals(CranVersion other) => CompareTo(other) == 0;

    public override bool Equals(object? obj) => obj is CranVersion other && Equals(other);

    public override int GetHashCode()
    {
        var hash = new HashCode();
        ReadOnlySpan<char> rest = Text;
        while (!rest.IsEmpty)
        {
            VersionText.AddNumber(ref hash, Next(ref rest));
        }

        return hash.ToHashCode();
    }

    public override string ToString() => Text;

    public static bool operator ==(CranVersion left, CranVersion right) => left.Equals(right);
    public static bool operator !=(CranVersion left, CranVersion right) => !left.Equals(right);
    public static bool operator <(CranVersion left, CranVersion right) => left.CompareTo(right) < 0;
    public static bool operator >(CranVersion left, CranVersion right) => left.CompareTo(right) > 0;
    public static bool operator <=(CranVersion left, CranVersion right) => left.CompareTo(right) <= 0;
    public static bool operator >=(CranVersion left, CranVersion right) => left.CompareTo(right) >= 0;

    private static ReadOnlySpan<char> Next(ref ReadOnlySpan<char> rest)
    {
        var end = rest.IndexOfAny('.', '-', '_');
        var number = end < 0 ? rest : rest[..end];
        rest = end < 0 ? [] : rest[(end + 1)..];
        return number;
    }
}
