using static EnvPlatform.Scanner.Severities.CvssMetrics;

namespace EnvPlatform.Scanner.Severities;

/// <summary>
/// The score of CVSS 4.0 (https://www.first.org/cvss/v4-0/specification-document, sections 7 and 8): a vector belongs to one of 270 macro
/// vectors, each with a score that experts have given; within it the score goes down with the distance from the macro vector's most severe
/// vectors.
/// </summary>
internal static class Cvss4
{
    // The position of a value is its distance from the most severe one, in the metrics that have distances.
    private static readonly Metric[] Metrics = Metric.List(
        "AV N A L P", "AC L H", "AT N P", "PR N L H", "UI N P A", "VC H L N", "VI H L N", "VA H L N", "SC H L N", "SI H L N", "SA H L N",
        "E X A P U", "CR X H M L", "IR X H M L", "AR X H M L",
        "MAV X N A L P", "MAC X L H", "MAT X N P", "MPR X N L H", "MUI X N P A", "MVC X H L N", "MVI X H L N", "MVA X H L N",
        "MSC X H L N", "MSI X S H L N", "MSA X S H L N",
        "S X N P", "AU X N Y", "R X A U I", "V X D C", "RE X L M H", "U X Clear Green Amber Red");

    private const int FirstModified = 15;
    private const int Mandatory = 11;

    // Table 23 of the specification's supplement, in tenths; -1 is an impossible combination (EQ3 2 with EQ6 0).
    private static readonly sbyte[] Scores =
    [
        // EQ1 0, EQ2 0; lines are EQ3, groups of six EQ4, pairs EQ5
        100, 99, 98, 95, 95, 92, 100, 96, 93, 87, 91, 81, 93, 90, 89, 80, 81, 68,
        98, 95, 95, 92, 90, 84, 93, 92, 89, 81, 81, 65, 88, 80, 78, 70, 69, 48,
        -1, 92, -1, 82, -1, 72, -1, 79, -1, 69, -1, 50, -1, 69, -1, 55, -1, 27,
        // EQ1 0, EQ2 1; lines are EQ3, groups of six EQ4, pairs EQ5
        99, 97, 95, 92, 92, 85, 95, 91, 90, 83, 84, 71, 92, 81, 82, 71, 72, 53,
        95, 93, 92, 85, 85, 73, 92, 82, 80, 72, 70, 59, 84, 70, 71, 52, 50, 30,
        -1, 86, -1, 75, -1, 52, -1, 71, -1, 52, -1, 29, -1, 63, -1, 29, -1, 17,
        // EQ1 1, EQ2 0; lines are EQ3, groups of six EQ4, pairs EQ5
        98, 95, 94, 87, 91, 81, 94, 89, 86, 74, 77, 64, 87, 75, 74, 63, 63, 49,
        94, 89, 88, 77, 76, 67, 86, 76, 74, 58, 59, 50, 72, 57, 57, 52, 52, 25,
        -1, 83, -1, 70, -1, 54, -1, 65, -1, 58, -1, 26, -1, 53, -1, 21, -1, 13,
        // EQ1 1, EQ2 1; lines are EQ3, groups of six EQ4, pairs EQ5
        95, 90, 88, 76, 76, 70, 90, 77, 75, 62, 61, 53, 77, 66, 68, 59, 52, 30,
        89, 78, 76, 67, 62, 58, 74, 59, 57, 57, 47, 23, 61, 52, 57, 29, 24, 16,
        -1, 71, -1, 59, -1, 30, -1, 58, -1, 26, -1, 15, -1, 23, -1, 13, -1, 6,
        // EQ1 2, EQ2 0; lines are EQ3, groups of six EQ4, pairs EQ5
        93, 87, 86, 72, 75, 58, 86, 74, 74, 61, 56, 34, 70, 54, 52, 40, 40, 22,
        85, 75, 74, 55, 62, 51, 72, 57, 55, 41, 46, 19, 53, 36, 34, 19, 19, 8,
        -1, 64, -1, 51, -1, 20, -1, 47, -1, 21, -1, 11, -1, 24, -1, 9, -1, 4,
        // EQ1 2, EQ2 1; lines are EQ3, groups of six EQ4, pairs EQ5
        88, 75, 73, 53, 60, 50, 73, 55, 59, 40, 41, 20, 54, 43, 45, 22, 20, 11,
        75, 55, 58, 45, 40, 21, 61, 51, 48, 18, 20, 9, 46, 18, 17, 7, 8, 2,
        -1, 53, -1, 24, -1, 14, -1, 24, -1, 12, -1, 5, -1, 10, -1, 3, -1, 1,
    ];

