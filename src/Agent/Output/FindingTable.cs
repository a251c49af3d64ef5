using System.Globalization;
using System.Text.Json;

using EnvPlatform.Agent.Client;

namespace EnvPlatform.Agent.Output;

/// <summary>Findings as rows of a table, one for each package. What is not known is said in words.</summary>
internal static class FindingTable
{
    private const int LongestSummary = 70;
    private const string Unknown = "unknown";

    /// <summary>What identifies a finding and what to do about it first: the others are left out from the right.</summary>
    public static readonly IReadOnlyList<Column> Columns =
        [new("VULNERABILITY"), new("SEVERITY"), new("CVSS", Right: true), new("PACKAGE", Wraps: true), new("VERSION"),
        new("FIXED IN", Wraps: true), new("STATUS", Optional: true), new("CURATED", Optional: true), new("BUILD", Optional: true),
        new("CHANNEL", Optional: true), new("EXPLOITED", Optional: true), new("EPSS", Right: true, Optional: true),
        new("SUMMARY", Wraps: true, Optional: true)];

    public static Cell[] Row(FindingView finding, FindingPackage package) =>
    [
        finding.Kev == true ? new Cell(finding.Id + " (exploited)", "bold red") : finding.Id,
        Severity.Cell(finding.Severity),
        finding.Cvss?.ToString("0.0", CultureInfo.InvariantCulture) ?? Unknown,
        package.Name,
        Known(package.Version),
        FixedIn(package.FixedIn ?? finding.FixedIn),
        Known(package.Status ?? finding.Status),
        finding.CuratedAt is { } at ? $"✓ {Times.Day(at)}" : finding.Status is null ? Unknown : "no",
        package.Manager == Collectors.Package.PyPi ? "-" : Known(package.Build),
        package.Manager == Collectors.Package.PyPi ? package.Manager : Known(package.Channel),
        finding.Kev switch { true => "yes", false => "no", null => Unknown },
        finding.Epss?.ToString("0.00000", CultureInfo.InvariantCulture) ?? Unknown,
        finding.Summary switch
        {
            null or "" => "none given",
            { Length: > LongestSummary } summary => summary[..(LongestSummary - 1)] + "…",
            var summary => summary,
        },
    ];

    /// <summary>Says that the platform's answer leaves packages of a vulnerability out; null where it does not.</summary>
    public static string? LeftOut(FindingView finding) =>
        finding.PackageCount is { } count && count > (finding.Packages?.Count ?? 0)
            ? $"{finding.Id} is in {count} packages, of which {finding.Packages?.Count ?? 0} are shown."
            : null;

    private static string Known(string? text) => string.IsNullOrEmpty(text) ? Unknown : text;

    private static string FixedIn(JsonElement? fixedIn) => fixedIn switch
    {
        { ValueKind: JsonValueKind.String } one => one.GetString()!,
        { ValueKind: JsonValueKind.Array } several when several.GetArrayLength() > 0 =>
            string.Join(", ", several.EnumerateArray().Select(version => version.ToString())),
        { ValueKind: JsonValueKind.Array } => "none published",
        _ => Unknown,
    };
}
