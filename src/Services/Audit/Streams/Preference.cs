using System.Globalization;

using Microsoft.Extensions.Primitives;

namespace EnvPlatform.Audit.Streams;

/// <summary>
/// The preference <c>wait</c> of a request: how long the response may be delayed until there is something to return (RFC 7240, section
/// 4.3).
/// </summary>
internal static class Preference
{
    public const string Header = "Prefer";
    public const string AppliedHeader = "Preference-Applied";

    /// <summary>Seconds at most: well below the timeouts of proxies.</summary>
    public const int MaxWait = 30;

    /// <summary>
    /// Seconds, at most <see cref="MaxWait"/>; null where there is no such preference. One that cannot be parsed is ignored, as the RFC
    /// requires.
    /// </summary>
    public static int? WaitOf(StringValues values)
    {
        foreach (var preference in values.SelectMany(value => (value ?? "").Split(',', StringSplitOptions.TrimEntries)))
        {
            var parts = preference.Split(';')[0].Split('=', 2, StringSplitOptions.TrimEntries);
            if (parts is [var name, var value] && name.Equals("wait", StringComparison.OrdinalIgnoreCase))
            {
                return int.TryParse(value.Trim('"'), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
                    ? Math.Min(seconds, MaxWait)
                    : null;
            }
        }

        return null;
    }
}
