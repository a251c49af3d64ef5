namespace EnvPlatform.Scanner.Severities;

/// <summary>The versions of the Common Vulnerability Scoring System, oldest first.</summary>
public enum CvssVersion
{
    V2,
    V30,
    V31,
    V40,
}

/// <summary>A base score, 0.0 to 10.0 in steps of 0.1, computed from its vector. CVSS 4.0 has a single score, which all of its metrics enter.</summary>
public sealed record CvssScore(CvssVersion Version, decimal Base, string Vector)
{
    public Severity Severity => SeverityRating.Of(Version, Base);

    /// <summary>Computes the score of a vector of any version; null when the vector is malformed or lacks a mandatory metric.</summary>
    public static CvssScore? FromVector(string? vector)
    {
        if (string.IsNullOrEmpty(vector) || vector.Length > 512) return null;
        if (vector.StartsWith("CVSS:3.1/", StringComparison.Ordinal)) return Scored(CvssVersion.V31, Cvss3.BaseScore(vector, isVersion31: true), vector);
        if (vector.StartsWith("CVSS:3.0/", StringComparison.Ordinal)) return Scored(CvssVersion.V30, Cvss3.BaseScore(vector, isVersion31: false), vector);
        if (vector.StartsWith("CVSS:4.0/", StringComparison.Ordinal)) return Scored(CvssVersion.V40, Cvss4.Score(vector), vector);
        return vector.StartsWith("CVSS:", StringComparison.Ordinal) ? null : Scored(CvssVersion.V2, Cvss2.BaseScore(vector), vector);
    }

    /// <summary>
    /// The score that is shown where several exist: of the newest version of CVSS, and among those the highest. Scores of different versions do
    /// not compare, and sources that give a newer one give it as the better judgement.
    /// </summary>
    public static CvssScore? Best(IEnumerable<CvssScore?> scores)
    {
        CvssScore? best = null;
        foreach (var score in scores)
        {
            if (score is null) continue;
            if (best is null || (Generation(score), score.Base, score.Version).CompareTo((Generation(best), best.Base, best.Version)) > 0) best = score;
        }

        return best;
    }

    // 3.0 and 3.1 differ in rounding only.
    private static int Generation(CvssScore score) => score.Version switch
    {
        CvssVersion.V2 => 2,
        CvssVersion.V40 => 4,
        _ => 3,
    };

    private static CvssScore? Scored(CvssVersion version, decimal? score, string vector) =>
        score is { } known ? new CvssScore(version, known, vector) : null;
}
