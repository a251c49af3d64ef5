using EnvPlatform.Agent.Output;

namespace EnvPlatform.Agent.Tests.Output;

[TestFixture]
public sealed class TerminalTableTests
{
    private const string Id = "01a1fd94-1581-7186-81d8-d476e237f62a";

    private static readonly IReadOnlyList<Column> Columns =
        [
            new("ID"), new("NAME", Wraps: true), new("MACHINE", Optional: true), new("VULNERABILITIES", Right: true),
            new("UPDATED", Optional: true)
        ];

    private static readonly IReadOnlyList<Cell[]> Rows = [[Id, "science.explicit", "build-server-17", 50, "2026-11-21 10:08"]];

    [TestCase(160, "MACHINE,UPDATED")]
    [TestCase(100, "MACHINE")]
    [TestCase(80, "")]
    [TestCase(40, "")]
    public void An_id_is_never_broken_and_optional_columns_go_first(int width, string optional)
    {
        using var output = new StringWriter();
        TerminalTable.Write(output, colour: false, width, Columns, Rows);
        var text = output.ToString();
        Assert.That(text, Does.Contain(Id).And.Contain("VULNERABILITIES"));
        Assert.That(string.Join(',', new[] { "MACHINE", "UPDATED" }.Where(title => text.Contains(title, StringComparison.Ordinal))),
            Is.EqualTo(optional));
        Assert.That(text.Split('\n').Max(line => line.TrimEnd().Length), Is.LessThanOrEqualTo(Math.Max(width, 75)));
    }
}
