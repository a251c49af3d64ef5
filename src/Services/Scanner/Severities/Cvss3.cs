using static EnvPlatform.Scanner.Severities.CvssMetrics;

namespace EnvPlatform.Scanner.Severities;

/// <summary>The base score of CVSS 3.0 and 3.1 (https://www.first.org/cvss/v3-1/specification-document, section 7.1).</summary>
internal static class Cvss3
{
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

    public static decimal? BaseScore(string vector, bool isVersion31)
    {
        Span<int> values = stackalloc int[22];
        if (!TryRead(vector.AsSpan("CVSS:3.x/".Length), Metrics, 8, values)) return null;

        var isChanged = values[4] == 1;
        var lost = 1 - ((1 - Impact[values[5]]) * (1 - Impact[values[6]]) * (1 - Impact[values[7]]));
        var impact = isChanged ? (7.52m * (lost - 0.029m)) - (3.25m * Power(lost - 0.02m, 15)) : 6.42m * lost;
        if (impact <= 0) return 0.0m;

        var privileges = isChanged ? PrivilegesChanged : PrivilegesUnchanged;
        var exploitability = 8.22m * AttackVector[values[0]] * AttackComplexity[values[1]] * privileges[values[2]] * UserInteraction[values[3]];
        var score = Math.Min(isChanged ? 1.08m * (impact + exploitability) : impact + exploitability, 10m);
        return isVersion31 ? RoundUp31(score) : Math.Ceiling(score * 10) / 10;
    }

    // Version 3.1 disregards what is beyond the fifth decimal place, which binary arithmetic had turned into another tenth (appendix A).
    private static decimal RoundUp31(decimal score)
    {
        var hundredThousandths = (long)Math.Round(score * 100_000);
        return hundredThousandths % 10_000 == 0 ? hundredThousandths / 100_000m : ((hundredThousandths / 10_000) + 1) / 10m;
    }

    private static decimal Power(decimal value, int exponent)
    {
        var power = 1m;
        for (var i = 0; i < exponent; i++) power *= value;
        return power;
    }
}
