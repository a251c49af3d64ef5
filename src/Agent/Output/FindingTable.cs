using System.Globalization;
using System.Text.Json;

using EnvPlatform.Agent.Client;

namespace EnvPlatform.Agent.Output;

/// <summary>Findings as rows of a table.</summary>
internal static class FindingTable
{
    private const int LongestSummary = 70;

    public static readonly IReadOnlyList<Column> Columns =
        [new("VULNERABILITY"), new("SEVERITY"), new("CVSS", Right: true), new("PACKAGE", Wraps: true), new("FIXED IN", Wraps: true),
        new("STATUS", Optional: true), new("SUMMARY", Wraps: true)];

    public static Cell[] Row(FindingView finding, string package) =>
    [
        finding.Kev == true ? new Cell(finding.Id + " (exploited)", "bold red") : finding.Id,
        Severity.Cell(finding.Severity),
        finding.Cvss?.ToString("0.0", CultureInfo.InvariantCulture),
        package,
        FixedIn(finding.FixedIn),
        finding.Status,
        finding.Summary is { Length: > LongestSummary } summary ? summary[..(LongestSummary - 1)] + "…" : finding.Summary,
    ];

    private static string FixedIn(JsonElement? fixedIn) => fixedIn switch
    {
        { ValueKind: JsonValueKind.String } one => one.GetString()!,
        { ValueKind: JsonValueKind.Array } several => string.Join(", ", several.EnumerateArray().Select(version => version.ToString())),
        _ => "",
    };
}
