namespace EnvPlatform.Agent.Collectors;

/// <summary>Text as the platform takes it where there may be several lines: without control characters but line feed and tab.</summary>
internal static class PlainText
{
    /// <summary>The text with U+FFFD in the place of each other control character.</summary>
    public static string Of(string text) => text.Any(IsOdd)
        ? string.Concat(text.Replace("\r\n", "\n", StringComparison.Ordinal).Select(character => IsOdd(character) ? '\uFFFD' : character))
        : text;

    private static bool IsOdd(char character) => char.IsControl(character) && character is not ('\n' or '\t');
}
