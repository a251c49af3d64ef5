using static EnvPlatform.Scanner.Severities.CvssMetrics;

namespace EnvPlatform.Scanner.Severities;

/// <summary>
/// CVSS 2.0 (https://www.first.org/cvss/v2/guide, sections 3.2.1 to 3.2.3). There is a temporal or environmental score when a metric of
/// that group is given and is not <c>ND</c>.
/// </summary>
internal static class Cvss2
{
    private static readonly Metric[] Metrics = Metric.List(
        "AV L A N", "AC H M L", "Au M S N", "C N P C", "I N P C", "A N P C",
        "E U POC F H ND", "RL OF TF W U ND", "RC UC UR C ND",
        "CDP N L LM MH H ND", "TD N L M H ND", "CR L M H ND", "IR L M H ND", "AR L M H ND");

    private static readonly decimal[] AccessVector = [0.395m, 0.646m, 1.0m];
    private static readonly decimal[] AccessComplexity = [0.35m, 0.61m, 0.71m];
    private static readonly decimal[] Authentication = [0.45m, 0.56m, 0.704m];
    private static readonly decimal[] ImpactOf = [0.0m, 0.275m, 0.660m];
    private static readonly decimal[] Exploitability = [0.85m, 0.90m, 0.95m];
    private static readonly decimal[] RemediationLevel = [0.87m, 0.90m, 0.95m];
    private static readonly decimal[] ReportConfidence = [0.90m, 0.95m];
    private static readonly decimal[] CollateralDamage = [0.0m, 0.1m, 0.3m, 0.4m, 0.5m, 0.0m];
    private static readonly decimal[] TargetDistribution = [0.0m, 0.25m, 0.75m];
    private static readonly decimal[] Requirement = [0.5m, 1.0m, 1.51m];

    public static CvssScores? Scores(ReadOnlySpan<char> vector)
    {
        Span<int> values = stackalloc int[14];
        if (!TryRead(vector, Metrics, 6, values))
        {
            return null;
        }

        var threat =
            WeightOrOne(Exploitability, values[6]) * WeightOrOne(RemediationLevel, values[7]) * WeightOrOne(ReportConfidence, values[8]);
        var score = Base(values, Impact(values, 1, 1, 1));
        return new(
            score,
            IsAnyDefined(values[6..9], 6) ? Rounded(score * threat) : null,
            IsAnyDefined(values[9..], 9) ? Environmental(values, threat) : null);
    }

    private static decimal Environmental(ReadOnlySpan<int> values, decimal threat)
    {
        var impact = Impact(
            values, WeightOrOne(Requirement, values[11]), WeightOrOne(Requirement, values[12]), WeightOrOne(Requirement, values[13]));
        var adjusted = Rounded(threat * Base(values, Math.Min(10, impact)));
        var damage = CollateralDamage[values[9] < 0 ? 0 : values[9]];
        // Low requirements can lower the impact so far that the base equation is below zero, which is not a valid score.
        return Math.Max(0, Rounded((adjusted + ((10 - adjusted) * damage)) * WeightOrOne(TargetDistribution, values[10])));
    }

    private static decimal Base(ReadOnlySpan<int> values, decimal impact)
    {
        var exploitability = 20 * AccessVector[values[0]] * AccessComplexity[values[1]] * Authentication[values[2]];
        var score = ((0.6m * impact) + (0.4m * exploitability) - 1.5m) * (impact == 0 ? 0 : 1.176m);
        return Rounded(score);
    }

    private static decimal Impact(ReadOnlySpan<int> values, decimal confidentiality, decimal integrity, decimal availability) =>
        10.41m * (1 - (
            (1 - (ImpactOf[values[3]] * confidentiality)) * (1 - (ImpactOf[values[4]] * integrity))
                * (1 - (ImpactOf[values[5]] * availability))));

    // Values that are not in the table (high, not defined, not given) change nothing.
    private static decimal WeightOrOne(decimal[] weights, int value) => value >= 0 && value < weights.Length ? weights[value] : 1;

    private static bool IsAnyDefined(ReadOnlySpan<int> values, int first)
    {
        for (var i = 0; i < values.Length; i++)
        {
            if (values[i] >= 0 && values[i] < Metrics[first + i].Values.Length - 1)
            {
                return true;
            }
        }

        return false;
    }

    private static decimal Rounded(decimal score) => Math.Round(score, 1, MidpointRounding.AwayFromZero);
}
