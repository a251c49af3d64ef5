using System.Globalization;

namespace EnvPlatform.Agent.Output;

/// <summary>Times and sizes as people read them.</summary>
internal static class Times
{
    public static string? Minute(DateTimeOffset? time) =>
        time?.ToUniversalTime().ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture);

    public static string Day(DateTimeOffset time) => time.ToUniversalTime().ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);

    /// <summary><c>40 s</c>, <c>5 min</c>, <c>7 h</c>, <c>3 d</c>: in the unit that needs few digits.</summary>
    public static string Length(TimeSpan time) => time switch
    {
        { TotalSeconds: < 120 } => Whole(time.TotalSeconds, "s"),
        { TotalMinutes: < 120 } => Whole(time.TotalMinutes, "min"),
        { TotalHours: < 96 } => Whole(time.TotalHours, "h"),
        _ => Whole(time.TotalDays, "d"),
    };

    /// <summary>Megabytes of 1,000,000 bytes.</summary>
    public static string Megabytes(long bytes) => (bytes / 1e6).ToString("0.0", CultureInfo.InvariantCulture);

    private static string Whole(double number, string unit) => $"{Math.Max(number, 0).ToString("0", CultureInfo.InvariantCulture)} {unit}";
}
