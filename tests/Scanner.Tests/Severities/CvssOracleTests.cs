using EnvPlatform.Scanner.Severities;

namespace EnvPlatform.Scanner.Tests.Severities;

/// <summary>
/// Every CVSS vector that an independent library has scored or refused, in every column: three scores and the severity of each.
/// </summary>
public sealed class CvssOracleTests
{
    [TestCase("2.0", CvssVersion.V2)]
    [TestCase("3.0", CvssVersion.V30)]
    [TestCase("3.1", CvssVersion.V31)]
    [TestCase("4.0", CvssVersion.V40)]
    public void Scores_and_severities_are_those_of_the_specification(string label, CvssVersion version)
    {
        var rows = Oracle.Rows("cvss-vectors.tsv").Where(row => row[0] == label).ToArray();
        Assert.That(rows, Is.Not.Empty);
        var wrong =
            from row in rows
            let score = CvssScore.FromVector(row[1])
            let found = Columns(score)
            where found != string.Join(' ', row[2..8]) || (score is not null && score.Version != version)
            select $"{row[1]}: expected {string.Join(' ', row[2..8])}, found {found} ({row[8]})";
        Assert.That(wrong, Is.Empty);
    }

    private static string Columns(CvssScore? score) => score is null
        ? "invalid     "
        : $"{score.Base:0.0} {score.Temporal:0.0} {score.Environmental:0.0} {score.Severity} {score.TemporalSeverity} "
            + $"{score.EnvironmentalSeverity}";
}
