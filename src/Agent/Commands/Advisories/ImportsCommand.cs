using System.CommandLine;

using EnvPlatform.Agent.Client;
using EnvPlatform.Agent.Output;

namespace EnvPlatform.Agent.Commands.Advisories;

/// <summary>Lists the imports, the latest first.</summary>
internal sealed class ImportsCommand : Command
{
    private readonly Option<int> _limit =
        new("--limit") { Description = "At most so many, up to 1000.", HelpName = "N", DefaultValueFactory = _ => 20 };
    private readonly Option<bool> _json = new("--json") { Description = "Answer in JSON, as the platform sends it." };

    public ImportsCommand(Surroundings surroundings)
        : base("imports", "List the imports, from files and from feeds, the latest first (operators only).")
    {
        _limit.Validators.Add(ListLimit.Check);
        Add(_limit);
        Add(_json);
        SetAction((parsed, ct) => RunAsync(parsed, surroundings, ct));
    }

    private async Task<int> RunAsync(ParseResult parsed, Surroundings surroundings, CancellationToken ct)
    {
        using var client = Session.Connect(surroundings, Settings.Load(surroundings));
        var answer = await client.GetAsync(
            "api/v1/advisories/imports" + Session.Query(("limit", parsed.GetValue(_limit).ToString())), CallOptions.Usual, ct);
        return PageOutput.Show(surroundings, answer, parsed.GetValue(_json), AgentJson.Default.PageImportView, "imports", Columns, Row);
    }

    private static readonly IReadOnlyList<Column> Columns =
    [
        new("ID"), new("STARTED"), new("FORMAT"), new("STATUS"), new("RECORDS", Right: true), new("ADDED", Right: true, Optional: true),
        new("CHANGED", Right: true, Optional: true),
        new("WITHDRAWN", Right: true, Optional: true), new("REJECTED", Right: true), new("ERROR", Wraps: true, Optional: true),
    ];

    private static Cell[] Row(ImportView import) =>
    [
        import.Id,
        Times.Minute(import.CreatedAt),
        import.Format,
        import.Status switch
        {
            "failed" => new Cell("failed", "red"),
            "running" => ImportFollowing.Step(import) is var now ? $"{now.Step} {now.Detail}" : "",
            var status => status,
        },
        Count(import.Advisories),
        Count(import.Added),
        Count(import.Changed),
        Count(import.Withdrawn),
        new Cell(Count(import.Rejected), import.Rejected > 0 ? "yellow" : null),
        import.Error,
    ];

    private static string Count(long? count) => count?.ToString() ?? "unknown";
}