    // The most severe vectors of each level, as distances: AV PR UI; AC AT; VC VI VA CR IR AR by EQ3 and EQ6; SC SI SA.
    private static readonly int[][][] WorstOfEq1 = [[[0, 0, 0]], [[1, 0, 0], [0, 1, 0], [0, 0, 1]], [[3, 0, 0], [1, 1, 1]]];
    private static readonly int[][][] WorstOfEq2 = [[[0, 0]], [[1, 0], [0, 1]]];
    private static readonly int[][][] WorstOfEq3And6 =
    [
        [[0, 0, 0, 0, 0, 0]],
        [[0, 0, 1, 1, 1, 0], [0, 0, 0, 1, 1, 1]],
        [[1, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0]],
        [[1, 0, 1, 0, 1, 0], [1, 0, 0, 0, 1, 1], [0, 1, 0, 1, 0, 1], [0, 1, 1, 1, 0, 0], [1, 1, 0, 0, 0, 1]],
        [],
        [[1, 1, 1, 0, 0, 0]],
    ];

    private static readonly int[][][] WorstOfEq4 = [[[1, 0, 0]], [[1, 1, 1]], [[2, 2, 2]]];

    // How many steps a vector can be away from the worst of its level, plus one (table 24 of the supplement).
    private static readonly int[] DepthOfEq1 = [1, 4, 5];
    private static readonly int[] DepthOfEq2 = [1, 2];
    private static readonly int[] DepthOfEq3And6 = [7, 6, 8, 8, 0, 10];
    private static readonly int[] DepthOfEq4 = [6, 5, 4];

    /// <param name="metrics">In the order of the specification's table 23, which makes any other order invalid.</param>
    public static decimal? Score(ReadOnlySpan<char> metrics)
    {
        Span<int> values = stackalloc int[32];
        if (!TryRead(metrics, Metrics, Mandatory, values, inOrder: true))
        {
            return null;
        }

        var v = new Effective(values);
        if (v is { Vc: 2, Vi: 2, Va: 2, Sc: 3, Si: 3, Sa: 3 })
        {
            return 0.0m;
        }

        var eq1 = v is { Av: 0, Pr: 0, Ui: 0 } ? 0 : v.Av != 3 && (v.Av == 0 || v.Pr == 0 || v.Ui == 0) ? 1 : 2;
        var eq2 = v is { Ac: 0, At: 0 } ? 0 : 1;
        var eq3 = v is { Vc: 0, Vi: 0 } ? 0 : v.Vc == 0 || v.Vi == 0 || v.Va == 0 ? 1 : 2;
        var eq4 = v.Si == 0 || v.Sa == 0 ? 0 : v.Sc == 1 || v.Si == 1 || v.Sa == 1 ? 1 : 2;
        var eq5 = v.E;
        var eq6 = v is { Cr: 0, Vc: 0 } or { Ir: 0, Vi: 0 } or { Ar: 0, Va: 0 } ? 0 : 1;
        var eq3And6 = (eq3 * 2) + eq6;

        var score = Look(eq1, eq2, eq3, eq4, eq5, eq6)!.Value;
        var lessIn3And6 = eq6 == 1 ? Look(eq1, eq2, eq3 + 1, eq4, eq5, 1)
            : eq3 == 0 ? Higher(Look(eq1, eq2, 0, eq4, eq5, 1), Look(eq1, eq2, 1, eq4, eq5, 0))
            : Look(eq1, eq2, eq3, eq4, eq5, 1);

        var mean = default(Mean);
        mean.Add(score - Look(eq1 + 1, eq2, eq3, eq4, eq5, eq6), Distance(WorstOfEq1[eq1], [v.Av, v.Pr, v.Ui]), DepthOfEq1[eq1]);
        mean.Add(score - Look(eq1, eq2 + 1, eq3, eq4, eq5, eq6), Distance(WorstOfEq2[eq2], [v.Ac, v.At]), DepthOfEq2[eq2]);
        mean.Add(
            score - lessIn3And6, Distance(WorstOfEq3And6[eq3And6], [v.Vc, v.Vi, v.Va, v.Cr, v.Ir, v.Ar]), DepthOfEq3And6[eq3And6]);
        mean.Add(score - Look(eq1, eq2, eq3, eq4 + 1, eq5, eq6), Distance(WorstOfEq4[eq4], [v.Sc, v.Si, v.Sa]), DepthOfEq4[eq4]);
        mean.Add(score - Look(eq1, eq2, eq3, eq4, eq5 + 1, eq6), 0, 1);

        // The reference implementation computes in binary and adds a millionth, so that an exact half is rounded up.
        const decimal epsilon = 0.000_001m;
        return Math.Round(Math.Clamp(score - mean.Value, 0m, 10m) + epsilon, 1, MidpointRounding.AwayFromZero);
    }

