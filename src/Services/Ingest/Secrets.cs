using System.Text.RegularExpressions;

namespace EnvPlatform.Ingest;

/// <summary>
/// Hides what conda's command lines and channel URLs may hold: <c>/t/TOKEN/</c> and <c>user:password@</c>. Agents do so before sending;
/// this is the second lock.
/// </summary>
internal static partial class Secrets
{
    public static string Mask(string text) =>
        text.Contains("/t/", StringComparison.Ordinal) || text.Contains('@', StringComparison.Ordinal)
            ? Password().Replace(Token().Replace(text, "/t/***"), "${scheme}***@")
            : text;

    [GeneratedRegex("""/t/[^/\s"']+""", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Token();

    [GeneratedRegex("""(?<scheme>://)[^/\s@"']*@""", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Password();
}
