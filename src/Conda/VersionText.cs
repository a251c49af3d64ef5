namespace EnvPlatform.Conda;

/// <summary>
/// What the version schemes share: numbers of any length compared as text, and white space as Python's <c>str</c> defines it.
/// </summary>
internal static class VersionText
{
    /// <summary>Characters of the longest text in which a version is looked for.</summary>
    public const int LongestRead = 256;

    /// <summary>Compares two runs of ASCII digits as numbers of any size; an empty run is zero.</summary>
    public static int CompareNumbers(ReadOnlySpan<char> a, ReadOnlySpan<char> b)
    {
        a = a.TrimStart('0');
        b = b.TrimStart('0');
        return a.Length != b.Length ? a.Length.CompareTo(b.Length) : Math.Sign(a.SequenceCompareTo(b));
    }

    public static bool IsZero(ReadOnlySpan<char> digits) => digits.TrimStart('0').IsEmpty;

    public static bool IsDigits(ReadOnlySpan<char> text) => !text.IsEmpty && !text.ContainsAnyExceptInRange('0', '9');

    /// <summary>Compares two words, ignoring ASCII case.</summary>
    public static int CompareWords(ReadOnlySpan<char> a, ReadOnlySpan<char> b)
    {
        var common = Math.Min(a.Length, b.Length);
        for (var i = 0; i < common; i++)
        {
            var order = Lower(a[i]).CompareTo(Lower(b[i]));
            if (order != 0)
            {
                return Math.Sign(order);
            }
        }

        return a.Length.CompareTo(b.Length);
    }

    public static char Lower(char c) => char.IsAsciiLetterUpper(c) ? (char)(c | 0x20) : c;

    public static void AddNumber(ref HashCode hash, ReadOnlySpan<char> digits)
    {
        foreach (var digit in digits.TrimStart('0'))
        {
            hash.Add(digit);
        }

        hash.Add(-1);
    }

    public static void AddWord(ref HashCode hash, ReadOnlySpan<char> word)
    {
        foreach (var c in word)
        {
            hash.Add(Lower(c));
        }

        hash.Add(-2);
    }

    /// <summary>Where the text starts and ends without the white space around it (Python's <c>str.strip</c>).</summary>
    public static (int Start, int End) Strip(ReadOnlySpan<char> text)
    {
        var start = 0;
        var end = text.Length;
        while (start < end && IsSpace(text[start]))
        {
            start++;
        }

        while (end > start && IsSpace(text[end - 1]))
        {
            end--;
        }

        return (start, end);
    }

    // The four information separators are white space in Python, not in .NET.
    private static bool IsSpace(char c) => char.IsWhiteSpace(c) || c is >= '\x1c' and <= '\x1f';

    /// <summary>The length of the run of ASCII digits at <paramref name="at"/>.</summary>
    public static int DigitsAt(ReadOnlySpan<char> text, int at)
    {
        var rest = text[at..].IndexOfAnyExceptInRange('0', '9');
        return rest < 0 ? text.Length - at : rest;
    }
}
