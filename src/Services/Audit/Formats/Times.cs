using System.Globalization;

namespace EnvPlatform.Audit.Formats;

/// <summary>Times as the entries of the log have them.</summary>
internal static class Times
{
    public static string Text(DateTimeOffset time) =>
        time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);
}
