using static EnvPlatform.Scanner.Severities.CvssMetrics;

namespace EnvPlatform.Scanner.Severities;

/// <summary>
/// CVSS 3.0 and 3.1 (https://www.first.org/cvss/v3-0/specification-document, section 8, and
/// https://www.first.org/cvss/v3-1/specification-document, section 7). Metrics may be in any order. A metric that is not given is <c>X</c>,
/// so there is always a temporal and an environmental score.
/// </summary>
internal static class Cvss3
{
    private const int FirstModified = 14;

    private static readonly Metric[] Metrics = Metric.List(
        "AV N A L P", "AC L H", "PR N L H", "UI N R", "S U C", "C H L N", "I H L N", "A H L N",
        "E X H F P U", "RL X U W T O", "RC X C R U", "CR X H M L", "IR X H M L", "AR X H M L",
        "MAV X N A L P", "MAC X L H", "MPR X N L H", "MUI X N R", "MS X U C", "MC X H L N", "MI X H L N", "MA X H L N");

    private static readonly decimal[] AttackVector = [0.85m, 0.62m, 0.55m, 0.2m];
    private static readonly decimal[] AttackComplexity = [0.77m, 0.44m];
    private static readonly decimal[] PrivilegesUnchanged = [0.85m, 0.62m, 0.27m];
    private static readonly decimal[] PrivilegesChanged = [0.85m, 0.68m, 0.5m];
    private static readonly decimal[] UserInteraction = [0.85m, 0.62m];
    private static readonly decimal[] Impact = [0.56m, 0.22m, 0.0m];
    private static readonly decimal[] ExploitMaturity = [1, 1, 0.97m, 0.94m, 0.91m];
    private static readonly decimal[] RemediationLevel = [1, 1, 0.97m, 0.96m, 0.95m];
    private static readonly decimal[] ReportConfidence = [1, 1, 0.96m, 0.92m];
    private static readonly decimal[] Requirement = [1, 1.5m, 1, 0.5m];

    public static CvssScores? Scores(ReadOnlySpan<char> metrics, bool isVersion31)
    {
        Span<int> values = stackalloc int[22];
        if (!TryRead(metrics, Metrics, 8, values))
        {
            return null;
        }

        var threat = ExploitMaturity[Optional(values[8])] * RemediationLevel[Optional(values[9])] * ReportConfidence[Optional(values[10])];
        var score = RoundUp(Base(values), isVersion31);
        return new(score, RoundUp(score * threat, isVersion31), RoundUp(
            RoundUp(Modified(values, isVersion31), isVersion31) * threat, isVersion31));
    }

    private static decimal Base(ReadOnlySpan<int> values)
    {
        var isChanged = values[4] == 1;
        var lost = 1 - ((1 - Impact[values[5]]) * (1 - Impact[values[6]]) * (1 - Impact[values[7]]));
        var impact = isChanged ? (7.52m * (lost - 0.029m)) - (3.25m * Power(lost - 0.02m, 15)) : 6.42m * lost;
        return Sum(impact, values[..5]);
    }

    // Version 3.1 has an impact of its own for a changed scope, which never falls when a requirement rises.
    private static decimal Modified(ReadOnlySpan<int> values, bool isVersion31)
    {
        Span<int> effective = stackalloc int[8];
        for (var i = 0; i < effective.Length; i++)
        {
            effective[i] = values[FirstModified + i] > 0 ? values[FirstModified + i] - 1 : values[i];
        }

        var lost = Math.Min(0.915m, 1 - (
            (1 - (Impact[effective[5]] * Requirement[Optional(values[11])]))
            * (1 - (Impact[effective[6]] * Requirement[Optional(values[12])]))
            * (1 - (Impact[effective[7]] * Requirement[Optional(values[13])]))));
        var impact = effective[4] == 0 ? 6.42m * lost
            : (7.52m * (lost - 0.029m)) - (3.25m * (isVersion31 ? Power((lost * 0.9731m) - 0.02m, 13) : Power(lost - 0.02m, 15)));
        return Sum(impact, effective[..5]);
    }

    private static decimal Sum(decimal impact, ReadOnlySpan<int> exploitability)
    {
        if (impact <= 0)
        {
            return 0;
        }

        var isChanged = exploitability[4] == 1;
        var privileges = isChanged ? PrivilegesChanged : PrivilegesUnchanged;
        var sum = impact + (8.22m * AttackVector[exploitability[0]] * AttackComplexity[exploitability[1]]
            * privileges[exploitability[2]] * UserInteraction[exploitability[3]]);
        return Math.Min(isChanged ? 1.08m * sum : sum, 10);
    }

    private static int Optional(int value) => Math.Max(value, 0);

    // Version 3.1 ignores digits beyond the fifth decimal place, which in binary arithmetic could add a tenth (appendix A).
    private static decimal RoundUp(decimal score, bool isVersion31)
    {
        if (!isVersion31)
        {
            return Math.Ceiling(score * 10) / 10;
        }

        var hundredThousandths = (long)Math.Round(score * 100_000);
        return hundredThousandths % 10_000 == 0 ? hundredThousandths / 100_000m : ((hundredThousandths / 10_000) + 1) / 10m;
    }

    private static decimal Power(decimal value, int exponent)
    {
        var power = 1m;
        for (var i = 0; i < exponent; i++)
        {
            power *= value;
        }

        return power;
    }
}
