using System.Buffers;

namespace EnvPlatform.Scanner.Upgrades;

/// <summary>A command line of words, quoted so that the shell takes each one literally.</summary>
internal static class ShellWords
{
    private static readonly SearchValues<char> Safe = SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./:@+,");

    // Outside of quotes the command prompt splits words at a comma; and a path has backslashes.
    private static readonly SearchValues<char> SafeOnWindows = SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./:\\+");

    // Between double quotes the command prompt still replaces %NAME% and, where it is switched on, !NAME!; PowerShell replaces $NAME and
    // takes ` as an escape.
    private static readonly SearchValues<char> Unquotable = SearchValues.Create("%$`\"\u201c\u201d\u201e");

    /// <returns>
    /// posix: any POSIX shell and fish. windows: both the command prompt and PowerShell. powershell: the words can be quoted only there.
    /// </returns>
    public static (string Shell, string Command) Join(IReadOnlyList<string> words, bool isWindows)
    {
        if (!isWindows)
        {
            return ("posix", string.Join(' ', words.Select(Posix)));
        }

        return words.Any(word => word.AsSpan().ContainsAny(Unquotable))
            ? ("powershell", string.Join(' ', words.Select(PowerShell)))
            : ("windows", string.Join(' ', words.Select(Windows)));
    }

    private static string Posix(string word) =>
        IsPlain(word, Safe) ? word : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    private static string Windows(string word) => IsPlain(word, SafeOnWindows) ? word : $"\"{word}\"";

    // PowerShell treats typographic quotation marks as plain ones.
    private static string PowerShell(string word) =>
        IsPlain(word, SafeOnWindows)
            ? word
            : $"'{string.Concat(word.Select(c => c is '\'' or (>= '\u2018' and <= '\u201b') ? $"{c}{c}" : $"{c}"))}'";

    private static bool IsPlain(string word, SearchValues<char> safe) => word.Length > 0 && !word.AsSpan().ContainsAnyExcept(safe);
}
