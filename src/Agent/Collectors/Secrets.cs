using System.Text.RegularExpressions;

namespace EnvPlatform.Agent.Collectors;

/// <summary>Masks the secrets that people type into conda and pip commands, before the text leaves the machine or is printed.</summary>
internal static partial class Secrets
{
    private const string Mask = "***";

    /// <summary>
    /// The text with these replaced by <c>***</c>: the token of <c>/t/TOKEN/</c>, credentials before <c>@</c> in URLs with or without a
    /// scheme, and the values of options, query fields and variables whose names say token, password, secret or key.
    /// </summary>
    public static string Masked(string text)
    {
        text = ChannelToken().Replace(text, "/t/" + Mask);
        text = UrlCredentials().Replace(text, "://" + Mask + "@");
        text = BareCredentials().Replace(text, Mask + "@");
        return NamedSecret().Replace(text, "${name}" + Mask);
    }

    [GeneratedRegex("""/t/[^/\s"'?#]+""", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex ChannelToken();

    // Greedy up to the last @ before the path: a password may itself hold an @.
    [GeneratedRegex("""://[^/\s"']*@""", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex UrlCredentials();

    [GeneratedRegex("""(?<=^|[\s"'=])[^\s/:@"'=]+:[^\s/"']+@(?=[\w.-])""", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex BareCredentials();

    [GeneratedRegex(
        """(?<name>(?:--?|[?&]|\b)[\w-]*(?:token|password|passwd|secret|api[-_]?key)(?:\s*=\s*|(?<=--[\w-]*)\s+))(?:"[^"]*"|'[^']*'|[^\s&"']+)""",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex NamedSecret();
}
