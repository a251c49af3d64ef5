using System.Text;

namespace EnvPlatform.Policy.Documents;

/// <summary>Why a document is not valid.</summary>
/// <param name="Path">The field as a JSON pointer (RFC 6901): <c>/rules/0/when/cvss</c>; empty for the whole document.</param>
/// <param name="Found">What was found there, for people.</param>
/// <param name="Allowed">What may stand there, for people.</param>
/// <param name="Line">Of the text, counted from 1; 0 where that is not known.</param>
/// <param name="IsBeyondSchema">Whether a JSON Schema cannot say it: names that are given twice, sums over rules.</param>
internal sealed record PolicyError(string Path, string Found, string Allowed, int Line = 0, bool IsBeyondSchema = false)
{
    private const int Longest = 60;

    /// <summary>Both in a sentence.</summary>
    public string Message => $"Found {Found}; allowed is {Allowed}.";

    /// <summary>The pointer to a member or item of what a pointer is at.</summary>
    public static string Child(string path, string key) =>
        path + "/" + key.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal);

    /// <summary>A text of the document in quotes, at most a line, without what could control a terminal.</summary>
    public static string Quote(string text) => $"\"{Shorten(text)}\"";

    public static string Shorten(string text)
    {
        var shown = new StringBuilder();
        foreach (var rune in text.EnumerateRunes())
        {
            if (shown.Length >= Longest)
            {
                return shown.Append("...").ToString();
            }

            shown.Append(rune.Value < 0x10000 && PlainLine.IsRefused((char)rune.Value) ? "\uFFFD" : rune.ToString());
        }

        return shown.ToString();
    }
}

/// <summary>
/// One line of text as people read it: no control characters, which a terminal would obey, and none that change its direction.
/// </summary>
internal static class PlainLine
{
    /// <summary>The refused characters, for a class of a regular expression of ECMA-262 and .NET alike.</summary>
    public const string Refused = @"\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069";

    public static bool IsRefused(char c) => c is <= '\u001f' or (>= '\u007f' and <= '\u009f') or (>= '\u2028' and <= '\u202e')
        or (>= '\u2066' and <= '\u2069');
}