    private static decimal? Look(int eq1, int eq2, int eq3, int eq4, int eq5, int eq6)
    {
        if (eq1 > 2 || eq2 > 1 || eq3 > 2 || eq4 > 2 || eq5 > 2 || eq6 > 1)
        {
            return null;
        }

        var score = Scores[(((((((((eq1 * 2) + eq2) * 3) + eq3) * 3) + eq4) * 3) + eq5) * 2) + eq6];
        return score < 0 ? null : score / 10m;
    }

    private static decimal? Higher(decimal? a, decimal? b) => a > b || b is null ? a : b;

    // How far a vector is below the worst one that is not below it in any metric.
    private static int Distance(int[][] worst, ReadOnlySpan<int> values)
    {
        foreach (var one in worst)
        {
            var distance = 0;
            var isAbove = true;
            for (var i = 0; i < values.Length; i++)
            {
                isAbove &= values[i] >= one[i];
                distance += values[i] - one[i];
            }

            if (isAbove)
            {
                return distance;
            }
        }

        return 0;
    }

    /// <summary>The mean of the deductions for the distances, over the metric groups that have a lower level.</summary>
    private struct Mean
    {
        private decimal _sum;
        private int _count;

        public readonly decimal Value => _count == 0 ? 0 : _sum / _count;

        public void Add(decimal? available, int distance, int depth)
        {
            if (available is not { } known || known < 0)
            {
                return;
            }

            _sum += known * distance / depth;
            _count++;
        }
    }

    /// <summary>
    /// The values that count: modified ones before those of the base, the worst where a threat or requirement is not defined.
    /// </summary>
    private readonly ref struct Effective(ReadOnlySpan<int> values)
    {
        private readonly ReadOnlySpan<int> _values = values;

        public int Av => Base(0);

        public int Ac => Base(1);

        public int At => Base(2);

        public int Pr => Base(3);

        public int Ui => Base(4);

        public int Vc => Base(5);

        public int Vi => Base(6);

        public int Va => Base(7);

        // Subsequent systems have one more level at the top, safety, which only the modified metrics can name.
        public int Sc => Modified(8) > 0 ? Modified(8) : _values[8] + 1;

        public int Si => Modified(9) > 0 ? Modified(9) - 1 : _values[9] + 1;

        public int Sa => Modified(10) > 0 ? Modified(10) - 1 : _values[10] + 1;

        public int E => Math.Max(0, _values[11] - 1);

        public int Cr => Math.Max(0, _values[12] - 1);

        public int Ir => Math.Max(0, _values[13] - 1);

        public int Ar => Math.Max(0, _values[14] - 1);

        private int Modified(int metric) => _values[FirstModified + metric];

        private int Base(int metric) => Modified(metric) > 0 ? Modified(metric) - 1 : _values[metric];
    }
}
