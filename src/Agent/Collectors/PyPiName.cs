using System.Text.RegularExpressions;

namespace EnvPlatform.Agent.Collectors;

/// <summary>The names of Python distributions.</summary>
internal static partial class PyPiName
{
    /// <summary>The name normalised as PEP 503 says: lower case, runs of <c>-</c>, <c>_</c> and <c>.</c> become one <c>-</c>.</summary>
    public static string Normalized(string name) => Separators().Replace(name, "-").ToLowerInvariant();

    [GeneratedRegex("[-_.]+", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 30_000)]
    private static partial Regex Separators();
}
