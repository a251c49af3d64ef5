namespace EnvPlatform.Agent.Output;

/// <summary>A word of a command that is shown to be pasted into the shell of this machine.</summary>
internal static class ShellWord
{
    /// <summary>The word, in quotation marks where the shell would not take it literally.</summary>
    public static string Of(string word)
    {
        if (word.Length > 0 && word.All(character => char.IsAsciiLetterOrDigit(character) || "_-./:@+,\\".Contains(character)
            && (character != '\\' || OperatingSystem.IsWindows())))
        {
            return word;
        }

        return OperatingSystem.IsWindows() ? $"\"{word}\"" : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";
    }
}
