using static EnvPlatform.Scanner.Severities.CvssMetrics;

namespace EnvPlatform.Scanner.Severities;

/// <summary>The base score of CVSS 2.0 (https://www.first.org/cvss/v2/guide, section 3.2.1).</summary>
internal static class Cvss2
{
    private static readonly Metric[] Metrics = Metric.List(
        "AV L A N", "AC H M L", "Au M S N", "C N P C", "I N P C", "A N P C",
        "E U POC F H ND", "RL OF TF W U ND", "RC UC UR C ND",
        "CDP N L LM MH H ND", "TD N L M H ND", "CR L M H ND", "IR L M H ND", "AR L M H ND");

    private static readonly decimal[] AccessVector = [0.395m, 0.646m, 1.0m];
    private static readonly decimal[] AccessComplexity = [0.35m, 0.61m, 0.71m];
    private static readonly decimal[] Authentication = [0.45m, 0.56m, 0.704m];
    private static readonly decimal[] Impact = [0.0m, 0.275m, 0.660m];

    public static decimal? BaseScore(string vector)
    {
        Span<int> values = stackalloc int[14];
        if (!TryRead(vector, Metrics, 6, values)) return null;
        var impact = 10.41m * (1 - ((1 - Impact[values[3]]) * (1 - Impact[values[4]]) * (1 - Impact[values[5]])));
        var exploitability = 20 * AccessVector[values[0]] * AccessComplexity[values[1]] * Authentication[values[2]];
        var score = ((0.6m * impact) + (0.4m * exploitability) - 1.5m) * (impact == 0 ? 0 : 1.176m);
        return Math.Round(score, 1, MidpointRounding.AwayFromZero);
    }
}
