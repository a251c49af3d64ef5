namespace EnvPlatform.Scanner.Severities;

/// <summary>The versions of the Common Vulnerability Scoring System, oldest first.</summary>
public enum CvssVersion
{
    V2,
    V30,
    V31,
    V40,
}

/// <summary>The scores of one vector, each 0.0 to 10.0 in steps of 0.1, computed from it.</summary>
/// <param name="Base">
/// Of the metrics that hold anywhere and at any time. CVSS 4.0 has this single score, which includes all metrics of the vector, also those
/// of threat and environment.
/// </param>
/// <param name="Temporal">Null where the version has none (4.0), or (2.0) where the vector has no such metrics.</param>
/// <param name="Environmental">
/// Null where the version has none (4.0), or (2.0) where the vector has no such metrics. Includes the temporal metrics.
/// </param>
public sealed record CvssScore(CvssVersion Version, decimal Base, decimal? Temporal, decimal? Environmental, string Vector)
{
    private const int MaxVector = 512;

    /// <summary>The rating of <see cref="Base"/>.</summary>
    public Severity Severity => SeverityRating.Of(Version, Base);

    /// <summary>The rating of <see cref="Temporal"/>.</summary>
    public Severity? TemporalSeverity => Temporal is { } score ? SeverityRating.Of(Version, score) : null;

    /// <summary>The rating of <see cref="Environmental"/>.</summary>
    public Severity? EnvironmentalSeverity => Environmental is { } score ? SeverityRating.Of(Version, score) : null;

    /// <summary>
    /// Computes the scores of a vector of any version; null when the vector is malformed, names a metric twice or one that is not of its
    /// version, or lacks a mandatory one. Letter case must be as in the specification.
    /// </summary>
    public static CvssScore? FromVector(string? vector)
    {
        if (string.IsNullOrEmpty(vector) || vector.Length > MaxVector)
        {
            return null;
        }

        var hasPrefix = vector.StartsWith("CVSS:", StringComparison.Ordinal);
        var (version, metrics) = !hasPrefix ? (CvssVersion.V2, 0)
            : vector.StartsWith("CVSS:3.0/", StringComparison.Ordinal) ? (CvssVersion.V30, 9)
            : vector.StartsWith("CVSS:3.1/", StringComparison.Ordinal) ? (CvssVersion.V31, 9)
            : vector.StartsWith("CVSS:4.0/", StringComparison.Ordinal) ? (CvssVersion.V40, 9)
            : (default, -1);
        if (metrics < 0)
        {
            return null;
        }

        var text = vector.AsSpan(metrics);
        CvssScores? scores = version switch
        {
            CvssVersion.V2 => Cvss2.Scores(text),
            CvssVersion.V40 => Cvss4.Score(text) is { } score ? new(score, null, null) : null,
            _ => Cvss3.Scores(text, version == CvssVersion.V31),
        };
        return scores is { } known ? new(version, known.Base, known.Temporal, known.Environmental, vector) : null;
    }

    /// <summary>
    /// The score that is shown where several exist: of the newest version of CVSS, and among those the highest base score. Scores of
    /// different versions are not comparable, and sources that give a newer one consider it the better assessment.
    /// </summary>
    public static CvssScore? Best(IEnumerable<CvssScore?> scores)
    {
        CvssScore? best = null;
        foreach (var score in scores)
        {
            if (score is null)
            {
                continue;
            }

            if (best is null || (Generation(score), score.Base, score.Version).CompareTo((Generation(best), best.Base, best.Version)) > 0)
            {
                best = score;
            }
        }

        return best;
    }

    // 3.0 and 3.1 differ only in rounding and in the environmental score.
    private static int Generation(CvssScore score) => score.Version switch
    {
        CvssVersion.V2 => 2,
        CvssVersion.V40 => 4,
        _ => 3,
    };
}

/// <summary>The scores of a vector in one version of CVSS; see <see cref="CvssScore"/>.</summary>
internal readonly record struct CvssScores(decimal Base, decimal? Temporal, decimal? Environmental);
