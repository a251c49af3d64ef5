using System.CommandLine;

using EnvPlatform.Agent.Client;
using EnvPlatform.Agent.Output;

namespace EnvPlatform.Agent.Commands.Vulnerabilities;

/// <summary>Lists the organization's verdicts on its vulnerabilities, or on one.</summary>
internal sealed class CurationsCommand : Command
{
    private readonly Argument<string?> _id = new("id")
    {
        Description = "Of this vulnerability only: its CVE id, an alias, or an advisory's id.",
        Arity = ArgumentArity.ZeroOrOne
    };
    private readonly Option<bool> _history = new("--history") { Description = "Also those that have ended." };
    private readonly Option<int> _limit =
        new("--limit") { Description = "At most so many, up to 1000.", HelpName = "N", DefaultValueFactory = _ => 100 };
    private readonly Option<bool> _json = new("--json") { Description = "Answer in JSON, as the platform sends it." };

    public CurationsCommand(Surroundings surroundings)
        : base("curations", "List what your organization holds of vulnerabilities, the latest first.")
    {
        _limit.Validators.Add(ListLimit.Check);
        Add(_id);
        Add(_history);
        Add(_limit);
        Add(_json);
        SetAction((parsed, ct) => RunAsync(parsed, surroundings, ct));
    }

    private async Task<int> RunAsync(ParseResult parsed, Surroundings surroundings, CancellationToken ct)
    {
        using var session = Session.Open(surroundings);
        var path = parsed.GetValue(_id) is { } id ? VulnerabilityCommand.PathOf(id) + "/curations" : "vulnerabilities/curations";
        var query = Session.Query(("history", parsed.GetValue(_history) ? "true" : null), ("limit", parsed.GetValue(_limit).ToString()));
        var answer = await session.Client.GetAsync(session.Path(path) + query, CallOptions.Usual, ct);
        return PageOutput.Show(surroundings, answer, parsed.GetValue(_json), AgentJson.Default.PageCurationView, "curations", Columns, Row);
    }

    private static readonly IReadOnlyList<Column> Columns =
    [
        new("VULNERABILITY"), new("IN", Wraps: true), new("STATUS"), new("REASON", Wraps: true), new("BY", Optional: true),
        new("SINCE", Optional: true), new("EXPIRES"), new("ENDED"),
    ];

    private static Cell[] Row(CurationView curation) =>
    [
        curation.VulnerabilityId,
        curation.Scope(),
        curation.Status,
        curation.Reason is { Length: > 0 } reason ? reason : "none given",
        curation.CreatedBy?.Email ?? curation.CreatedBy?.DisplayName ?? "unknown",
        Times.Minute(curation.CreatedAt),
        Times.Minute(curation.ExpiresAt) ?? "never",
        curation.EndedAs is { } ended
            ? $"{ended.Replace('_', ' ')} {Times.Minute(curation.EndedAt)}"
            : curation.InForce ? "in force" : "under a newer one",
    ];
}
