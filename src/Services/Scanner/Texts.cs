using EnvPlatform.Scanner.Matching;
using EnvPlatform.Scanner.Severities;

namespace EnvPlatform.Scanner;

/// <summary>How the scanner's enumerations are stored: as the API writes them.</summary>
internal static class Texts
{
    public static string Of(Severity severity) => severity switch
    {
        Severity.Critical => "critical",
        Severity.High => "high",
        Severity.Medium => "medium",
        Severity.Low => "low",
        Severity.None => "none",
        Severity.Unknown => "unknown",
        _ => throw new ArgumentOutOfRangeException(nameof(severity), severity, null),
    };

    public static string Of(Coverage coverage) => coverage switch
    {
        Coverage.Checked => "checked",
        Coverage.NotChecked => "not_checked",
        Coverage.NotApplicable => "not_applicable",
        _ => throw new ArgumentOutOfRangeException(nameof(coverage), coverage, null),
    };
}
