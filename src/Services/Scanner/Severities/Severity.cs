namespace EnvPlatform.Scanner.Severities;

/// <summary>The severity that is shown and filtered by: the rating of a CVSS score, or unknown.</summary>
public enum Severity
{
    Unknown,
    None,
    Low,
    Medium,
    High,
    Critical,
}

/// <summary>The qualitative ratings of CVSS 3 and 4; NVD uses the upper three for CVSS 2 as well.</summary>
public static class SeverityRating
{
    /// <summary>The rating of a base score, 0.0 to 10.0. CVSS 2 knows neither none nor critical: low from 0.0, high from 7.0.</summary>
    public static Severity Of(CvssVersion version, decimal score) => version == CvssVersion.V2
        ? score >= 7.0m ? Severity.High : score >= 4.0m ? Severity.Medium : Severity.Low
        : score >= 9.0m ? Severity.Critical
        : score >= 7.0m ? Severity.High
        : score >= 4.0m ? Severity.Medium
        : score > 0.0m ? Severity.Low
        : Severity.None;

    /// <summary>A database's own rating; <see cref="Severity.Unknown"/> for an unknown word.</summary>
    public static Severity OfWord(string? word) => word?.ToUpperInvariant() switch
    {
        "CRITICAL" => Severity.Critical,
        "HIGH" or "IMPORTANT" => Severity.High,
        "MEDIUM" or "MODERATE" => Severity.Medium,
        "LOW" => Severity.Low,
        "NONE" => Severity.None,
        _ => Severity.Unknown,
    };
}
