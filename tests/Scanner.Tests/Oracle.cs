using EnvPlatform.Testing;

namespace EnvPlatform.Scanner.Tests;

/// <summary>Tab-separated labels of the data folder, one header line; fields are never trimmed.</summary>
internal static class Oracle
{
    public static IEnumerable<string[]> Rows(string name)
    {
        var rows = File.ReadLines(TestData.File("oracles", name)).Skip(1).Select(line => line.Split('\t')).ToArray();
        Assert.That(rows, Has.Length.GreaterThan(1_000), $"{name} is too short to say anything.");
        return rows;
    }
}
