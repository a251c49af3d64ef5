using EnvPlatform.Agent.Client;

namespace EnvPlatform.Agent.Output;

/// <summary>Severities of vulnerabilities: their order, and how they are shown.</summary>
internal static class Severity
{
    /// <summary>
    /// The thresholds of <c>--fail-on</c>, mildest first; <c>any</c> also counts vulnerabilities without a known severity.
    /// </summary>
    public static readonly string[] Thresholds = ["any", "low", "medium", "high", "critical", "never"];

    /// <summary>Whether a finding is as severe as the threshold. One of unknown severity reaches <c>any</c> only.</summary>
    public static bool Reaches(string? severity, string threshold) => threshold switch
    {
        "never" => false,
        "any" => true,
        _ => Rank(severity) >= Rank(threshold),
    };

    /// <summary>0 for unknown, to 4 for critical.</summary>
    public static int Rank(string? severity) => severity?.ToLowerInvariant() switch
    {
        "critical" => 4,
        "high" => 3,
        "medium" => 2,
        "low" => 1,
        _ => 0,
    };

    public static Cell Cell(string? severity) => new(severity ?? "unknown", Rank(severity) switch
    {
        4 => "bold red",
        3 => "red",
        2 => "yellow",
        _ => null,
    });

    public static Cell Status(string? status) => new(status ?? "unknown", status switch
    {
        "block" => "bold red",
        "warn" => "yellow",
        "ok" => "green",
        _ => null,
    });

    /// <summary><c>12 (1 critical, 4 high, 7 medium)</c></summary>
    public static string Text(SeverityCounts? counts)
    {
        if (counts is null)
        {
            return "not known yet";
        }

        var parts = new (int Count, string Name)[]
            {
                (counts.Critical, "critical"),
                (counts.High, "high"), (counts.Medium, "medium"), (counts.Low, "low"), (counts.Unknown, "of unknown severity"),
            }
            .Where(part => part.Count > 0)
            .Select(part => $"{part.Count} {part.Name}");
        return counts.Total == 0 ? "none" : $"{counts.Total} ({string.Join(", ", parts)})";
    }
}
