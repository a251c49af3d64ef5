using System.Text.Json;

using EnvPlatform.Scanner.Matching;
using EnvPlatform.Testing;

namespace EnvPlatform.Scanner.Tests.Matching;

/// <summary>R packages of real environments have the findings of an independent program.</summary>
public sealed class CranOracleTests
{
    [Test]
    public void Every_R_package_that_an_advisory_names_has_the_expected_findings()
    {
        var index = RealEnvironments.Index("cran-osv.zip");
        var rows = 0;
        var wrong = new List<string>();
        foreach (var environment in File.ReadLines(TestData.File("oracles", "expected-findings-cran.jsonl"))
            .Select(line => JsonDocument.Parse(line).RootElement))
        {
            foreach (var expected in environment.GetProperty("packages").EnumerateArray())
            {
                rows++;
                var package = new InstalledPackage(
                    PackageManager.Conda, expected.GetProperty("name").GetString()!, expected.GetProperty("version").GetString(),
                    expected.GetProperty("build").GetString());
                var match = index.Match(package);
                var ids = expected.GetProperty("ids").EnumerateArray().Select(id => id.GetString()).ToArray();
                if (match.Coverage != Coverage.Checked
                    || match.Mapped.Identity != PackageIdentity.Of(Ecosystems.Cran, expected.GetProperty("cran").GetString()!)
                    || !match.Hits.Select(hit => hit.Advisory.Id).SequenceEqual(ids))
                {
                    wrong.Add($"{package}: expected [{string.Join(' ', ids)}], found {match.Coverage} "
                        + $"[{string.Join(' ', match.Hits.Select(hit => hit.Advisory.Id))}]");
                }
            }
        }

        Assert.That(rows, Is.GreaterThan(0));
        Assert.That(wrong, Is.Empty);
    }

    [Test]
    public void No_other_package_of_a_real_environment_has_one()
    {
        var index = RealEnvironments.Index("cran-osv.zip");
        var expected = File.ReadLines(TestData.File("oracles", "expected-findings-cran.jsonl"))
            .Select(line => JsonDocument.Parse(line).RootElement)
            .ToDictionary(
                row => row.GetProperty("env").GetString()!,
                row => row.GetProperty("packages").EnumerateArray().Select(package => package.GetProperty("name").GetString()).ToHashSet());
        var others =
            from environment in RealEnvironments.Read()
            from package in environment.Packages
            where index.Match(package).Hits.Length > 0 && !expected[environment.Id].Contains(package.Name)
            select $"{environment.Id}: {package}";
        Assert.That(others, Is.Empty);
    }
}
