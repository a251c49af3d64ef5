using EnvPlatform.Conda;
using EnvPlatform.Scanner.Matching.Versions;

namespace EnvPlatform.Scanner.Tests.Matching.Versions;

/// <summary>Every pair of versions that independent tools have labelled.</summary>
public sealed class VersionOracleTests
{
    [Test]
    public void Conda_versions_are_valid_and_ordered_as_conda_says() => Agree<CondaVersion>("conda-version-order.tsv");

    [Test]
    public void Python_versions_are_valid_and_ordered_as_PEP_440_says() => Agree<Pep440Version>("pep440-order.tsv");

    private static void Agree<T>(string oracle)
        where T : struct, IVersion<T>
    {
        var wrong =
            from row in Oracle.Rows(oracle)
            let found = Label<T>(row[0], row[1])
            let mirrored = Label<T>(row[1], row[0])
            where found != row[2] || mirrored != Mirror(row[2])
            select $"'{row[0]}' and '{row[1]}': expected {row[2]}, found {found}, mirrored {mirrored}";
        Assert.That(wrong, Is.Empty);
    }

    private static string Label<T>(string a, string b)
        where T : struct, IVersion<T>
    {
        var isA = T.TryParse(a, out var x);
        var isB = T.TryParse(b, out var y);
        if (!isA || !isB)
        {
            return isA ? "invalid-b" : isB ? "invalid-a" : "invalid-both";
        }

        var order = Math.Sign(x.CompareTo(y));
        if (order == 0 && (!x.Equals(y) || x.GetHashCode() != y.GetHashCode()))
        {
            return "equal with different hashes";
        }

        return $"{order}";
    }

    private static string Mirror(string label) => label switch
    {
        "1" => "-1",
        "-1" => "1",
        "invalid-a" => "invalid-b",
        "invalid-b" => "invalid-a",
        _ => label,
    };
}
