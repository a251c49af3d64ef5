using EnvPlatform.Conda;

namespace EnvPlatform.Scanner.Matching;

/// <summary>A bound of a range that is no version of its project's order, and the version that was read out of it.</summary>
/// <param name="Bound">As the advisory writes it: <c>2.6.0-NA</c>.</param>
/// <param name="ReadAs">The version in it: <c>2.6.0</c>.</param>
public sealed record BoundReading(string Bound, string ReadAs)
{
    // What CPE has in the place of an update where there is none.
    private const string NoUpdate = "-NA";

    /// <summary>
    /// Reads the version that a text begins with: the longest beginning that is one and does not end within a word or a number. Dates are
    /// not read: <c>2024-09-25</c> begins with a version, and means a state of a repository.
    /// </summary>
    /// <param name="isWhole">The text means exactly that version: it only escapes it, or says that there is no update.</param>
    internal static BoundReading? TryRead<T>(string text, out T version, out bool isWhole)
        where T : struct, IVersion<T>
    {
        var plain = text.Replace("\\", "", StringComparison.Ordinal);
        isWhole = true;
        if (T.TryParse(plain, out version))
        {
            return new(text, plain);
        }

        isWhole = false;
        version = default;
        if (!BeginsWithNumber(plain) || IsDate(plain) || plain.Length > VersionText.LongestRead)
        {
            return null;
        }

        for (var end = plain.Length - 1; end > 0; end--)
        {
            if (IsWithin(plain[end - 1], plain[end]) || !char.IsAsciiLetterOrDigit(plain[end - 1])
                || !T.TryParse(plain[..end], out version))
            {
                continue;
            }

            isWhole = plain.AsSpan(end).Equals(NoUpdate, StringComparison.OrdinalIgnoreCase);
            return new(text, plain[..end]);
        }

        return null;
    }

    private static bool IsWithin(char last, char next) =>
        (char.IsAsciiDigit(last) && char.IsAsciiDigit(next)) || (char.IsAsciiLetter(last) && char.IsAsciiLetter(next));

    // In some orders a word is a version.
    private static bool BeginsWithNumber(string text) =>
        text.Length > 0 && (char.IsAsciiDigit(text[0]) || (text.Length > 1 && text[0] is 'v' or 'V' && char.IsAsciiDigit(text[1])));

    private static bool IsDate(string text)
    {
        const string form = "0000-00-00";
        return text.Length >= form.Length
            && form.Index().All(expected => expected.Item == '-'
                ? text[expected.Index] == '-'
                : char.IsAsciiDigit(text[expected.Index]));
    }
}
