using System.Text.Json;

using EnvPlatform.Agent.Client;
using EnvPlatform.Agent.Output;

namespace EnvPlatform.Agent.Tests.Output;

[TestFixture]
public sealed class FindingTableTests
{
    private static readonly FindingView Finding = new(
        "CVE-2022-0778", 7.5, "high", "active", 0.05, false, JsonDocument.Parse("""["1.1.1n"]""").RootElement, "A loop.",
        CuratedAt: new DateTimeOffset(2026, 11, 20, 23, 30, 0, TimeSpan.FromHours(-5)));

    private static readonly FindingPackage Package = new("conda", "openssl", "1.1.1k", "h27cfd23_0", Channel: "pkgs/main");

    [Test]
    public void Columns_are_left_out_from_the_right()
    {
        var titles = FindingTable.Columns.Select(column => column.Title).ToArray();
        var seen = new HashSet<int>();
        for (var width = 40; width <= 220; width += 4)
        {
            using var output = new StringWriter();
            TerminalTable.Write(output, colour: false, width, FindingTable.Columns, [FindingTable.Row(Finding, Package)]);
            var head = output.ToString().Split('\n').First(line => line.Contains("VULNERABILITY", StringComparison.Ordinal));
            var shown = titles.Where(title => head.Contains(title.Split(' ')[0], StringComparison.Ordinal)).ToArray();
            Assert.That(shown, Is.EqualTo(titles[..shown.Length]), $"{width} characters");
            seen.Add(shown.Length);
        }

        Assert.That(seen, Does.Contain(6).And.Contains(titles.Length).And.Count.GreaterThan(5));
    }

    [Test]
    public void What_a_member_needs_to_judge_a_finding_is_shown() =>
        Assert.That(FindingTable.Row(Finding, Package).Select(cell => cell.Text), Is.EqualTo(new[]
        {
            "CVE-2022-0778", "high", "7.5", "openssl", "1.1.1k", "1.1.1n", "active", "✓ 2026-11-21", "h27cfd23_0", "pkgs/main", "no",
            "0.05000", "A loop.",
        }));

    [Test]
    public void What_is_not_known_is_said_in_words()
    {
        var bare = FindingTable.Row(new FindingView("CVE-1"), new FindingPackage("conda", "openssl"));
        var pip = FindingTable.Row(new FindingView("CVE-1", Status: "reported", FixedIn: JsonDocument.Parse("[]").RootElement),
            new FindingPackage("pypi", "requests", "2.25.1"));
        Assert.Multiple(() =>
        {
            Assert.That(bare.Select(cell => cell.Text), Is.EqualTo(new[]
            {
                "CVE-1", "unknown", "unknown", "openssl", "unknown", "unknown", "unknown", "unknown", "unknown", "unknown", "unknown",
                "unknown", "none given",
            }));
            Assert.That(pip.Select(cell => cell.Text).Skip(5).Take(5),
                Is.EqualTo(new[] { "none published", "reported", "no", "-", "pypi" }));
        });
    }
}
