using System.CommandLine;
using System.Globalization;

using EnvPlatform.Agent.Client;
using EnvPlatform.Agent.Output;

namespace EnvPlatform.Agent.Commands;

/// <summary>Lists the environments that the caller may see.</summary>
internal sealed class EnvListCommand : Command
{
    private readonly Option<string?> _search = new("--search") { Description = "Part of the name or path.", HelpName = "TEXT" };
    private readonly Option<string?> _platform = new("--platform") { Description = "Only this platform.", HelpName = "PLATFORM" };
    private readonly Option<string?> _status = new("--status") { Description = "Only this status: ok, warn, block." };
    private readonly Option<string?> _withSeverity =
        new("--severity") { Description = "Only those with vulnerabilities of this severity." };
    private readonly Option<bool> _archived = new("--archived") { Description = "The archived ones." };
    private readonly Option<bool> _incomplete = new("--incomplete") { Description = "Only those that could not be read in full." };
    private readonly Option<string?> _sort = new("--sort")
    {
        Description = "A field, with - before it for descending: name, packages, vulnerabilities, max_cvss, updated_at...",
        HelpName = "FIELD"
    };
    private readonly Option<int> _limit =
        new("--limit") { Description = "At most so many, up to 1000.", HelpName = "N", DefaultValueFactory = _ => 100 };
    private readonly Option<bool> _json = new("--json") { Description = "Answer in JSON, as the platform sends it." };

    public EnvListCommand(Surroundings surroundings)
        : base("list", "List the environments that you may see.")
    {
        Add(_search);
        Add(_platform);
        Add(_status);
        Add(_withSeverity);
        Add(_archived);
        Add(_incomplete);
        Add(_sort);
        Add(_limit);
        Add(_json);
        _limit.Validators.Add(ListLimit.Check);
        SetAction((parsed, ct) => RunAsync(parsed, surroundings, ct));
    }

    private async Task<int> RunAsync(ParseResult parsed, Surroundings surroundings, CancellationToken ct)
    {
        using var session = Session.Open(surroundings);
        var query = Session.Query(
            ("search", parsed.GetValue(_search)), ("platform", parsed.GetValue(_platform)), ("status", parsed.GetValue(_status)),
            ("severity", parsed.GetValue(_withSeverity)), ("archived", parsed.GetValue(_archived) ? "true" : null),
            ("incomplete", parsed.GetValue(_incomplete) ? "true" : null), ("sort", parsed.GetValue(_sort)),
            ("limit", parsed.GetValue(_limit).ToString()));
        var answer = await session.Client.GetAsync(session.Path("environments") + query, CallOptions.Usual, ct);
        return PageOutput.Show(
            surroundings, answer, parsed.GetValue(_json), AgentJson.Default.PageEnvironmentView, "environments", Columns, Row);
    }

    private static readonly IReadOnlyList<Column> Columns =
    [
        new("ID"), new("NAME", Wraps: true), new("STATUS"), new("PLATFORM", Optional: true), new("MACHINE", Optional: true),
        new("PACKAGES", Right: true, Optional: true), new("VULNERABILITIES", Right: true), new("CVSS", Right: true, Optional: true),
        new("UPDATED", Optional: true),
    ];

    private static Cell[] Row(EnvironmentView environment) =>
    [
        environment.Id.ToString(),
        environment.Name,
        Severity.Status(environment.Status),
        environment.Platform ?? "unknown",
        environment.Machine?.Hostname ?? "unknown",
        environment.Packages,
        environment.ScannedAt is null
            ? new Cell("pending")
            : new Cell((environment.Vulnerabilities?.Total.ToString() ?? "unknown") + Completeness(environment.IncompleteCount),
                Worst(environment.Vulnerabilities)),
        environment.MaxCvss?.ToString("0.0", CultureInfo.InvariantCulture)
            ?? (environment.ScannedAt is null ? "pending" : environment.Vulnerabilities is { Total: 0 } ? "none" : "unknown"),
        Times.Minute(environment.UpdatedAt) ?? "unknown",
    ];

    /// <summary>An older agent does not say whether it read everything.</summary>
    private static string Completeness(int? incomplete) => incomplete switch
    {
        null => " (completeness unknown)",
        0 => "",
        _ => " (incomplete)",
    };

    private static string? Worst(SeverityCounts? counts) => counts switch
    {
        { Critical: > 0 } => "bold red",
        { High: > 0 } => "red",
        { Medium: > 0 } => "yellow",
        _ => null,
    };
}
