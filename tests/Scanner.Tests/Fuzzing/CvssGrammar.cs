namespace EnvPlatform.Scanner.Fuzzing;

/// <summary>The metrics of CVSS by group, each with its values.</summary>
internal static class CvssGrammar
{
    public static readonly string[] Base2 = ["AV L A N", "AC H M L", "Au M S N", "C N P C", "I N P C", "A N P C"];
    public static readonly string[] Threat2 = ["E ND U POC F H", "RL ND OF TF W U", "RC ND UC UR C"];
    public static readonly string[] Environment2 = ["CDP ND N L LM MH H", "TD ND N L M H", "CR ND L M H", "IR ND L M H", "AR ND L M H"];
    public static readonly string[] Base3 = ["AV N A L P", "AC L H", "PR N L H", "UI N R", "S U C", "C H L N", "I H L N", "A H L N"];
    public static readonly string[] Threat3 = ["E X H F P U", "RL X U W T O", "RC X C R U"];

    public static readonly string[] Environment3 =
    [
        "CR X H M L", "IR X H M L", "AR X H M L", "MAV X N A L P", "MAC X L H", "MPR X N L H", "MUI X N R", "MS X U C", "MC X H L N",
        "MI X H L N", "MA X H L N",
    ];

    public static readonly string[] Base4 =
        ["AV N A L P", "AC L H", "AT N P", "PR N L H", "UI N P A", "VC H L N", "VI H L N", "VA H L N", "SC H L N", "SI H L N", "SA H L N"];

    public static readonly string[] Environment4 =
    [
        "E X A P U", "CR X H M L", "IR X H M L", "AR X H M L", "MAV X N A L P", "MAC X L H", "MAT X N P", "MPR X N L H", "MUI X N P A",
        "MVC X H L N", "MVI X H L N",
        "MVA X H L N", "MSC X H L N", "MSI X S H L N", "MSA X S H L N",
    ];

    public static readonly string[] Supplemental4 =
    [
        "S X N P", "AU X N Y", "R X A U I", "V X D C", "RE X L M H", "U X Clear Green Amber Red"
    ];

    /// <summary>All metrics of the first group, some of the others, in the order of the specification.</summary>
    public static string Draw(Random random, string[] mandatory, params string[][] optional) =>
        string.Join('/', mandatory.Concat(optional.SelectMany(group => group).Where(_ => random.Next(2) == 0)).Select(metric =>
        {
            var words = metric.Split(' ');
            return $"{words[0]}:{words[random.Next(1, words.Length)]}";
        }));

    /// <summary>A vector of any version.</summary>
    public static string DrawVector(Random random) => random.Next(4) switch
    {
        0 => Draw(random, Base2, Threat2, Environment2),
        1 => "CVSS:3.0/" + Draw(random, Base3, Threat3, Environment3),
        2 => "CVSS:3.1/" + Draw(random, Base3, Threat3, Environment3),
        _ => "CVSS:4.0/" + Draw(random, Base4, Environment4, Supplemental4),
    };
}
