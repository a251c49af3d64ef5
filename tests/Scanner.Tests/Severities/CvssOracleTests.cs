using EnvPlatform.Scanner.Severities;

namespace EnvPlatform.Scanner.Tests.Severities;

/// <summary>Every CVSS vector that an independent library has scored or refused.</summary>
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
            let found = CvssScore.FromVector(row[1])
            let text = found is null ? "invalid" : found.Base.ToString("0.0")
            where text != row[2] || (found is not null && (found.Version != version || found.Severity.ToString() != row[5]))
            select $"{row[1]}: expected {row[2]} {row[5]}, found {text} {found?.Severity} ({row[8]})";
        Assert.That(wrong, Is.Empty);
    }
}
